import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DeviceView } from "../src/core/contract/schemas.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi
const imei = "359999000000018"

beforeEach(async () => {
  memory = await memoryApi()
  await addDevice(memory.needs, { id: "m1", family: "waspmote", model: "4g", labels: { site: "north", floor: "2" } })
  const options = { number: "+39335475718", variant: "sms", "apn-password": "hush", apn: "internet.m2m" }
  await addDevice(memory.needs, { id: imei, family: "telit", model: "GL865", options })
})
afterEach(async () => {
  await expectRebuilt(memory.needs)
  await memory.api.close()
})

async function set(id: string, payload: object) {
  const headers = { authorization: "Bearer right" }
  const answer = await memory.api.inject({ method: "POST", url: `/api/devices/${id}/set`, headers, payload })
  return {
    status: answer.statusCode,
    device: answer.json<DeviceView>(),
    detail: answer.json<{ detail?: string }>().detail,
  }
}

describe("what was entered of a device", () => {
  it("is changed label by label; an empty one is taken away and the others stay", async () => {
    expect((await set("m1", { labels: { site: "south", floor: null, owner: "x" } })).device.labels).toEqual({
      site: "south",
      owner: "x",
    })
  })

  it("is changed option by option, and shown without its secrets", async () => {
    const { device } = await set(imei, { options: { apn: "other.m2m" } })
    expect(device.options).toMatchObject({ number: "+39335475718", variant: "sms", apn: "other.m2m" })
    expect(JSON.stringify(device)).not.toContain("hush")
    expect(JSON.stringify(memory.needs.live.devices.get(imei)?.device.familyState)).toContain("hush")
  })

  it("gets another model, which must be one of its family's", async () => {
    expect((await set("m1", { model: "wifi-pro" })).device.model).toBe("wifi-pro")
    expect(await set("m1", { model: "GL865" })).toMatchObject({ status: 400 })
  })

  it.each([
    ["m1", { labels: { "9": "x" }, model: "3g" }],
    ["m1", { options: { apn: "x" }, model: "3g" }],
    [imei, { options: { apn: "a b" }, labels: { a: "b" } }],
    [imei, { options: { colour: "red" } }],
    ["m1", {}],
    ["m1", { running: "many", model: "3g" }],
    ["m1", { colour: "red" }],
  ])("is changed whole or not at all: %s %o", async (id, wish) => {
    const before = memory.needs.live.devices.get(id)?.device
    const { status, detail } = await set(id, wish)
    expect(status).toBe(400)
    expect(detail).toMatch(/\w/)
    expect(memory.needs.live.devices.get(id)?.device).toEqual(before)
  })
})
