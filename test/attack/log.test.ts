import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { expect, it, describe } from "vitest"
import { limits } from "../../src/core/kit/limits.ts"
import { client } from "../../src/cli/api-client.ts"
import { newFolder, quiet, root, serve } from "../serving.ts"

/** Sends malformed requests on connections of their own, one after another. */
async function garble(deviceHttp: string, times: number): Promise<void> {
  const [host = "", port = ""] = deviceHttp.split(":")
  const head = `GET /d/secretkey123/ota.json HTTP/1.1\r\nAuthorization: Bearer topsecret.token\r\nbad header\u0007\r\n${"x".repeat(4000)}\r\n`
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(Number(port), host, () => socket.write(head))
      socket.on("error", () => undefined)
      socket.on("data", () => undefined)
      socket.once("close", () => resolve())
    })
  for (let sent = 0; sent < times; sent += 50) await Promise.all(Array.from({ length: 50 }, one))
}

const residentBytes = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024

describe("the log", () => {
  it("has few lines about malformed requests, and none of their bytes", async () => {
    const lines: string[] = []
    const server = await serve({ flags: ["--log-level", "info"], onLog: (line) => lines.push(line) })
    await garble(server.deviceHttp, 1500)
    const met = await server.api.call("limits", {})
    expect(met.find(({ name }) => name === "http.bad-requests")?.hits).toBe(1500)
    expect(met.find(({ name }) => name === "log.lines")?.hits).toBeGreaterThan(1400)
    await server.end("SIGTERM")
    const about = lines.filter((line) => line.includes("bad-request"))
    expect(about.length).toBeGreaterThan(0)
    expect(about.length).toBeLessThanOrEqual(limits["log.lines"].most)
    const whole = lines.join("\n")
    expect(whole.length).toBeLessThan(20_000)
    for (const secret of ["secretkey123", "topsecret", ...["secretkey123", "topsecret"].map(decimals)]) {
      expect(whole).not.toContain(secret)
    }
  })

  it("costs its buffer and no more when whoever reads it has stopped, and says how much was dropped", async () => {
    const data = newFolder()
    const flags = Object.entries({ ...quiet, "log-level": "trace" }).flatMap(([name, value]) => [`--${name}`, value])
    // Nobody reads its standard error: the pipe fills up.
    const child = spawn(process.execPath, [join(root, "bin", "waft.js"), "serve", "--data", data, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    })
    const ready = await new Promise<string>((resolve) =>
      createInterface({ input: child.stdout }).on("line", (line) => (line.startsWith("ready") ? resolve(line) : null)),
    )
    const at = (name: string): string => new RegExp(` ${name}=(\\S+)`).exec(ready)?.[1] ?? ""
    const api = client(`http://${at("http")}`, readFileSync(join(data, "admin-token"), "utf8").trim())
    const before = residentBytes(child.pid ?? 0)
    await garble(at("device-http"), 3000)
    expect((await api.call("health", {})).status).toBe("ok")
    expect(residentBytes(child.pid ?? 0) - before).toBeLessThan(60 << 20)
    child.kill("SIGKILL")
  })
})

function decimals(text: string): string {
  return [...Buffer.from(text)].join(",")
}
