import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Endpoint, endpoints } from "../src/core/contract/endpoints.ts"
import { type Role, roles } from "../src/core/domain/people.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { createEnrolment } from "../src/server/fleet/enrolment.ts"
import { setChannel } from "../src/server/fleet/set-channel.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi
beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

type Method = Endpoint["method"]
const as = (token: string) => (method: Method, url: string, payload?: object) =>
  memory.api.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(payload === undefined ? {} : { payload }),
  })

async function token(role: Role, group?: string, expiresInMs?: number): Promise<string> {
  const name = `${role}-${memory.needs.live.tokens.size}`
  const made = await as("right")("POST", "/api/tokens", { name, role, group, expiresInMs })
  expect(made.statusCode, made.body).toBe(201)
  return made.json<{ token: string }>().token
}

const mote = (id: string, site: string) => ({ id, family: "waspmote", model: "4g", labels: { site } })
const add = (id: string, site: string) => addDevice(memory.needs, mote(id, site))

const rows = Object.entries<Endpoint>(endpoints)
const url = (path: string): string => path.replace(/:\w+/g, "m-1")
const title = (answer: { readonly body: string }): string => (JSON.parse(answer.body) as { title: string }).title
const ladder = Object.keys(roles) as Role[]

describe("the permissions", () => {
  it("bar every route to who has no token, one of another server, one that is over, or one cut short", async () => {
    const stale = await token("admin", undefined, 1000)
    const revoked = await token("admin")
    await as("right")("POST", "/api/tokens/admin-1/revoke")
    const cut = (await token("admin")).slice(0, -1)
    memory.now += 1000
    const foreign = `waft_t-aaaaaaa1_${"b".repeat(32)}`
    for (const [name, { method, path, permit }] of rows) {
      if (permit === null) continue
      const bare = await memory.api.inject({ method, url: url(path), ...(method === "GET" ? {} : { payload: {} }) })
      expect(bare.statusCode, name).toBe(401)
      for (const text of [foreign, stale, revoked, cut, "", "waft_", "right2"]) {
        expect((await as(text)(method, url(path))).statusCode, `${name} ${text}`).toBe(401)
      }
    }
    for (const path of ["/api/events", "/api/backup"]) expect((await as(foreign)("GET", path)).statusCode).toBe(401)
  })

  it("bar every route to each role below the one that its line names", async () => {
    const tokens = await Promise.all(ladder.map((role) => token(role)))
    for (const [name, { method, path, permit }] of rows) {
      if (permit === null) continue
      for (const [i, text] of tokens.entries()) {
        const isBelow = i < ladder.indexOf(permit.role)
        const answer = await as(text)(method, url(path), method === "GET" || method === "DELETE" ? undefined : {})
        expect(answer.statusCode === 403 && title(answer) === "not-allowed", `${name} as ${ladder[i]}`).toBe(isBelow)
      }
    }
    expect((await as(tokens[2] ?? "")("GET", "/api/backup")).statusCode).toBe(403)
  })

  it("look at the role before the body", async () => {
    const viewer = await token("viewer")
    const answer = await memory.api.inject({
      method: "POST",
      url: "/api/devices/import",
      headers: { authorization: `Bearer ${viewer}`, "content-type": "application/json" },
      payload: "[",
    })
    expect(answer.statusCode).toBe(403)
    expect(answer.headers["connection"]).toBe("close")
  })

  it("answer another group's device as one that does not exist, on every route", async () => {
    await add("m-1", "north")
    const south = as(await token("releaser", "site=south"))
    const devices = rows.filter(([, { permit }]) => permit?.reach === "device")
    expect(devices.length).toBeGreaterThanOrEqual(5)
    for (const [name, { method, path }] of devices) {
      const wanted = { setDevice: { running: "3" }, askDevice: { request: "version" } } as Record<string, object>
      const payload = method === "GET" || method === "DELETE" ? undefined : (wanted[name] ?? {})
      const [mine, nobodys] = [
        await south(method, url(path), payload),
        await south(method, path.replace(":id", "m-2"), payload),
      ]
      expect([mine.statusCode, title(mine)], name).toEqual([404, "no-such-device"])
      expect(mine.body.replaceAll("m-1", "m-2"), name).toBe(nobodys.body)
    }
    expect(memory.needs.live.devices.has("m-1")).toBe(true)
  })

  it("bar what is for the whole fleet to who has a group", async () => {
    const south = as(await token("releaser", "site=south"))
    const fleet = rows.filter(([, { permit }]) => permit?.reach === "fleet" && permit.role !== "admin")
    expect(fleet.length).toBeGreaterThanOrEqual(5)
    for (const [name, { method, path }] of fleet) {
      const answer = await south(method, url(path), method === "GET" || method === "DELETE" ? undefined : {})
      expect([answer.statusCode, title(answer)], name).toEqual([403, "whole-fleet-only"])
    }
    const admin = await as("right")("POST", "/api/tokens", { name: "x", role: "admin", group: "site=south" })
    expect(title(admin)).toBe("bad-rights")
  })

  it("do nothing in bulk when one among a hundred is another group's", async () => {
    const south = as(await token("operator", "site=south"))
    const hundred = Array.from({ length: 100 }, (_, i) => mote(`s-${i}`, i === 57 ? "north" : "south"))
    const refused = await south("POST", "/api/devices/import", hundred)
    expect([refused.statusCode, title(refused)]).toEqual([403, "outside-group"])
    expect(memory.needs.live.devices.size).toBe(0)
    expect(
      (
        await south(
          "POST",
          "/api/devices/import",
          hundred.filter((_, i) => i !== 57),
        )
      ).statusCode,
    ).toBe(201)
    await add("s-57", "north")
    for (const path of ["/api/rollouts/plan", "/api/rollouts"]) {
      const all = await south("POST", path, { releaseIds: ["r-1"], group: "id=s-*" })
      expect([all.statusCode, title(all)], path).toEqual([403, "outside-group"])
      // The choice is sound; there is no release.
      const own = await south("POST", path, { releaseIds: ["r-1"], group: "id=s-* and site=south" })
      expect([own.statusCode, title(own)], path).toEqual([404, "no-such-release"])
    }
    const labelled = await south("POST", "/api/devices", mote("n-1", "north"))
    expect(title(labelled)).toBe("outside-group")
  })

  it("list to each what is theirs", async () => {
    await add("n-1", "north")
    await add("s-1", "south")
    const viewer = await token("viewer", "site=south")
    const ids = async (path: string, key: string): Promise<unknown[]> =>
      (await as(viewer)("GET", path)).json<{ items: Record<string, unknown>[] }>().items.map((row) => row[key])
    expect(await ids("/api/devices", "id")).toEqual(["s-1"])
    expect(await ids("/api/devices?group=site%3Dnorth%20or%20site%3Dsouth", "id")).toEqual(["s-1"])
    expect(await ids("/api/events/list", "deviceId")).toEqual(["s-1"])
    expect(await ids("/api/events/list?backwards=true&limit=1", "deviceId")).toEqual(["s-1"])
    expect(await ids("/api/events/list?device=n-1", "deviceId")).toEqual([])
  })

  it("stream to each what is theirs, for as long as they may see it", async () => {
    const viewer = await token("viewer", "site=south")
    const address = await memory.api.listen({ host: "127.0.0.1", port: 0 })
    const response = await fetch(`${address}/api/events`, {
      headers: { authorization: `Bearer ${viewer}` },
    })
    await add("n-1", "north")
    await add("s-1", "south")
    let text = ""
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    while (!text.includes("s-1")) text += Buffer.from((await reader.read()).value ?? []).toString()
    expect(text).not.toContain("n-1")
    expect(text).not.toContain("token.created")

    const [name] = [...memory.needs.live.tokens.values()].map(({ name }) => name)
    await as("right")("POST", `/api/tokens/${name}/revoke`)
    await add("s-2", "south")
    await expect(reader.read()).rejects.toThrow()
  })
})

describe("tokens", () => {
  it("are told once, kept as hashes, and are gone at once when they are rotated or revoked", async () => {
    const made = (await as("right")("POST", "/api/tokens", { name: "ci", role: "releaser" })).json<{
      id: string
      token: string
    }>()
    const me = async (text: string) => (await as(text)("GET", "/api/me")).json<Record<string, unknown>>()
    expect(await me(made.token)).toEqual({ kind: "token", name: "ci", role: "releaser", group: null })
    const secret = made.token.split("_")[2] ?? ""
    expect(secret.length).toBe(32)
    expect(JSON.stringify(await memory.store.tokens())).not.toContain(secret)
    expect((await as("right")("GET", "/api/tokens")).body).not.toMatch(new RegExp(`${secret}|hash`))
    const rotated = (await as("right")("POST", "/api/tokens/ci/rotate")).json<{ token: string }>()
    expect(await me(made.token)).toMatchObject({ title: "bad-token" })
    expect(await me(rotated.token)).toMatchObject({ name: "ci" })
    await as("right")("POST", `/api/tokens/${made.id}/revoke`)
    expect(await me(rotated.token)).toMatchObject({ title: "bad-token" })
    expect(title(await as("right")("POST", "/api/tokens/ci/rotate"))).toBe("no-such-token")
  })

  it("outlive the server, with their role and group", async () => {
    const text = await token("operator", "site=south")
    const again = await memoryApi(memory.store)
    const answer = await again.api.inject({ url: "/api/me", headers: { authorization: `Bearer ${text}` } })
    expect(answer.json()).toMatchObject({ role: "operator", group: "site=south" })
    await again.api.close()
  })

  it("are refused with a name that is taken, a group that says nothing, or the first token's name", async () => {
    const make = async (body: object): Promise<string> => title(await as("right")("POST", "/api/tokens", body))
    await token("viewer")
    expect(await make({ name: "viewer-0", role: "viewer" })).toBe("token-exists")
    expect(await make({ name: "a", role: "viewer", group: "site=" })).toBe("bad-group")
    expect(await make({ name: "admin", role: "viewer" })).toBe("bad-rights")
    expect(await make({ name: "a\u001b[31m", role: "viewer" })).toBe("bad-rights")
    expect(await make({ name: "a", role: "owner" })).toBe("bad-request")
  })
})

describe("every deed", () => {
  it("carries who did it", async () => {
    const operator = await token("operator")
    await as(operator)("POST", "/api/devices", mote("m-1", "north"))
    await as(operator)("GET", "/api/devices/m-1/access")
    await as(operator)("DELETE", "/api/devices/m-1")
    const events = await memory.store.events({ after: 0, limit: 100 })
    expect(events.map(({ kind, actor }) => [kind, actor?.name])).toEqual([
      ["token.created", "admin"],
      ["device.added", "operator-0"],
      ["secret.revealed", "operator-0"],
      ["device.removed", "operator-0"],
    ])
    // Rights are no part of an author.
    expect(Object.keys(events[1]?.actor ?? {})).toEqual(["kind", "name"])
  })
})

describe("lists", () => {
  it("carry no secret, and seeing one is on record", async () => {
    const { needs } = memory
    await add("m-1", "north")
    const access = needs.live.devices.get("m-1")?.device.access.secret ?? ""
    await setChannel({ ...needs }, { name: "all", family: "waspmote", password: "channel-secret" })
    const board = await setChannel({ ...needs }, { name: "boards", family: "pic32mzw1" })
    const enrolment = await createEnrolment(needs, { family: "quectel" })
    await token("admin")
    const secrets = [access, "channel-secret", board.access.secret, enrolment.secret]
    for (const [name, { method, path }] of rows) {
      if (method !== "GET" || path.includes(":")) continue
      const { body } = await as("right")("GET", path)
      for (const secret of secrets) expect(body.includes(secret), `${name} ${secret}`).toBe(false)
    }
    const viewer = as(await token("viewer"))
    expect((await viewer("GET", "/api/channels/all")).json()).toMatchObject({ password: null })
    const before = await memory.store.lastEventSeq()
    expect((await as("right")("GET", "/api/channels/all")).json()).toMatchObject({ password: "channel-secret" })
    const [seen] = await memory.store.events({ after: before, limit: 9 })
    expect(seen).toMatchObject({ kind: "secret.revealed", data: { secret: "channel all" } })
    expect((await as("right")("GET", "/api/events/list?limit=1000")).body).not.toContain("channel-secret")
  })
})
