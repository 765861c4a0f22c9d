import { beforeEach, describe, expect, it } from "vitest"
import { engine } from "../../core/domain/actor.ts"
import { Rehearsal } from "../gateway/rehearsal.testing.ts"
import { addDevices } from "./add-device.ts"
import { commit, eventOf } from "./commit.ts"
import { setDevice } from "./set-device.ts"
import { abortRollout } from "./steer-rollout.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
})

describe("a commit", () => {
  it("tells of a change when memory knows it, not before", async () => {
    await server.addMote("m1")
    const known: string[] = []
    server.needs.events.listen(({ deviceId }) => known.push(server.device(deviceId ?? "").running.version ?? "none"))
    await setDevice(server.needs, "m1", { running: "7" })
    expect(known).toEqual(["7"])
  })

  it("that fails leaves memory and listeners as they were", async () => {
    await server.addMote("m1")
    const told = server.heard.length
    server.store.failAt = server.store.calls + 1
    await expect(setDevice(server.needs, "m1", { running: "7" })).rejects.toThrow("the disk is full")
    expect(server.device("m1").running.version).toBeNull()
    expect(server.heard).toHaveLength(told)
  })

  it("is told in the order of its number, also where taking in what many devices had in it takes a while", async () => {
    await addDevices(
      server.needs,
      Array.from({ length: 1200 }, (_, i) => ({ id: `m-${i}`, family: "waspmote", model: "4g" })),
    )
    const rollout = await server.rollOut(await server.publish("1"))
    const news = eventOf({ at: 1, kind: "device.removed", deviceId: "m-0", sentence: "Something else." })
    // The first breath of the long one, once it is durable, lets the short one come between.
    const between: Promise<unknown>[] = []
    const { commits } = server.store
    server.clock.breathe = async () => {
      if (server.store.commits > commits && between.length === 0) between.push(commit(server.needs, engine, [news]))
      await Promise.all(between)
    }
    await abortRollout(server.needs, rollout)
    const seqs = server.heard.map(({ seq }) => seq)
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    expect(between).toHaveLength(1)
  })

  it("gives a record that it saves twice two versions, and one that it only reads none", async () => {
    await server.addMote("m1")
    const { device } = server.needs.live.devices.get("m1") ?? {}
    if (device === undefined) throw new Error("no device")
    const before = device.version ?? 0
    await commit(server.needs, engine, [
      { put: "device", device: { ...device, labels: { a: "1" } } },
      { put: "device", device: { ...device, labels: { a: "2" } } },
    ])
    expect(server.device("m1")).toMatchObject({ labels: { a: "2" }, version: before + 2 })
    expect(await server.store.device("m1")).toEqual(server.device("m1"))
  })
})
