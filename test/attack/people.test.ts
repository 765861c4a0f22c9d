import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Client } from "basic-ftp"
import { afterEach, describe, expect, it } from "vitest"
import { serve, type Serving } from "../serving.ts"
import { waft, waftWith } from "./run-waft.ts"

const running: Serving[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
})

describe("a token from the command line", () => {
  it("has its rights at once, keeps them over a kill, and loses them when it is revoked", async () => {
    const first = await serve()
    running.push(first)
    const at = ["--data", first.data, "--json"]
    const made = await waft("token", "add", "ci", "--role", "viewer", "--group", "site=north", "--expires", "1h", ...at)
    const { id, token } = JSON.parse(made.out) as { id: string; token: string }
    expect(id).toMatch(/^t-/)
    await first.end("SIGKILL")
    const server = await serve({ data: first.data })
    running.push(server)
    const call = async (method: string, path: string): Promise<number> =>
      (await fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } })).status
    expect(await call("GET", "/api/devices")).toBe(200)
    expect(await call("GET", "/api/tokens")).toBe(403)
    expect(await call("DELETE", "/api/devices/m-1")).toBe(403)
    const list = await waft("token", "list", ...at)
    expect(JSON.parse(list.out)).toMatchObject([{ id, name: "ci", role: "viewer", group: "site=north" }])
    expect(list.out).not.toContain(token)
    expect((await waft("token", "revoke", "ci", ...at)).code).toBe(0)
    expect(await call("GET", "/api/devices")).toBe(401)
    expect(await waft("token", "add", "x", "--role", "owner", ...at)).toMatchObject({ code: 2 })
  })
})

describe("a user at the command line", () => {
  it("logs in, works with their rights, and logs out; nothing that they type holds up a device", async () => {
    const server = await serve()
    running.push(server)
    const home = mkdtempSync(join(tmpdir(), "waft-home-"))
    const file = join(home, "password")
    writeFileSync(file, "a heron at the weir\n")
    const at = ["--data", server.data]
    const made = await waft("user", "add", "ana", "--role", "operator", "--password-file", file, ...at)
    expect(made).toMatchObject({ code: 0, out: "ana may log in: operator, the whole fleet.\n" })

    const ana = { XDG_CONFIG_HOME: home, WAFT_SERVER: server.url }
    const wrong = join(home, "wrong")
    writeFileSync(wrong, "a heron at the wier\n")
    expect(await waftWith(ana, "login", "ana", "--password-file", wrong)).toMatchObject({
      code: 1,
      errors: "waft: The user or the password is wrong.\n",
    })
    expect((await waftWith(ana, "login", "ana", "--password-file", file)).out).toContain("ana is logged in until")
    expect(statSync(join(home, "waft", "sessions.json")).mode & 0o777).toBe(0o600)
    const added = await waftWith(ana, "device", "add", "m-1", "--family", "waspmote", "--model", "4g", "--json")
    expect(added.errors).toBe("")
    expect((await waftWith(ana, "user", "list")).errors).toContain("takes the role admin")
    const [session] = JSON.parse((await waftWith(ana, "session", "list", "--json")).out) as { name: string }[]
    expect(session?.name).toBe("ana")
    expect((await waftWith(ana, "logout")).code).toBe(0)
    expect((await waftWith(ana, "device", "list")).errors).toContain("waft login USER")
    expect(readFileSync(join(home, "waft", "sessions.json"), "utf8")).not.toContain("waft_s-")

    const login = (): Promise<number> =>
      fetch(`${server.url}/api/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "m-1", password: "wrong wrong wrong" }),
      }).then(({ status }) => status)
    await Promise.all(Array.from({ length: 12 }, login))
    const { ftp: access } = JSON.parse(added.out) as { ftp: { user: string; password: string } }
    const ftp = new Client(2000)
    const from = performance.now()
    const [host, port] = server.ftp.split(":")
    await ftp.access({ host: host ?? "", port: Number(port), user: access.user, password: access.password })
    ftp.close()
    expect(performance.now() - from).toBeLessThan(2000)
  })
})
