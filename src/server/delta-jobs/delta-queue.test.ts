import { afterEach, describe, expect, it } from "vitest"
import { applyJojodiff, applyPatch, makePatch } from "../../core/delta/index.ts"
import { firmwarePair, numbers } from "../../core/delta/firmware.testing.ts"
import type { DeltaOrder, DeltaProgress } from "../fleet/needs.ts"
import { DeltaQueue } from "./delta-queue.ts"

const images = firmwarePair(20)
const open: DeltaQueue[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((queue) => queue.close()))
})

function queueOf(workers: number, memoryLimit = 1e9, seen: DeltaProgress[] = []): DeltaQueue {
  const queue = new DeltaQueue({ workers, memoryLimit, onChange: (view) => seen.push(view) })
  open.push(queue)
  return queue
}

function job(key: string, change: Partial<DeltaOrder> = {}): DeltaOrder {
  return {
    key,
    recipe: { format: "waft", profile: "tiny" },
    imageBytes: 20_000,
    readImages: async () => images,
    ...change,
  }
}

describe("the delta queue", () => {
  it("makes the same bytes as a call does, with any number of workers", async () => {
    const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "tiny" })
    for (const workers of [1, 3]) {
      const queue = queueOf(workers)
      const patches = await Promise.all(["a", "b", "c"].map((key) => queue.make(job(key))))
      for (const made of patches) expect(made).toEqual(patch)
    }
    expect(applyPatch(patch, images.oldBytes)).toEqual(images.newBytes)
  })

  it("shows a job waiting, running and done, with its progress", async () => {
    const seen: DeltaProgress[] = []
    await queueOf(1, 1e9, seen).make(job("a"))
    expect([...new Set(seen.map(({ state }) => state))]).toEqual(["waiting", "running", "done"])
    expect(seen.at(-1)?.progress).toBe(1)
    expect(seen.some(({ progress }) => progress > 0 && progress < 1)).toBe(true)
  })

  it("starts a second job only when the memory of both fits", async () => {
    const seen: DeltaProgress[] = []
    const queue = queueOf(2, 150e6, seen)
    await Promise.all([queue.make(job("a")), queue.make(job("b"))])
    const order = seen.filter(({ state }) => state === "running" || state === "done")
    const firstOf = (key: string, state: string): number =>
      order.findIndex((view) => view.key === key && view.state === state)
    expect(firstOf("b", "running")).toBeGreaterThan(firstOf("a", "done"))
  })

  it("remembers a pair that cannot gain and does not try it again", async () => {
    const next = numbers(2)
    const noise = (): Uint8Array => Uint8Array.from({ length: 2000 }, () => next() & 255)
    let reads = 0
    const readImages = async () => {
      reads++
      return { oldBytes: noise(), newBytes: noise() }
    }
    const queue = queueOf(1)
    expect(await queue.make(job("noise", { readImages }))).toBeNull()
    expect(await queue.make(job("noise", { readImages }))).toBeNull()
    expect(reads).toBe(1)
    expect(queue.views()).toMatchObject([{ key: "noise", state: "no-gain" }])
  })

  it("makes JojoDiff patches of the least size", async () => {
    const leastBytes = Math.floor(images.newBytes.length / 2)
    const patch = await queueOf(1).make(job("a", { recipe: { format: "jojodiff", leastBytes } }))
    expect(patch?.length).toBeGreaterThanOrEqual(leastBytes)
    expect(applyJojodiff(patch ?? new Uint8Array(0), images.oldBytes)).toEqual(images.newBytes)
  })

  it("cancels what runs and goes on with what waits", async () => {
    const queue = queueOf(1)
    const cancelled = queue.make(job("a"))
    const other = queue.make(job("b"))
    expect(await queue.cancel("a")).toBe(true)
    expect(await cancelled).toBeNull()
    expect(await other).not.toBeNull()
    expect(await queue.cancel("b")).toBe(false)
  })

  it("fails a job whose images cannot be read, with the reason", async () => {
    const queue = queueOf(1)
    const readImages = () => Promise.reject(new Error("no such image"))
    expect(await queue.make(job("a", { readImages }))).toBeNull()
    expect(queue.views()).toMatchObject([{ state: "failed", error: "Error: no such image" }])
  })
})
