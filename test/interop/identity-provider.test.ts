import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { parseClaimRights } from "../../src/core/domain/provider-rights.ts"
import { openidProvider } from "../../src/server/people/openid-provider.ts"
import { clientSecret, FormBrowser, startProvider, type TestProvider } from "../identity-provider.ts"
import { type MemoryApi, memoryApi } from "../memory-api.ts"

/** `oidc-provider` of npm: a certified OpenID provider that nobody here wrote. */
let provider: TestProvider
let memory: MemoryApi
let url: string

/** A server that asks the provider; `rights` as in `--oidc-rights`. */
async function begin(rights = "", secret = clientSecret): Promise<void> {
  const settings = { clientId: "waft", clientSecret: secret, scopes: "openid profile email" }
  const asked = openidProvider({ ...settings, issuer: provider.issuer, rights: parseClaimRights(rights) }, () =>
    memory.needs.clock.monotonic(),
  )
  memory = await memoryApi(undefined, asked)
  url = await memory.api.listen({ host: "127.0.0.1", port: 0 })
  provider.know(url)
}

beforeEach(async () => {
  provider = await startProvider()
})
afterEach(async () => {
  await memory.api.close()
  await provider.close()
})

const admin = { authorization: "Bearer right" }
const user = async (payload: object): Promise<void> => {
  const made = await memory.api.inject({ method: "POST", url: "/api/users", headers: admin, payload })
  expect(made.statusCode, made.body).toBe(201)
}
const signIn = (name: string, browser = new FormBrowser()) => browser.signIn(`${url}/api/oidc/begin`, name)
const sessionOf = (browser: FormBrowser): string => browser.jar(new URL(url).host).get("waft-test") ?? ""
const me = async (browser: FormBrowser): Promise<unknown> =>
  (await memory.api.inject({ url: "/api/me", headers: { cookie: `waft-test=${sessionOf(browser)}` } })).json()
const refusals = async (): Promise<string[]> => {
  const answer = await memory.api.inject({ url: "/api/audit", headers: admin })
  const { entries } = answer.json<{ entries: { kind: string; sentence: string }[] }>()
  return entries.filter(({ kind }) => kind === "session.refused").map(({ sentence }) => sentence)
}

describe("whoever signs in at the identity provider", () => {
  it("has the session of the user whose subject they are, found by discovery, with PKCE, state and nonce", async () => {
    await begin()
    await user({ name: "rita", role: "releaser", subject: "p-4711" })
    const means = await memory.api.inject({ url: "/api/login" })
    expect(means.json()).toEqual({ provider: { title: new URL(provider.issuer).host } })
    const browser = new FormBrowser()
    const first = await fetch(`${url}/api/oidc/begin`, { redirect: "manual" })
    const to = new URL(first.headers.get("location") ?? "")
    expect(Object.fromEntries(to.searchParams)).toMatchObject({
      response_type: "code",
      client_id: "waft",
      code_challenge_method: "S256",
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
    expect(first.headers.get("set-cookie")).toMatch(/; Path=\/api\/oidc; HttpOnly; SameSite=Lax; Max-Age=600$/)
    const page = await signIn("p-4711", browser)
    expect([page.url.pathname, page.url.hash]).toEqual(["/", ""])
    expect(await me(browser)).toMatchObject({ kind: "operator", name: "rita", role: "releaser", group: null })
    expect(provider.asked.filter((line) => line === "POST /token")).toHaveLength(1)
    expect(memory.complaints).toEqual([])
  })

  it("is nobody without a user that has their subject, and an admin reads of it", async () => {
    await begin()
    await user({ name: "p-4711", role: "admin", password: "a heron at the weir" })
    provider.people.set("p-4711", { preferred_username: "rita" })
    const browser = new FormBrowser()
    const page = await signIn("p-4711", browser)
    expect(page.url.hash).toBe("#refused=not-a-user")
    expect(sessionOf(browser)).toBe("")
    expect(await refusals()).toEqual([
      "rita (subject p-4711) signed in at the identity provider from 127.0.0.1, and has no rights here.",
    ])
  })

  it("has what their claims give where settings say so, as of each sign-in", async () => {
    await begin("groups=ota-admins => admin; groups=north => operator site=north")
    provider.people.set("p-1", { preferred_username: "olaf", groups: ["staff", "north"] })
    const browser = new FormBrowser()
    await signIn("p-1", browser)
    expect(await me(browser)).toMatchObject({ name: "olaf", role: "operator", group: "site=north" })
    expect(memory.needs.live.users.get("olaf")).toMatchObject({ subject: "p-1", passwordHash: null })
    provider.people.set("p-1", { preferred_username: "olaf.n", groups: ["ota-admins"] })
    const again = new FormBrowser()
    await signIn("p-1", again)
    expect(await me(again)).toMatchObject({ name: "olaf", role: "admin", group: null })
    // Whoever has left the provider's groups has no rights, whatever their record says.
    provider.people.set("p-1", { groups: [] })
    expect((await signIn("p-1")).url.hash).toBe("#refused=not-a-user")
    // A name is nobody's to take.
    provider.people.set("p-2", { preferred_username: "olaf", groups: ["ota-admins"] })
    expect((await signIn("p-2")).url.hash).toBe("#refused=user-exists")
    expect(memory.needs.live.users.size).toBe(1)
  })
})

describe("an answer that is not this sign-in's own", () => {
  const hashOf = async (browser: FormBrowser, address: URL | string): Promise<string> =>
    (await browser.go(address)).url.hash

  it("is refused: another browser's, none at all, a code that is made up, another state", async () => {
    await begin()
    await user({ name: "rita", role: "releaser", subject: "p-1" })
    const [mine, other] = [new FormBrowser(), new FormBrowser()]
    const begun = await fetch(`${url}/api/oidc/begin`, { redirect: "manual" })
    const state = new URL(begun.headers.get("location") ?? "").searchParams.get("state") ?? ""
    const [cookie = ""] = (begun.headers.get("set-cookie") ?? "").split(";")
    const [name = "", value = ""] = cookie.split("=")
    const back = `${url}/api/oidc/callback?iss=${encodeURIComponent(provider.issuer)}`
    expect(await hashOf(other, `${back}&code=x&state=${state}`)).toBe("#refused=sign-in-over")
    const give = (text: string): void => void mine.jar(new URL(url).host).set(name, text)
    give(`${value.slice(0, -2)}AA`)
    expect(await hashOf(mine, `${back}&code=x&state=${state}`)).toBe("#refused=sign-in-over")
    give("short")
    expect(await hashOf(mine, `${back}&code=x&state=${state}`)).toBe("#refused=sign-in-over")
    give(value)
    expect(await hashOf(mine, `${back}&code=x&state=${state}`)).toBe("#refused=provider-failed")
    // It was taken with that answer, good or not.
    expect(mine.jar(new URL(url).host).has(name)).toBe(false)
    const asked = provider.asked.length
    give(value)
    expect(await hashOf(mine, `${back}&code=x&state=${state.slice(1)}x`)).toBe("#refused=provider-failed")
    // Who comes with another state is not even asked about.
    expect(provider.asked.slice(asked).filter((line) => line.startsWith("POST /token"))).toEqual([])
    expect(memory.needs.live.sessions.size).toBe(0)
  })

  it("is refused when its token has another nonce, audience or signature", async () => {
    await begin()
    await user({ name: "rita", role: "releaser", subject: "p-1" })
    const changes: ((token: string[]) => void)[] = [
      (parts) => {
        const claims = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString()) as object
        parts[1] = Buffer.from(JSON.stringify({ ...claims, nonce: "x".repeat(43) })).toString("base64url")
      },
      (parts) => {
        const claims = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString()) as object
        parts[1] = Buffer.from(JSON.stringify({ ...claims, aud: "another" })).toString("base64url")
      },
      (parts) => {
        parts[0] = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url")
        parts[2] = ""
      },
    ]
    for (const change of changes) {
      provider.tamper.answer = (path, text) => {
        if (path !== "/token") return text
        const answer = JSON.parse(text) as { id_token: string }
        const parts = answer.id_token.split(".")
        change(parts)
        return JSON.stringify({ ...answer, id_token: parts.join(".") })
      }
      expect((await signIn("p-1")).url.hash).toBe("#refused=provider-failed")
    }
    provider.tamper.answer = null
    expect((await signIn("p-1")).url.hash).toBe("")
  })

  it("is refused when the client's secret is wrong, when the provider is down, and is none without a provider", async () => {
    await begin("", "not the secret")
    await user({ name: "rita", role: "releaser", subject: "p-1" })
    expect((await signIn("p-1")).url.hash).toBe("#refused=provider-failed")
    expect(memory.complaints.length).toBe(1)
    await memory.api.close()
    await begin()
    const { issuer } = provider
    await provider.close()
    expect((await signIn("p-1")).url.hash).toBe("#refused=provider-failed")
    provider = await startProvider()
    expect(provider.issuer).not.toBe(issuer)
    await memory.api.close()
    memory = await memoryApi()
    url = await memory.api.listen({ host: "127.0.0.1", port: 0 })
    expect((await memory.api.inject({ url: "/api/login" })).json()).toEqual({ provider: null })
    expect((await new FormBrowser().go(`${url}/api/oidc/begin`)).url.hash).toBe("#refused=no-provider")
  })

  it("keeps no more waiting than there may be", async () => {
    await begin()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const slow = {
      title: "slow",
      rights: [],
      begin: () => held.then(() => Promise.reject(new Error("late"))),
      finish: () => Promise.reject(new Error("never")),
    }
    await memory.api.close()
    memory = await memoryApi(undefined, slow)
    const ask = async () => await memory.api.inject({ url: "/api/oidc/begin" })
    const waiting = Array.from({ length: 16 }, ask)
    const turned = await ask()
    expect(turned.headers.location).toBe("/#refused=busy")
    expect(memory.needs.hits.count("login.provider")).toBe(1)
    release()
    for (const one of waiting) expect((await one).headers.location).toBe("/#refused=provider-failed")
  })
})
