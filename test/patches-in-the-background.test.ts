import type { OnBehalf } from "../src/server/fleet/fleet-needs.ts"
import { beforeEach, describe, expect, it } from "vitest"
import { boardImage, nextImage } from "../src/core/families/pic32mzw1/device/board.testing.ts"
import { Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { cancelDelta, type DeltaNeeds, deltasOf, orderDelta, watchForDeltas } from "../src/server/fleet/make-deltas.ts"
import type { DeltaMaker, DeltaOrder, DeltaProgress } from "../src/server/fleet/needs.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"

/** A maker whose patches are ready when the test says so. */
class HandMaker implements DeltaMaker {
  readonly orders: DeltaOrder[] = []
  readonly #views = new Map<string, DeltaProgress>()
  readonly #settle = new Map<string, (patch: Uint8Array | null) => void>()

  make = (order: DeltaOrder): Promise<Uint8Array | null> => {
    this.orders.push(order)
    this.#views.set(order.key, { key: order.key, state: "running", progress: 0.5 })
    return new Promise((resolve) => this.#settle.set(order.key, resolve))
  }

  progress = (key: string): DeltaProgress | null => this.#views.get(key) ?? null
  cancel = (key: string): Promise<boolean> => Promise.resolve(this.#views.get(key)?.state === "running")
  forget = (key: string): void => void this.#views.delete(key)

  /** The newest order is over. */
  async finish(state: "done" | "no-gain" | "failed", patchBytes = 5000): Promise<void> {
    const { key = "" } = this.orders.at(-1) ?? {}
    this.#views.set(key, { key, state, progress: 1, patchBytes, ...(state === "failed" ? { error: "no memory" } : {}) })
    this.#settle.get(key)?.(state === "done" ? new Uint8Array(patchBytes).fill(7) : null)
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  }
}

const image = boardImage(2, { codeBytes: 20_000 })
let rehearsal: Rehearsal
let maker: HandMaker
let needs: DeltaNeeds & OnBehalf
let second: string

async function restart(): Promise<void> {
  await rehearsal.restart()
  maker = new HandMaker()
  needs = { ...rehearsal.needs, deltaMaker: maker }
  watchForDeltas(needs)
}

async function publish(version: number): Promise<string> {
  const upload = { fileName: "app.bin", bytes: nextImage(image, version), models: [], options: {} }
  return (await publishRelease(rehearsal.needs, "pic32mzw1", { ...upload, version: String(version) })).id
}

const patchesOf = (id: string): unknown => rehearsal.update(id)?.offer?.["patches"]
const stateOf = (id: string) => deltasOf(needs, id)[0]?.state

beforeEach(async () => {
  rehearsal = await Rehearsal.start()
  await restart()
  const board = { id: "b1", family: "pic32mzw1", model: "v3.8", running: "2" }
  await addDevice(rehearsal.needs, board)
  second = await publish(2)
})

describe("patches in the background", () => {
  it("are begun when a release is published, from what devices run", async () => {
    const third = await publish(3)
    expect(maker.orders).toHaveLength(1)
    expect(deltasOf(needs, third)).toMatchObject([
      { from: { id: second }, devices: 1, state: "running", progress: 0.5 },
    ])
    const { oldBytes, newBytes } = (await maker.orders[0]?.readImages()) ?? {}
    expect(oldBytes).toEqual(nextImage(image, 2))
    expect(newBytes).toEqual(nextImage(image, 3))
    await maker.finish("done")
    expect(deltasOf(needs, third)).toMatchObject([{ state: "done", patchBytes: 5000 }])
    expect(rehearsal.heard.find(({ kind }) => kind === "delta.done")?.sentence).toContain("5000 bytes instead of 24096")
  })

  it("are never waited for: the image is offered at once, and the patch beside it when it is ready", async () => {
    await rehearsal.rollOut(await publish(3))
    expect(rehearsal.update("b1")?.progress.state).toBe("offered")
    expect(patchesOf("b1")).toBeUndefined()
    await maker.finish("done")
    expect(patchesOf("b1")).toMatchObject([{ baseVersion: 2, image: { sizeBytes: 5000 } }])
    expect((await rehearsal.stored("b1"))?.offer).toEqual(rehearsal.update("b1")?.offer)
  })

  it("that are ready before the rollout are offered from its start", async () => {
    const third = await publish(3)
    await maker.finish("done")
    await rehearsal.rollOut(third)
    expect(patchesOf("b1")).toMatchObject([{ baseVersion: 2 }])
  })

  it("that are larger than the image are not offered", async () => {
    const third = await publish(3)
    await maker.finish("done", 30_000)
    await rehearsal.rollOut(third)
    expect(patchesOf("b1")).toBeUndefined()
  })

  it("that cannot gain are not tried again, also after a restart", async () => {
    const third = await publish(3)
    await maker.finish("no-gain")
    expect(stateOf(third)).toBe("no-gain")
    await restart()
    await rehearsal.rollOut(third)
    expect(maker.orders).toEqual([])
    expect(stateOf(third)).toBe("no-gain")
  })

  it("that failed are shown with the reason, left alone, and tried again by the next server", async () => {
    const third = await publish(3)
    await maker.finish("failed")
    expect(deltasOf(needs, third)).toMatchObject([{ state: "failed", error: "no memory" }])
    await rehearsal.rollOut(third)
    expect(maker.orders).toHaveLength(1)
    await restart()
    expect(maker.orders).toHaveLength(1)
  })

  it("that a killed server left undone are begun again by the next one", async () => {
    const third = await publish(3)
    await restart()
    expect(maker.orders).toHaveLength(1)
    await maker.finish("done")
    expect(stateOf(third)).toBe("done")
    await restart()
    expect(maker.orders).toEqual([])
  })

  it("stay cancelled until they are ordered again", async () => {
    const third = await publish(3)
    await cancelDelta(needs, third, second)
    expect(stateOf(third)).toBe("cancelled")
    await restart()
    expect(maker.orders).toEqual([])
    orderDelta(needs, third, second)
    expect(stateOf(third)).toBe("running")
    await maker.finish("done")
    expect(stateOf(third)).toBe("done")
    await expect(cancelDelta(needs, third, second)).rejects.toMatchObject({ code: "delta-over" })
  })

  it("cannot be ordered between releases that have none", async () => {
    const third = await publish(3)
    expect(() => orderDelta(needs, second, third)).toThrow(expect.objectContaining({ code: "no-such-delta" }))
    await expect(cancelDelta(needs, third, "r-none")).rejects.toMatchObject({ code: "no-such-delta" })
  })

  it("are made from two earlier versions even when no device is known to run them, and from no more", async () => {
    const ids: string[] = []
    for (const version of [3, 4, 5, 6]) ids.push(await publish(version))
    const froms = deltasOf(needs, ids.at(-1) ?? "").map(({ from, devices }) => [from.version, devices])
    expect(froms).toEqual([
      ["2", 1],
      ["5", 0],
      ["4", 0],
    ])
  })

  it("leave an offer alone that a device has begun to fetch", async () => {
    await rehearsal.rollOut(await publish(3))
    const live = rehearsal.needs.live.devices.get("b1")
    if (live?.update == null) throw new Error("the board must have an update")
    live.update = { ...live.update, pull: { ...live.update.pull, open: true } }
    await maker.finish("done")
    expect(patchesOf("b1")).toBeUndefined()
  })
})
