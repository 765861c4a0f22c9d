import { afterEach, describe, expect, it } from "vitest"
import { serve, type Serving } from "../serving.ts"
import { waft } from "./run-waft.ts"

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
