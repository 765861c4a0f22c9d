import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { Endpoint } from "../src/core/contract/endpoints.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi
beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

interface Asked {
  readonly method?: Endpoint["method"]
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: object
  readonly remoteAddress?: string
}

const ask = (url: string, { method = "GET", headers = {}, payload, remoteAddress = "192.0.2.1" }: Asked = {}) =>
  memory.api.inject({ method, url, headers, remoteAddress, ...(payload === undefined ? {} : { payload }) })
const right = { authorization: "Bearer right" }
const origin = { origin: "http://localhost:80" }
const password = "a heron at the weir"

async function user(name: string, more: object = {}): Promise<void> {
  const payload = { name, role: "operator", password, ...more }
  const made = await ask("/api/users", { method: "POST", headers: right, payload })
  expect(made.statusCode, made.body).toBe(201)
}

const login = (name: string, text = password, remoteAddress = "192.0.2.1") =>
  ask("/api/login", { method: "POST", payload: { user: name, password: text }, remoteAddress })

async function cookieOf(name: string, remoteAddress = "192.0.2.1"): Promise<{ readonly cookie: string }> {
  const answer = await login(name, password, remoteAddress)
  expect(answer.statusCode, answer.body).toBe(200)
  return { cookie: String(answer.headers["set-cookie"]).split(";")[0] ?? "" }
}

const title = ({ body }: { readonly body: string }): string => (JSON.parse(body) as { title: string }).title

describe("a session", () => {
  it("is a cookie that no script reads, that no other site is sent, and that is over in time", async () => {
    await user("ana")
    const answer = await login("ana")
    expect(answer.headers["set-cookie"]).toMatch(
      /^waft-test=waft_s-\w+_\w{40}; Path=\/; HttpOnly; SameSite=Strict; Expires=.* GMT$/,
    )
    expect(answer.json()).toMatchObject({ name: "ana", role: "operator", token: null })
    const headers = await cookieOf("ana")
    expect((await ask("/api/me", { headers })).json()).toMatchObject({ kind: "operator", name: "ana" })
    memory.now += 3_600_000
    expect(title(await ask("/api/me", { headers }))).toBe("bad-token")
  })

  it("is kept as a hash, as passwords are, by argon2id", async () => {
    await user("ana")
    const { cookie } = await cookieOf("ana")
    const secret = cookie.split("_")[2] ?? ""
    const kept = JSON.stringify([await memory.store.sessions(), await memory.store.users(), memory.needs.live.users])
    expect(secret.length).toBe(40)
    expect(kept).not.toContain(secret)
    expect(kept).not.toContain(password)
    expect([...memory.needs.live.users.values()][0]?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/)
    for (const path of ["/api/users", "/api/sessions", "/api/events/list", "/api/audit"]) {
      expect((await ask(path, { headers: right })).body).not.toMatch(new RegExp(`${secret}|argon2|${password}`))
    }
  })

  it("outlives the server", async () => {
    await user("ana")
    const headers = await cookieOf("ana")
    const again = await memoryApi(memory.store)
    expect((await again.api.inject({ url: "/api/me", headers })).json()).toMatchObject({ name: "ana" })
    await again.api.close()
  })

  it("does nothing for a page of elsewhere, however it asks", async () => {
    await user("ana")
    const { cookie } = await cookieOf("ana")
    const add = (headers: object) =>
      ask("/api/devices", {
        method: "POST",
        headers: { cookie, ...headers },
        payload: { id: "m-1", family: "waspmote", model: "4g" },
      })
    expect(title(await add({}))).toBe("bad-origin")
    expect(title(await add({ origin: "http://evil.example" }))).toBe("bad-origin")
    expect(title(await add({ origin: "http://localhost:3000" }))).toBe("bad-origin")
    expect(title(await add({ "sec-fetch-site": "same-site" }))).toBe("bad-origin")
    expect(title(await add({ ...origin, "sec-fetch-site": "cross-site" }))).toBe("bad-origin")
    expect(title(await add({ ...origin, host: "evil.example" }))).toBe("bad-host")
    expect(title(await ask("/api/devices", { headers: { cookie, "sec-fetch-site": "cross-site" } }))).toBe("bad-origin")
    expect(memory.needs.live.devices.size).toBe(0)
    expect((await add(origin)).statusCode).toBe(201)
    expect((await add({ "sec-fetch-site": "same-origin" })).statusCode).toBe(409)
  })

  it("ends with its logout, its revocation, another password, and its user", async () => {
    await user("ana")
    await user("bob", { role: "viewer" })
    const means: Record<string, (headers: { readonly cookie: string }, id: string) => Promise<unknown>> = {
      logout: (headers) => ask("/api/logout", { method: "POST", headers: { ...headers, ...origin } }),
      revoked: (_, id) => ask(`/api/sessions/${id}/revoke`, { method: "POST", headers: right }),
      password: () =>
        ask("/api/users/ana/set", { method: "POST", headers: right, payload: { password: "another heron" } }),
      own: (headers) =>
        ask("/api/me/password", {
          method: "POST",
          headers: { ...headers, ...origin },
          payload: { from: "another heron", to: password },
        }),
      removed: () => ask("/api/users/ana", { method: "DELETE", headers: right }),
    }
    for (const [name, end] of Object.entries(means)) {
      const text = name === "own" || name === "removed" ? (name === "own" ? "another heron" : password) : password
      const answer = await login("ana", text)
      const headers = { cookie: String(answer.headers["set-cookie"]).split(";")[0] ?? "" }
      const [own] = (await ask("/api/sessions", { headers })).json<{ items: { id: string; isOwn: boolean }[] }>().items
      expect(own?.isOwn, name).toBe(true)
      await end(headers, own?.id ?? "")
      expect(title(await ask("/api/me", { headers })), name).toBe("bad-token")
    }
    // Somebody of that name is somebody else.
    await user("ana")
    expect((await memory.store.sessions()).length).toBe(0)
    const bob = await cookieOf("bob")
    const ana = await ask("/api/sessions", { headers: await cookieOf("ana") })
    const id = ana.json<{ items: { id: string }[] }>().items[0]?.id ?? ""
    const refused = await ask(`/api/sessions/${id}/revoke`, { method: "POST", headers: { ...bob, ...origin } })
    expect(title(refused)).toBe("no-such-session")
  })

  it("has the rights that its user has now", async () => {
    await user("ana", { group: "site=north" })
    const headers = await cookieOf("ana")
    const set = (payload: object) => ask("/api/users/ana/set", { method: "POST", headers: right, payload })
    await set({ role: "viewer", group: "site=south" })
    expect((await ask("/api/me", { headers })).json()).toMatchObject({ role: "viewer", group: "site=south" })
    expect(title(await set({ role: "admin" }))).toBe("bad-rights")
    expect((await set({ role: "admin", group: null })).statusCode).toBe(200)
    expect((await ask("/api/users", { headers })).statusCode).toBe(200)
  })

  it("can be had for a token, and is over when the token is", async () => {
    const trade = (token: string) =>
      ask("/api/session", { method: "POST", headers: { authorization: `Bearer ${token}` } })
    const first = await trade("right")
    const admin = { cookie: String(first.headers["set-cookie"]).split(";")[0] ?? "" }
    expect((await ask("/api/me", { headers: admin })).json()).toMatchObject({ kind: "token", name: "admin" })
    // A session makes no further ones.
    expect(title(await ask("/api/session", { method: "POST", headers: { ...admin, ...origin } }))).toBe("no-token")
    for (const end of ["rotate", "revoke"]) {
      const payload = { name: `ci-${end}`, role: "viewer" }
      const made = await ask("/api/tokens", { method: "POST", headers: right, payload })
      const { token } = made.json<{ token: string }>()
      const headers = { cookie: String((await trade(token)).headers["set-cookie"]).split(";")[0] ?? "" }
      expect((await ask("/api/me", { headers })).statusCode).toBe(200)
      await ask(`/api/tokens/ci-${end}/${end}`, { method: "POST", headers: right })
      expect(title(await ask("/api/me", { headers })), end).toBe("bad-token")
    }
  })

  it("can be a text for programs", async () => {
    await user("ana")
    const payload = { user: "ana", password, keep: "text" }
    const answer = await ask("/api/login", { method: "POST", payload })
    expect(answer.headers["set-cookie"]).toBe(undefined)
    const { token } = answer.json<{ token: string }>()
    const me = await ask("/api/me", { headers: { authorization: `Bearer ${token}` } })
    expect(me.json()).toMatchObject({ name: "ana" })
  })

  it("gives way to newer ones when somebody has twenty", async () => {
    await ask("/api/tokens", { method: "POST", headers: right, payload: { name: "ci", role: "viewer" } })
    for (let i = 0; i < 25; i++) await ask("/api/session", { method: "POST", headers: right })
    expect((await memory.store.sessions()).length).toBe(20)
    expect(memory.needs.live.sessions.size).toBe(20)
  })
})

describe("wrong passwords", () => {
  it("are told apart from nothing: an unknown user's answer is the same, and takes a password's time", async () => {
    await user("ana")
    const cpuOf = async (name: string): Promise<[string, number]> => {
      const from = process.cpuUsage()
      const { body } = await login(name, "a wrong one here")
      const { user: used, system } = process.cpuUsage(from)
      return [body, used + system]
    }
    await cpuOf("nobody-0")
    const [known, knownUs] = await cpuOf("ana")
    const [unknown, unknownUs] = await cpuOf("nobody")
    expect(unknown).toBe(known)
    expect(unknownUs).toBeGreaterThan(knownUs / 4)
  })

  it("make their user wait, and are refused in the end; whoever shares the address logs in", async () => {
    await user("ana")
    await user("bob")
    const codes: number[] = []
    for (let i = 0; i < 9; i++) codes.push((await login("ana", "wrong wrong wrong")).statusCode)
    expect(codes.slice(0, 3)).toEqual([401, 401, 401])
    expect(codes.at(-1)).toBe(429)
    expect(title(await login("ana"))).toBe("too-many-logins")
    expect(memory.needs.hits.count("login.guesses")).toBeGreaterThan(3)
    const before = memory.pauses.length
    expect((await login("bob")).statusCode).toBe(200)
    expect(Math.max(0, ...memory.pauses.slice(before))).toBeLessThanOrEqual(5000)
  })

  it("of a stranger do not lock out a user from where they always log in", async () => {
    await user("ana")
    await cookieOf("ana", "192.0.2.7")
    for (let i = 0; i < 12; i++) await login("ana", "wrong wrong wrong", "198.51.100.9")
    expect((await login("ana", "wrong wrong wrong", "198.51.100.9")).statusCode).toBe(429)
    const before = memory.pauses.length
    expect((await login("ana", password, "192.0.2.7")).statusCode).toBe(200)
    expect(memory.pauses.length).toBe(before)
  })

  it("of a user stand in the audit log with the address", async () => {
    await user("ana")
    await login("ana", "wrong wrong wrong", "198.51.100.9")
    await login("nobody", "wrong wrong wrong", "198.51.100.9")
    const { entries } = (await ask("/api/audit?calls=true&after=1", { headers: right })).json<{
      entries: { kind: string; from: string; sentence: string }[]
    }>()
    expect(entries).toMatchObject([{ kind: "session.refused", from: "198.51.100.9" }])
  })
})

describe("the address of a caller", () => {
  it("is what a known proxy says, and nobody else", async () => {
    await user("ana")
    const headers = { "x-forwarded-for": "198.51.100.77", "x-forwarded-proto": "https" }
    const log = (remoteAddress: string) =>
      ask("/api/login", { method: "POST", payload: { user: "ana", password }, headers, remoteAddress })
    expect((await log("203.0.113.1")).headers["set-cookie"]).toContain("; Secure;")
    expect((await log("203.0.113.2")).headers["set-cookie"]).not.toContain("Secure")
    expect([...memory.needs.live.sessions.values()].map(({ from }) => from)).toEqual(["198.51.100.77", "203.0.113.2"])
  })
})

describe("users", () => {
  it("are refused with a name that is taken, a password that is short, or rights that are none", async () => {
    const make = async (payload: object): Promise<string> =>
      title(await ask("/api/users", { method: "POST", headers: right, payload }))
    await user("ana")
    expect(await make({ name: "ana", role: "viewer", password })).toBe("user-exists")
    expect(await make({ name: "bob", role: "viewer", password: "too short" })).toBe("bad-password")
    expect(await make({ name: "bob", role: "viewer", password: "x".repeat(257) })).toBe("bad-password")
    expect(await make({ name: "bob", role: "viewer" })).toBe("bad-password")
    expect(await make({ name: "bob", role: "admin", group: "site=north", password })).toBe("bad-rights")
    expect(await make({ name: "b b", role: "viewer", password })).toBe("bad-rights")
    expect(memory.needs.live.users.size).toBe(1)
  })
})
