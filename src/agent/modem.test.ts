import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { HostReport } from "../core/families/host.ts"
import { identifyModule, updateModule } from "./modem.ts"
import { order } from "./small-server.testing.ts"

/** A module behind TCP that answers what it is, and says 627 to every download. */
function answersOf(version: string, typed: string[]): Server {
  const answers: Readonly<Record<string, string>> = {
    ATE0V1: "\r\nOK\r\n",
    ATI: `\r\nQuectel\r\nAG35\r\nRevision: ${version}\r\n\r\nOK\r\n`,
    "AT+QGMR": `\r\n${version}\r\n\r\nOK\r\n`,
    "AT+CGMR": `\r\n${version}\r\n\r\nOK\r\n`,
    "AT+CGSN": "\r\n866758040000012\r\n\r\nOK\r\n",
    [order.command]: '\r\nOK\r\n\r\n+QIND: "FOTA","FTPSTART"\r\n\r\n+QIND: "FOTA","FTPEND",627\r\n',
  }
  return createServer((socket) => {
    let text = ""
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += String(chunk)
      for (let end = text.indexOf("\r"); end >= 0; end = text.indexOf("\r")) {
        const command = text.slice(0, end)
        text = text.slice(end + 1)
        typed.push(command)
        socket.write(answers[command] ?? "\r\nERROR\r\n")
      }
    })
  })
}

let folder = ""
let server: Server
let typed: string[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waft-modem-"))
  typed = []
})

afterEach(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

async function module(version: string): Promise<readonly string[]> {
  server = answersOf(version, typed)
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  return [`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`]
}

describe("waft/modem", () => {
  it("says who is at a port, and that nobody is", async () => {
    const ports = await module(order.from)
    expect(await identifyModule({ ports })).toMatchObject({
      manufacturer: "Quectel",
      model: "AG35",
      version: order.from,
      imei: "866758040000012",
    })
    expect(await identifyModule({ ports: [join(folder, "none")] })).toBeNull()
  })

  it("carries out an order without a server, and knows it again after a restart", async () => {
    const ports = await module(order.from)
    const reports: HostReport[] = []
    const options = { ports, order, stateFolder: folder, onReport: (report: HostReport) => void reports.push(report) }
    expect(await updateModule(options)).toMatchObject({ state: "failed", code: 627 })
    expect(reports.map(({ state }) => state)).toEqual(["accepted", "downloading", "failed"])
    expect(await updateModule(options)).toMatchObject({ state: "failed", code: 627 })
    expect(typed.filter((command) => command === order.command)).toHaveLength(1)
  })

  it("types nothing that is not wanted", async () => {
    const ports = await module(order.from)
    const isWanted = (): Promise<boolean> => Promise.resolve(false)
    expect(await updateModule({ ports, order, stateFolder: folder, isWanted })).toMatchObject({ state: "dropped" })
    expect(typed).not.toContain(order.command)
  })

  it("refuses a state folder that is an agent's", async () => {
    const ports = await module(order.to)
    writeFileSync(join(folder, "agent.json"), '{"format":1,"reports":[]}')
    await expect(updateModule({ ports, order, stateFolder: folder })).rejects.toThrow("something else")
  })
})
