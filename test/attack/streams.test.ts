import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import { limits } from "../../src/core/kit/limits.ts"
import { serve } from "../serving.ts"

const residentBytes = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024

describe("event streams that nobody reads", () => {
  it("cost no more than their bounds, and keep no device waiting", async () => {
    const server = await serve()
    const token = readFileSync(`${server.data}/admin-token`, "utf8").trim()
    const devices = (from: number) =>
      Array.from({ length: 900 }, (_, at) => ({ id: `m${from + at}`, family: "waspmote", model: "4g" }))
    for (let from = 0; from < 9000; from += 900) {
      await server.api.call("importDevices", { body: devices(from) })
    }
    const before = residentBytes(server.pid)
    const [host = "", port = ""] = server.url.replace("http://", "").split(":")
    const head = `GET /api/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const deaf = Array.from({ length: 200 }, (): Socket => {
      const socket = connect(Number(port), host, () => socket.write(head))
      socket.on("error", () => undefined)
      socket.pause()
      return socket
    })
    let answered = 0
    for (let from = 9000; from < 18_000; from += 900) {
      await server.api.call("importDevices", { body: devices(from) })
      answered += (await fetch(`http://${server.deviceHttp}/d/nobody/ota.json`)).status === 404 ? 1 : 0
    }
    expect(answered).toBe(10)
    expect(residentBytes(server.pid) - before).toBeLessThan(limits["events.backlog-total"].most + (128 << 20))
    for (const socket of deaf) socket.destroy()
    await server.end("SIGKILL")
  })
})
