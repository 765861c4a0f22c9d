import { beforeEach, describe, expect, it } from "vitest"
import { simplePlan } from "../../core/domain/plan.ts"
import { poll, Rehearsal } from "../gateway/rehearsal.testing.ts"
import { expectRebuilt } from "./ledger/rebuilt.testing.ts"
import { startPlan } from "./start-rollout.ts"
import { pauseRollout, resumeRollout } from "./steer-rollout.ts"

let server: Rehearsal
const hour = 3_600_000

beforeEach(async () => {
  server = await Rehearsal.start()
  for (const id of ["m1", "m2"]) await server.addMote(id)
})

const states = () => Promise.all(["m1", "m2"].map(async (id) => (await server.stored(id))?.progress.state))

describe("silence", () => {
  it("is not forgotten by a restart, however many there are", async () => {
    await server.rollOut(await server.publish("1"), 10 * hour)
    for (let i = 0; i < 9; i++) {
      await server.pass(hour)
      await server.restart()
      expect(await states()).toEqual(["offered", "offered"])
    }
    await server.pass(hour + 1000)
    expect(await states()).toEqual(["no-show", "no-show"])
    await expectRebuilt(server.needs)
  })

  it("does not go on while no server is up: an outage accuses nobody", async () => {
    await server.rollOut(await server.publish("1"), 10 * hour)
    await server.pass(hour)
    server.clock.pass(1000 * hour)
    await server.restart()
    await server.pass(8 * hour)
    expect(await states()).toEqual(["offered", "offered"])
    await server.pass(2 * hour)
    expect(await states()).toEqual(["no-show", "no-show"])
  })

  it("ends with each contact, also with one before a restart", async () => {
    await server.rollOut(await server.publish("1"), 10 * hour)
    await server.pass(9 * hour)
    await poll(server, "m1")
    await server.pass(1000)
    await server.restart()
    await server.pass(2 * hour)
    expect(await states()).toEqual(["offered", "no-show"])
  })

  it("is allowed for two weeks where the plan says nothing", async () => {
    await startPlan(server.needs, simplePlan({ releases: [await server.publish("1")], group: null }))
    await server.pass(14 * 24 * hour - 1000)
    expect(await states()).toEqual(["offered", "offered"])
    await server.pass(2000)
    expect(await states()).toEqual(["no-show", "no-show"])
  })

  it("is counted from the last contact, not from the start of a server after it", async () => {
    await server.rollOut(await server.publish("1"), 10 * hour)
    await poll(server, "m1")
    for (let i = 0; i < 9; i++) await server.pass(hour)
    await server.restart()
    await server.pass(1.5 * hour)
    expect(await states()).toEqual(["no-show", "no-show"])
  })

  it("begins anew when a rollout goes on after a pause, without looking at a device", async () => {
    const id = await server.rollOut(await server.publish("1"), 10 * hour)
    await server.pass(9 * hour)
    await pauseRollout(server.needs, id)
    await server.pass(100 * hour)
    await resumeRollout(server.needs, id)
    await server.pass(9 * hour)
    await server.restart()
    expect(await states()).toEqual(["offered", "offered"])
    await server.pass(2 * hour)
    expect(await states()).toEqual(["no-show", "no-show"])
  })

  it("is looked at again when it could not be written down", async () => {
    await server.rollOut(await server.publish("1"), 10 * hour)
    server.store.failAt = server.store.calls + 1
    await expect(server.pass(11 * hour)).rejects.toThrow("the disk is full")
    expect(await states()).toEqual(["offered", "offered"])
    await server.pass(1000)
    expect(await states()).toEqual(["no-show", "no-show"])
  })
})
