import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ChannelView } from "../src/core/contract/schemas.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi

beforeEach(async () => {
  memory = await memoryApi()
  await call("PUT", "gateway", { family: "waspmote", user: "ota", password: "libelium" })
})
afterEach(async () => {
  await expectRebuilt(memory.needs)
  await memory.api.close()
})

async function call(method: "PUT" | "DELETE" | "GET", name: string, payload?: object) {
  const answer = await memory.api.inject({
    method,
    url: `/api/channels/${name}`,
    headers: { authorization: "Bearer right" },
    ...(payload === undefined ? {} : { payload }),
  })
  return { status: answer.statusCode, body: answer.json<Partial<ChannelView> & { title?: string; detail?: string }>() }
}

describe("a channel", () => {
  it.each([
    [{ family: "pic32mzw1" }, "the family waspmote"],
    [{ user: "other" }, "the user ota"],
    [{ password: "other" }, "another password"],
  ])("keeps its family and login unless it is told to take others: %o", async (wish, what) => {
    const refused = await call("PUT", "gateway", wish)
    expect(refused).toMatchObject({ status: 409, body: { title: "channel-differs" } })
    expect(refused.body.detail).toContain(what)
    expect(refused.body.detail).toContain("--replace")
    expect((await call("GET", "gateway")).body).toMatchObject({ family: "waspmote", user: "ota", password: "libelium" })
    expect((await call("PUT", "gateway", { ...wish, replace: true })).status).toBe(200)
    expect((await call("GET", "gateway")).body).toMatchObject({ ...wish })
  })

  it("may be told again what it has", async () => {
    const same = { family: "waspmote", user: "ota", password: "libelium", releaseId: null }
    expect(await call("PUT", "gateway", same)).toMatchObject({ status: 200, body: { user: "ota" } })
  })

  it("is taken away with its login, which another may have then", async () => {
    expect(await call("DELETE", "gateway")).toEqual({ status: 200, body: { name: "gateway" } })
    expect(memory.needs.live.logins.has("ota")).toBe(false)
    expect((await call("GET", "gateway")).body.title).toBe("no-such-channel")
    expect((await call("DELETE", "gateway")).status).toBe(404)
    expect((await call("PUT", "second", { family: "waspmote", user: "ota" })).status).toBe(200)
  })
})
