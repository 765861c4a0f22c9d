import { connect, type Socket } from "node:net"
import { expect, it, describe } from "vitest"
import { RawClient } from "../../src/server/transports/ftp/raw-client.testing.ts"
import { serve } from "../serving.ts"

const portOf = (address: string): number => Number(address.split(":").at(-1))

describe("idle connections", () => {
  it("beyond what the process may open leave room for the operator and for devices", async () => {
    const server = await serve({ openFiles: 700 })
    const idle: Socket[] = []
    for (const address of [server.ftp, server.deviceHttp]) {
      for (let n = 0; n < 1200; n++) {
        const from = `127.0.${1 + (n % 4)}.1`
        const socket = connect({ port: portOf(address), host: "127.0.0.1", localAddress: from })
        socket.on("error", () => undefined)
        socket.resume()
        idle.push(socket)
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
