import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type MemoryApi, memoryApi, moteRelease } from "./memory-api.ts"

let memory: MemoryApi
beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

type Method = "GET" | "POST" | "PUT" | "DELETE"
const call = (method: Method, url: string, more: { readonly body?: object; readonly headers?: object } = {}) =>
  memory.api.inject({
    method,
    url,
    headers: { authorization: "Bearer right", ...more.headers },
    ...(more.body === undefined ? {} : { payload: more.body }),
  })
const mote = (id: string) => ({ id, family: "waspmote", model: "4g" })
const keyed = (key: string) => ({ "idempotency-key": key })

describe("a call with an Idempotency-Key", () => {
  it("that is sent again does nothing again, and is answered as the first was, also at the same moment", async () => {
    const body = { name: "ci", role: "viewer" }
    const send = () => call("POST", "/api/tokens", { body, headers: keyed("k1") })
    const [one, two] = await Promise.all([send(), send()])
    const three = await send()
    expect([one, two, three].map(({ statusCode }) => statusCode)).toEqual([201, 201, 201])
    expect(new Set([one, two, three].map(({ body: text }) => text)).size).toBe(1)
    expect(memory.needs.live.tokens.size).toBe(1)
  })

  it("may not stand for another request, nor be what no key is", async () => {
    await call("POST", "/api/devices", { body: mote("m1"), headers: keyed("k1") })
    const other = await call("POST", "/api/devices", { body: mote("m2"), headers: keyed("k1") })
    expect(other.json()).toMatchObject({ title: "key-reused", status: 422 })
    expect((await call("POST", "/api/devices", { body: mote("m2"), headers: keyed("a b") })).statusCode).toBe(400)
    expect([...memory.needs.live.devices.keys()]).toEqual(["m1"])
  })

  it("that failed is tried again", async () => {
    memory.store.failure = new Error("the disk is full")
    const send = () => call("POST", "/api/devices", { body: mote("m1"), headers: keyed("k1") })
    expect((await send()).statusCode).toBe(500)
    memory.store.failure = null
    expect((await send()).statusCode).toBe(201)
  })

  it("starts one rollout, also where the server was started anew in between", async () => {
    await call("POST", "/api/devices", { body: mote("m1") })
    const { needs, store } = memory
    await store.commit(needs.actor, [{ put: "release", release: moteRelease }])
    await memory.api.close()
    const start = () =>
      call("POST", "/api/rollouts", { body: { releaseIds: [moteRelease.id] }, headers: keyed("start-1") })
    const ids: string[] = []
    for (let servers = 0; servers < 2; servers++) {
      memory = await memoryApi(store)
      const answer = await start()
      expect(answer.statusCode).toBe(201)
      ids.push(answer.json<{ id: string }>().id)
      if (servers === 0) await memory.api.close()
    }
    expect(new Set(ids).size).toBe(1)
    expect(memory.needs.live.rollouts.size).toBe(1)
  })

  it("costs bounded memory: the oldest answers are forgotten", async () => {
    await call("POST", "/api/devices", { body: mote("m1"), headers: keyed("k-0") })
    for (let i = 1; i <= 1001; i++) {
      await call("POST", "/api/devices/m1/set", { body: { single: true }, headers: keyed(`k-${i}`) })
    }
    // Its answer is not there any more: the device is.
    const again = await call("POST", "/api/devices", { body: mote("m1"), headers: keyed("k-0") })
    expect(again.json()).toMatchObject({ title: "device-exists" })
  })
})

describe("a record", () => {
  it("is changed and removed only as it was read, where the call says so", async () => {
    await call("POST", "/api/devices", { body: mote("m1") })
    const read = async (): Promise<string> => String((await call("GET", "/api/devices/m1")).headers["etag"])
    const first = await read()
    const set = (tag: string, floor: string) =>
      call("POST", "/api/devices/m1/set", { body: { labels: { floor } }, headers: { "if-match": tag } })
    const changed = await set(first, "1")
    expect(changed.statusCode).toBe(200)
    expect(changed.headers["etag"]).toBe(await read())
    expect((await set(first, "2")).json()).toMatchObject({ title: "changed-meanwhile", status: 412 })
    expect((await set("7", "2")).statusCode).toBe(400)
    const gone = (tag: string) => call("DELETE", "/api/devices/m1", { headers: { "if-match": tag } })
    expect((await gone(first)).statusCode).toBe(412)
    expect(memory.needs.live.devices.get("m1")?.device.labels).toEqual({ floor: "1" })
    expect((await gone(await read())).statusCode).toBe(200)
  })

  it("is not changed by the second of two who read the same and send at the same moment", async () => {
    await call("POST", "/api/devices", { body: mote("m1") })
    const tag = String((await call("GET", "/api/devices/m1")).headers["etag"])
    const both = await Promise.all(
      ["1", "2"].map((floor) =>
        call("POST", "/api/devices/m1/set", { body: { labels: { floor } }, headers: { "if-match": tag } }),
      ),
    )
    expect(both.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([200, 412])
  })
})
