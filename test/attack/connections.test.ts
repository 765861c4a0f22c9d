import { connect, type Socket } from "node:net"
import { expect, it, describe } from "vitest"
import { limits } from "../../src/core/kit/limits.ts"
import { RawClient } from "../../src/server/transports/ftp/raw-client.testing.ts"
import { serve } from "../serving.ts"
import { waft } from "./run-waft.ts"

const portOf = (address: string): number => Number(address.split(":").at(-1))

const holdOpen = (address: string, localAddress = "127.0.0.1"): Socket => {
  const socket = connect({ port: portOf(address), host: "127.0.0.1", localAddress })
  socket.on("error", () => undefined)
  socket.resume()
  return socket
}

describe("idle connections", () => {
  it("of callers at the management listener have an end, and the socket in the data folder stays open", async () => {
    const server = await serve()
    const { most } = limits["api.connections"]
    const idle = Array.from({ length: most + 40 }, () => holdOpen(server.url.replace("http://", "")))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const listed = await waft("limits", "--met", "--json", "--data", server.data)
    expect(listed.errors).toBe("")
    const met = JSON.parse(listed.out) as readonly { readonly name: string; readonly hits: number }[]
    expect(met.find(({ name }) => name === "api.connections")?.hits).toBeGreaterThanOrEqual(40)
    for (const socket of idle) socket.destroy()
    await server.end("SIGKILL")
  })

  it("beyond what the process may open leave room for the operator and for devices", async () => {
    const server = await serve({ openFiles: 700 })
    const idle: Socket[] = []
    for (const address of [server.ftp, server.deviceHttp]) {
      for (let n = 0; n < 1200; n++) {
        idle.push(holdOpen(address, `127.0.${1 + (n % 4)}.1`))
        if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    // Beyond the moment for which whoever has just come may be silent.
    await new Promise((resolve) => setTimeout(resolve, 5500))
    const { user = "", password = "" } =
      (await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "4g" } })).ftp ?? {}
    for (let n = 0; n < 10; n++) {
      expect((await server.api.call("health", {})).status).toBe("ok")
      const device = await RawClient.connect(portOf(server.ftp))
      expect(await device.code(`USER ${user}`)).toBe(331)
      expect(await device.code(`PASS ${password}`)).toBe(230)
      expect((await device.fetch("UPGRADE.TXT")).code).toBe(226)
      expect((await fetch(`http://${server.deviceHttp}/d/nobody/ota.json`)).status).toBe(404)
    }
    const met = await server.api.call("limits", {})
    const hits = (name: string): number => met.find((limit) => limit.name === name)?.hits ?? 0
    expect(hits("ftp.connections") + hits("ftp.strangers-per-address")).toBeGreaterThan(0)
    expect(hits("http.connections") + hits("http.strangers-per-address")).toBeGreaterThan(0)
    for (const socket of idle) socket.destroy()
    await server.end("SIGKILL")
  })
})
