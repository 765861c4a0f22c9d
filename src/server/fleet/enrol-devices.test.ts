import { beforeEach, describe, expect, it } from "vitest"
import { simplePlan } from "../../core/domain/plan.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import { Rehearsal } from "../gateway/rehearsal.testing.ts"
import { addDevices } from "./add-device.ts"
import { rolloutById } from "./find-rollout.ts"
import { expectRebuilt } from "./ledger/rebuilt.testing.ts"
import { beginPlan, startPlan } from "./start-rollout.ts"
import { abortRollout, withdrawRelease } from "./steer-rollout.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
})

/** More than join at once. */
const many = 2500

const addMany = (count = many) =>
  addDevices(
    server.needs,
    Array.from({ length: count }, (_, i) => ({ id: `m-${i}`, family: "waspmote", model: "4g" })),
  )

const planOf = (release: string) => simplePlan({ releases: [release], group: null })

async function history(deviceId: string): Promise<readonly WaftEvent["kind"][]> {
  const events = await server.store.events({ after: 0, limit: 100, deviceId })
  return events.map(({ kind }) => kind)
}

describe("a rollout of many devices", () => {
  it("is answered with its first devices, then the others join, then it begins", async () => {
    await addMany()
    const { live, done, isLong } = await beginPlan(server.needs, planOf(await server.publish("1")))
    expect(isLong).toBe(true)
    expect(live.states.size).toBe(2000)
    expect(live.rollout.marks.enrolling?.devices).toBe(many)
    expect([...live.states.values()].every((state) => state === "waiting")).toBe(true)
    await done
    expect(live.states.size).toBe(many)
    expect([...live.states.values()].every((state) => state === "offered")).toBe(true)
    const enrolled = server.heard.filter(({ kind }) => kind === "rollout.enrolled")
    expect(enrolled).toMatchObject([{ rolloutId: live.rollout.id, data: { counts: { waiting: many } } }])
    await expectRebuilt(server.needs)
  })

  it("goes on after a crash between any two of its writes, each device once", async () => {
    for (let write = 2; write <= 3; write++) {
      server = await Rehearsal.start()
      await addMany()
      const plan = planOf(await server.publish("1"))
      server.store.failAt = server.store.calls + write
      const { live, done } = await beginPlan(server.needs, plan)
      await expect(done).rejects.toThrow("the disk is full")
      await expectRebuilt(server.needs)
      await server.restart()
      await server.pass(1000)
      const again = rolloutById(server.needs, live.rollout.id)
      expect(again.rollout.marks.enrolling).toBeNull()
      expect([...again.states.values()].filter((state) => state === "offered")).toHaveLength(many)
      await expectRebuilt(server.needs)
    }
  })

  it("ends with those that joined when it is aborted while they join", async () => {
    await addMany(4100)
    const { live, done } = await beginPlan(server.needs, planOf(await server.publish("1")))
    await Promise.all([abortRollout(server.needs, live.rollout.id), done])
    expect(live.rollout.state).toBe("aborted")
    expect([...live.states.values()].every((state) => state === "cancelled")).toBe(true)
    await server.pass(10_000)
    expect(live.states.size).toBeLessThan(4100)
    await expectRebuilt(server.needs)
  })

  it("lets nobody wait for longer than it takes to look at a slice", async () => {
    await addMany()
    const { live, done } = await beginPlan(server.needs, planOf(await server.publish("1")))
    await done
    server.clock.breaths = 0
    await abortRollout(server.needs, live.rollout.id)
    // They end in slices of 500, and are let go in such slices.
    expect(server.clock.breaths).toBeGreaterThanOrEqual(10)
  })
})

describe("one event for many devices", () => {
  it("stands in the history of each when a rollout is aborted", async () => {
    await addMany(2)
    const { rollout } = await startPlan(server.needs, planOf(await server.publish("1")))
    await abortRollout(server.needs, rollout.id)
    expect(server.heard.filter(({ kind }) => kind.startsWith("update.cancelled"))).toEqual([])
    expect(await history("m-1")).toEqual(["device.added", "update.offer-made", "rollout.aborted"])
  })

  it("stands there when the release is withdrawn, and not in that of a device which had no part in it", async () => {
    await addMany(2)
    const release = await server.publish("1")
    await startPlan(server.needs, simplePlan({ releases: [release], group: "id=m-0" }))
    await withdrawRelease(server.needs, release)
    expect(await history("m-0")).toEqual(["device.added", "update.offer-made", "rollout.updates-cancelled"])
    expect(await history("m-1")).toEqual(["device.added"])
    const told = server.heard.find(({ kind }) => kind === "rollout.updates-cancelled")
    expect(told?.data).toEqual({ counts: { cancelled: 1 } })
  })

  it("stands there when a newer rollout takes the devices over, and says how the earlier one stands", async () => {
    await addMany(2)
    const earlier = await startPlan(server.needs, planOf(await server.publish("1")))
    const later = await startPlan(
      server.needs,
      simplePlan({ releases: [await server.publish("2", "PROG002")], group: "id=m-0" }),
    )
    expect(await history("m-0")).toEqual([
      "device.added",
      "update.offer-made",
      "rollout.devices-taken",
      "update.offer-made",
    ])
    const told = server.heard.find(({ kind }) => kind === "rollout.devices-taken")
    expect(told).toMatchObject({
      rolloutId: earlier.rollout.id,
      data: { counts: { superseded: 1, offered: 1 }, by: later.rollout.id },
    })
    await expectRebuilt(server.needs)
  })
})
