import { describe, expect, it } from "vitest"
import { numbers } from "../firmware.testing.ts"
import type { Segment } from "../match/segments.ts"
import { findOrder, lostIn, type OrderQuestion } from "./find-order.ts"
import { stepsOf } from "./order.ts"

const sectorSize = 1024
const sectors = 64
const size = sectors * sectorSize

const question = (segments: readonly Segment[], runCap: number, slots = 0): OrderQuestion => ({
  segments,
  sourceSize: size,
  targetSize: size,
  sectorSize,
  slots,
  staging: 1,
  runCap,
})

/** Blocks of the old image in another order, each a little off the sectors' borders. */
function shuffled(blocks: number): Segment[] {
  const next = numbers(5)
  const order = Array.from({ length: blocks }, (_, i) => i)
  for (let i = blocks - 1; i > 0; i--) {
    const j = next() % (i + 1)
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  const length = size / blocks
  return order.map((from, at) => ({ newStart: at * length, shift: (at - from) * length + (at % 3) * 40 }))
}

describe("the order in place", () => {
  it("names every sector once, within the runs that a decoder holds", () => {
    for (const runCap of [1, 4, 24, 128]) {
      const runs = findOrder(question(shuffled(16), runCap, 2))
      expect(runs.length).toBeLessThanOrEqual(runCap)
      const named = [...stepsOf(runs)].map(({ sector }) => sector)
      expect(named.sort((a, b) => a - b)).toEqual(Array.from({ length: sectors }, (_, i) => i))
    }
  })

  it("goes from the end where code moved up, and from the start where it moved down, in one run that loses nothing", () => {
    const up = question([{ newStart: 0, shift: 700 }], 24)
    expect(findOrder(up)).toEqual([{ start: sectors - 1, length: sectors, step: -1, keep: 0 }])
    expect(lostIn(up, findOrder(up))).toBe(0)
    const down = question([{ newStart: 0, shift: -700 }], 24)
    expect(findOrder(down)).toEqual([{ start: 0, length: sectors, step: 1, keep: 0 }])
    expect(lostIn(down, findOrder(down))).toBe(0)
  })

  it("loses the less, the more runs there may be, and not all at once where they are too few", () => {
    const segments = shuffled(32)
    const lost = [1, 8, 16, 128].map((runCap) =>
      lostIn(question(segments, runCap), findOrder(question(segments, runCap))),
    )
    for (const [i, bytes] of lost.entries()) expect(bytes).toBeLessThanOrEqual(lost[i - 1] ?? Number.POSITIVE_INFINITY)
    expect(lost[2]).toBeLessThan(lost[0] as number)
    expect(lost[3]).toBeLessThan((lost[0] as number) / 2)
  })

  it("keeps old sectors in the slots, and loses less for it", () => {
    const segments = shuffled(8)
    const without = lostIn(question(segments, 128), findOrder(question(segments, 128)))
    const withSlots = question(segments, 128, 4)
    expect(findOrder(withSlots).some(({ keep }) => keep > 0)).toBe(true)
    expect(lostIn(withSlots, findOrder(withSlots))).toBeLessThan(without)
  })
})
