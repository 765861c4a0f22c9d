import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi

beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

const elsewhere = { remoteAddress: "192.0.2.7" }
const get = (url: string, options: object = {}) => memory.api.inject({ url, ...options })

describe("what an operator's other programs ask", () => {
  it("says that the process answers, whatever the disk does", async () => {
    memory.notReady = "the disk is full"
    expect(await get("/healthz", elsewhere)).toMatchObject({ statusCode: 200, body: "ok\n" })
  })

  it("says whether the server can keep what it is told, and why not", async () => {
    expect(await get("/readyz", elsewhere)).toMatchObject({ statusCode: 200, body: "ready\n" })
    memory.notReady = "the disk is full"
    expect(await get("/readyz", elsewhere)).toMatchObject({ statusCode: 503, body: "not ready: the disk is full\n" })
  })

  it("gives its numbers to whoever is on this machine or has a token", async () => {
    expect(await get("/metrics")).toMatchObject({ statusCode: 200, body: "waft_devices 0\n" })
    expect((await get("/metrics", elsewhere)).statusCode).toBe(401)
    const headers = { authorization: "Bearer right" }
    expect((await get("/metrics", { ...elsewhere, headers })).statusCode).toBe(200)
    expect((await get("/metrics", { headers: { "x-forwarded-for": "192.0.2.7" } })).statusCode).toBe(401)
    expect((await get("/metrics", { headers: { host: "evil.example" } })).statusCode).not.toBe(200)
  })
})
