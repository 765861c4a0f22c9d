import { beforeEach, describe, expect, it } from "vitest"
import { poll, fetchProgram, Rehearsal } from "./rehearsal.testing.ts"
import { addDevice } from "../fleet/add-device.ts"
import { removeDevice } from "../fleet/remove-device.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { abortRollout, pauseRollout, resumeRollout, withdrawRelease } from "../fleet/steer-rollout.ts"
import { expectRebuilt } from "../fleet/ledger/rebuilt.testing.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
})

/** An operator's day with two motes: every kind of deed, each by itself. */
function day(): readonly (() => Promise<unknown>)[] {
  let release = ""
  let rollout = ""
  return [
    () => server.addMote("m1"),
    () => server.addMote("m2"),
    async () => (release = await server.publish("1")),
    async () => (rollout = await server.rollOut(release)),
    async () => fetchProgram(server, "m1", await poll(server, "m1")),
    () => pauseRollout(server.needs, rollout),
    () => resumeRollout(server.needs, rollout),
    () => server.pass(4_000_000),
    () => withdrawRelease(server.needs, release),
    async () => (release = await server.publish("2", "PROG002")),
    async () => (rollout = await server.rollOut(release)),
    () => abortRollout(server.needs, rollout),
    () => removeDevice(server.needs, "m2"),
  ]
}

describe("what is committed", () => {
  it("is what memory says, after every deed of a day", async () => {
    for (const deed of day()) {
      await deed()
      await expectRebuilt(server.needs)
    }
  })

  it("is what memory says when the disk is full at any one write", async () => {
    let failed = 0
    for (let full = 1; full <= 40; full++) {
      server = await Rehearsal.start()
      server.store.failAt = full
      for (const deed of day()) {
        await deed().catch(() => failed++)
        await expectRebuilt(server.needs)
      }
    }
    expect(failed).toBeGreaterThan(10)
  })

  it("says that an earlier rollout which still runs offers a device nothing, once a later one has had it", async () => {
    await server.addMote("m1")
    await server.addMote("m2")
    await server.rollOut(await server.publish("1"), 1_000_000_000)
    await fetchProgram(server, "m1", await poll(server, "m1"))
    for (let reads = 0; reads < 4; reads++) {
      await poll(server, "m1")
      await server.pass(2_000_000)
    }
    expect(server.update("m1")?.progress.state).toBe("succeeded")
    const later = { releaseIds: [await server.publish("2", "PROG002")], group: "id=m1", silenceTimeoutMs: 3_600_000 }
    await abortRollout(server.needs, (await startRollout(server.needs, later)).rollout.id)
    await server.restart()
    expect(server.update("m1")).toBeNull()
    expect(server.update("m2")).not.toBeNull()
  })

  it("holds one of two devices that are added with the same id or login at one moment", async () => {
    const device = { id: "m1", family: "waspmote", model: "4g" }
    const same = await Promise.allSettled([addDevice(server.needs, device), addDevice(server.needs, device)])
    expect(same.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
    expect(same.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "device-exists" } })
    const login = (id: string) => addDevice(server.needs, { ...device, id, user: "shared", password: "secret" })
    const logins = await Promise.allSettled([login("m2"), login("m3")])
    expect(logins.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "login-taken" } })
    await expectRebuilt(server.needs)
  })
})
