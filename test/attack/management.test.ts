import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterEach, describe, expect, it } from "vitest"
import { freePort, newFolder, serve, type Serving } from "../serving.ts"
import { waft } from "./run-waft.ts"

const running: Serving[] = []
const start = async (options: Parameters<typeof serve>[0] = {}): Promise<Serving> => {
  const server = await serve(options)
  running.push(server)
  return server
}
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
})

/** What the server says to a request whose body is `body`, sent over and over by `connections` peers. */
function flood(url: string, head: string, body: Buffer, connections: number): Promise<readonly string[]> {
  const { hostname, port } = new URL(url)
  const one = (): Promise<string> =>
    new Promise((resolve) => {
      let heard = ""
      const socket = connect(Number(port), hostname, () => {
        socket.write(head)
        for (let at = 0; at < body.length; at += 65_536) socket.write(body.subarray(at, at + 65_536))
      })
      socket.on("data", (chunk: Buffer) => (heard += chunk.toString()))
      socket.on("error", () => undefined)
      socket.once("close", () => resolve(heard))
    })
  return Promise.all(Array.from({ length: connections }, one))
}

const residentBytes = (pid: number): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024

describe("the management port", () => {
  it("reads no body of who has no token: thirty megabytes of numbers cost nothing", async () => {
    const server = await start({ env: { NODE_OPTIONS: "--max-old-space-size=160" } })
    const before = residentBytes(server.pid)
    const body = Buffer.from(`[${"1,".repeat(15 << 20)}1]`)
    const head = (type: string): string =>
      `POST /api/devices/import HTTP/1.1\r\nHost: anything\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`
    const heard = [
      ...(await flood(server.url, head("application/json"), body, 4)),
      ...(await flood(server.url, head("application/octet-stream").replace("anything", "localhost"), body, 4)),
    ]
    // Who sends on after the answer may be cut off before reading it; nobody is heard out.
    for (const answer of heard) expect(answer).toMatch(/^$|^HTTP\/1\.1 4(01|21) /)
    expect((await server.api.call("health", {})).status).toBe("ok")
    expect(residentBytes(server.pid) - before).toBeLessThan(40 << 20)
  })

  it("has a socket for its folder's owner: whoever listens on the port of a server that died sees no token", async () => {
    const port = await freePort()
    const server = await start({ flags: ["--http", `127.0.0.1:${port}`] })
    expect((await waft("device", "list", "--data", server.data, "--json")).out.trim()).toBe("[]")
    await server.end("SIGKILL")
    expect(existsSync(join(server.data, "server.json"))).toBe(true)
    const seen: string[] = []
    const impostor: Server = createServer((request, response) => {
      seen.push(JSON.stringify(request.headers))
      response.end("[]")
    })
    await new Promise<void>((resolve) => impostor.listen(port, "127.0.0.1", resolve))
    const answer = await waft("device", "list", "--data", server.data)
    impostor.close()
    expect(answer).toMatchObject({ code: 1, out: "" })
    expect(answer.errors).toContain("No server uses the data folder")
    expect(seen).toEqual([])
  })

  it("sends no token through a folder that others may write to", async () => {
    const server = await start()
    chmodSync(server.data, 0o777)
    expect((await waft("device", "list", "--data", server.data)).errors).toMatch(/Others may write to .*chmod 700/)
    chmodSync(server.data, 0o700)
    expect((await waft("device", "list", "--data", server.data)).code).toBe(0)
  })

  it("is found no more after any signal that ends it", async () => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      const server = await start()
      await server.end(signal)
      expect(existsSync(join(server.data, "server.json")), signal).toBe(false)
      expect(existsSync(join(server.data, "api.socket")), signal).toBe(false)
    }
  })
})

describe("the data folder", () => {
  it("is closed to others, whatever it was before", async () => {
    const data = newFolder()
    chmodSync(data, 0o755)
    const mode = (name: string): string => (statSync(join(data, name)).mode & 0o777).toString(8)
    for (let run = 0; run < 2; run++) {
      const server = await start({ data })
      await server.api.call("addDevice", { body: { id: "m1", family: "waspmote", model: "4g" } }).catch(() => null)
      expect(mode(".")).toBe("700")
      expect(mode("images")).toBe("700")
      for (const name of ["waft.db", "waft.db-wal", "admin-token", "server.json"]) expect(mode(name), name).toBe("600")
      await server.end("SIGKILL")
      // As an earlier version left them.
      for (const name of [".", "images"]) chmodSync(join(data, name), 0o755)
      for (const name of ["waft.db", "waft.db-wal", "admin-token"]) chmodSync(join(data, name), 0o644)
    }
  })

  it("starts no empty fleet where there was one", async () => {
    const data = newFolder()
    mkdirSync(join(data, "images"))
    writeFileSync(join(data, "images", "0".repeat(64)), "an image")
    const refused = async (): Promise<string> =>
      (await waft("serve", "--data", data, "--http", "127.0.0.1:0", "--ftp", "127.0.0.1:0")).errors
    expect(await refused()).toMatch(/its database waft\.db is missing: bring it back with `waft restore`/)
    writeFileSync(join(data, "waft.db"), "")
    expect(await refused()).toMatch(/its database waft\.db is empty/)
    new Database(join(data, "waft.db")).exec("create table t (x); drop table t").close()
    expect(statSync(join(data, "waft.db")).size).toBeGreaterThan(0)
    expect(await refused()).toMatch(/its database waft\.db has no tables/)
    writeFileSync(join(data, "waft.db"), "no database at all. ".repeat(400))
    expect(await refused()).toMatch(/waft\.db is no sound database .*waft restore/)
    rmSync(join(data, "images"), { recursive: true })
    rmSync(join(data, "waft.db"))
    await start({ data })
  })
})
