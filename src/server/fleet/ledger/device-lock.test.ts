import { beforeEach, describe, expect, it } from "vitest"
import { engine } from "../../../core/domain/actor.ts"
import { Rehearsal } from "../../gateway/rehearsal.testing.ts"
import { setDevice } from "../set-device.ts"
import { withLock, withLocks } from "./device-lock.ts"
import { expectRebuilt } from "./rebuilt.testing.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
  for (const id of ["m1", "m2", "m3"]) await server.addMote(id)
})

const liveOf = (id: string) => {
  const live = server.needs.live.devices.get(id)
  if (live === undefined) throw new Error(id)
  return live
}

describe("a device's lock", () => {
  it("lets one action after another at it, in the order in which they came, also when one fails", async () => {
    const done: string[] = []
    const slow = (name: string) => async () => {
      done.push(`${name} begins`)
      await new Promise((resolve) => setImmediate(resolve))
      done.push(`${name} ends`)
      if (name === "b") throw new Error("b")
    }
    const [m1, m2, m3] = [liveOf("m1"), liveOf("m2"), liveOf("m3")]
    const all = [
      withLock(server.needs, m1, slow("a")),
      withLocks(server.needs, [m1, m2], slow("b")),
      withLocks(server.needs, [m2, m1], slow("c")),
      withLock(server.needs, m3, slow("d")),
    ]
    const ends = (await Promise.allSettled(all)).map(({ status }) => status)
    expect(ends).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"])
    const chained = done.filter((line) => !line.startsWith("d"))
    expect(chained).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"])
    // Who has nothing to do with them does not wait for them.
    expect(done.indexOf("d begins")).toBeLessThan(done.indexOf("a ends"))
  })

  it("does not wait for itself when a device is named twice", async () => {
    const m1 = liveOf("m1")
    expect(await withLocks(server.needs, [m1, m1], () => Promise.resolve("done"))).toBe("done")
    expect(m1.lock.isFree).toBe(true)
  })

  it("reads a device again that another process has saved, and does what was meant with what it is now", async () => {
    const stored = await server.store.device("m1")
    if (stored === null) throw new Error("no device")
    const labels = { site: "south" }
    await server.store.commit(engine, [{ put: "device", device: { ...stored, labels, version: 2 } }])
    await setDevice(server.needs, "m1", { running: "7" })
    expect(await server.store.device("m1")).toMatchObject({ labels, running: { version: "7" }, version: 3 })
    await expectRebuilt(server.needs)
  })
})
