import { describe, expect, it } from "vitest"
import type { LimitName } from "../../core/kit/limits.ts"
import { limits } from "../../core/kit/limits.ts"
import { addDevice } from "../fleet/add-device.ts"
import { createEnrolment, enrolDevice } from "../fleet/enrolment.ts"
import type { ConverseNeeds } from "../fleet/converse.ts"
import { httpGateway } from "./http-gateway.ts"
import { Rehearsal } from "./rehearsal.testing.ts"
import { smsReceiver } from "./sms-gateway.ts"

const origin = { peer: "192.0.2.7", localHost: "203.0.113.1", localPort: 8081, isTls: false }

describe("reports over HTTP", () => {
  it("of one device are refused beyond their number, and the minute after is heard", async () => {
    const server = await Rehearsal.start()
    const met: LimitName[] = []
    const { access } = await addDevice(server.needs, { id: "d1", family: "ddi", model: "other" })
    const other = await addDevice(server.needs, { id: "d2", family: "ddi", model: "other" })
    const gateway = httpGateway({ ...server.needs, deviceUrl: null, hit: (limit) => met.push(limit) })
    const tell = async (id: string, secret: string): Promise<number> => {
      const headers = { authorization: `TargetToken ${secret}` }
      const path = `/DEFAULT/controller/v1/${id}/configData`
      const node = gateway.find({ method: "PUT", path, query: "", headers, origin })
      const body = new TextEncoder().encode('{"mode":"merge","data":{"a":"b"}}')
      const answer = node?.kind === "exchange" ? await node.answer(body) : node
      return answer?.kind === "notice" ? (answer.status ?? 200) : 0
    }
    const { most } = limits["device.reports"]
    for (let n = 0; n < most; n++) expect(await tell("d1", access.secret)).toBe(200)
    for (let n = 0; n < 5; n++) expect(await tell("d1", access.secret)).toBe(429)
    expect(met).toEqual(Array.from({ length: 5 }, () => "device.reports"))
    expect(await tell("d2", other.access.secret)).toBe(200)
    server.clock.pass(60_000)
    expect(await tell("d1", access.secret)).toBe(200)
  })
})

describe("devices that add themselves", () => {
  it("an enrolment that accepts by itself has an end as well", async () => {
    const server = await Rehearsal.start()
    const met: LimitName[] = []
    const needs = { ...server.needs, hit: (limit: LimitName) => void met.push(limit) }
    const enrolment = await createEnrolment(needs, { family: "quectel", admission: "accepted" })
    const { most } = limits["enrolment.accepted"]
    const first = await enrolDevice(needs, enrolment, { id: "m0", model: "AG35", secret: "s".repeat(20) })
    const { live } = server.needs
    // As many as there may be, without the time that making them would take.
    for (let n = live.devices.size; n < most; n++) {
      live.addDevice({ ...first, id: `m${n}`, access: { user: `u${n}`, secret: first.access.secret } })
    }
    const more = enrolDevice(needs, enrolment, { id: "one-more", model: "AG35", secret: "s".repeat(20) })
    await expect(more).rejects.toMatchObject({ code: "too-many-enrolled" })
    expect(met).toEqual(["enrolment.accepted"])
    for (let n = 1; n < most; n++) live.removeDevice(`m${n}`)
  })
})

describe("short messages", () => {
  it("that nobody can read are kept a few an hour, and counted then", async () => {
    const server = await Rehearsal.start()
    const met: LimitName[] = []
    const needs = { ...server.needs, hit: (limit: LimitName) => void met.push(limit) } as unknown as ConverseNeeds
    const receiver = smsReceiver(needs, () => undefined)
    const { most } = limits["sms.unreadable"]
    const kept = async (): Promise<number> => (await server.store.events({ after: 0, limit: 10_000 })).length
    for (let n = 0; n < most + 40; n++) await receiver.unreadable({ octets: "00", why: "no message" })
    expect(await kept()).toBe(most)
    expect(met).toEqual(Array.from({ length: 40 }, () => "sms.unreadable"))
    server.clock.pass(3_600_000)
    await receiver.unreadable({ octets: "00", why: "no message" })
    expect(await kept()).toBe(most + 1)
  })
})
