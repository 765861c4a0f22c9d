import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { listFaults, planSwarm, runSwarm, runVirtual } from "../../src/virtual/main.ts"
import { MoteServer, greenhouse } from "./mote-server.ts"

const modems = ["4g", "3g", "gprs-pro", "gprs-gps", "wifi-pro"] as const
const server = new MoteServer()
const scratch = mkdtempSync(join(tmpdir(), "waft-motes-"))
const forever = new AbortController().signal

beforeAll(() => server.start())
afterAll(async () => {
  await server.close()
  rmSync(scratch, { recursive: true })
})
beforeEach(() => {
  server.offer = null
  server.transfers.length = 0
})

const common = { family: "waspmote", speed: 1000, signal: forever, log: (): void => undefined }
const login = (): Record<string, string> => ({ ftp: server.address, user: "ota", password: "libelium" })

describe.each(modems)("a virtual mote with %s on real sockets", (model) => {
  it("updates itself, keeps what it has in its folder, and leaves the same offer alone afterwards", async () => {
    const state = join(scratch, model)
    server.offer = { image: greenhouse(1), name: "GREENH_", version: 5 }
    const end = await runVirtual({ ...common, model, server: login(), state })
    expect(end).toMatchObject({ running: { version: "5", program: "GREENH_" } })
    expect(server.transfers).toEqual([
      `ota UPGRADE.TXT 0-${`FILE:GREENH_\nPATH:/\nSIZE:${greenhouse(1).length}\nVERSION:5\n`.length}`,
      `ota GREENH_ 0-${greenhouse(1).length}`,
    ])
    const program = greenhouse(1).subarray(512)
    expect(readFileSync(join(state, "flash.bin")).subarray(0, program.length).equals(program)).toBe(true)
    server.transfers.length = 0
    await runVirtual({ ...common, model, server: login(), state })
    expect(server.transfers.map((line) => line.split(" ")[1])).toEqual(["UPGRADE.TXT"])
  })
})

it("every named fault of every modem ends with its code, before a server that offers an update", async () => {
  server.offer = { image: greenhouse(1), name: "GREENH_", version: 5 }
  const wrong: string[] = []
  for (const { model, fault, code, words } of listFaults("waspmote")) {
    const end = await runVirtual({ ...common, model, fault, server: login() })
    if (end.code !== code || end.words !== words) wrong.push(`${model} ${fault}: ${JSON.stringify(end)}`)
  }
  expect(wrong).toEqual([])
})

it("a virtual mote ends with an error of the guide when its login is wrong", async () => {
  const end = await runVirtual({ ...common, model: "4g", server: { ...login(), password: "wrong" } })
  expect(end).toMatchObject({ code: "3", words: "error opening FTP session", running: { version: "0" } })
})

describe("a swarm", () => {
  it("of motes with all modems updates itself, each device on its own beat", async () => {
    server.offer = { image: greenhouse(2), name: "GREENH_", version: 7 }
    const devices = planSwarm({ count: 50, models: modems, server: { ...login(), user: "mote-{n}" } })
    const result = await runSwarm({ ...common, devices, everyMs: 1000, rounds: 2, speed: 10_000 })
    expect(result).toMatchObject({ devices: 50, contacts: 100, running: { 7: 50 } })
    expect(server.transfers.filter((line) => line.includes("GREENH_ 0-")).length).toBe(50)
  })

  it("stops when it is told to and says what it did", async () => {
    const stop = new AbortController()
    const devices = planSwarm({ count: 5, models: ["4g"], server: login() })
    let contacts = 0
    const result = await runSwarm({
      ...common,
      devices,
      everyMs: 50,
      signal: stop.signal,
      onContact: () => {
        contacts += 1
        if (contacts === 12) stop.abort()
      },
    })
    expect(result.contacts).toBeGreaterThanOrEqual(12)
    expect(result.running).toEqual({ 0: 5 })
  })
})
