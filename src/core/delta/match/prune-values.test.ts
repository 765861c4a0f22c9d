import { describe, expect, it } from "vitest"
import { noShift, type ValueShift } from "../predict/translate.ts"
import type { Analysis } from "./analyse.ts"
import { pruneValues } from "./prune-values.ts"

const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)

/** Variables from 0x20000000 on moved by 16; what begins with 0x30 is no address, whatever it looks like. */
const moved = Array.from({ length: 40 }, (_, i) => 0x20000000 + 64 * i)
const fixed = Array.from({ length: 40 }, (_, i) => 0x30000000 + 64 * i)
const oldBytes = words([...moved, ...fixed])
const newBytes = words([...moved.map((word) => word + 16), ...fixed])

function pruned(values: readonly ValueShift[]): readonly ValueShift[] {
  const analysis: Analysis = {
    oldBytes,
    newBytes,
    values,
    phase: { old: 0, new: 0 },
    segments: [{ newStart: 0, shift: 0 }],
    regions: [],
    entries: [],
    architecture: "none",
    rivals: [],
  }
  return pruneValues(analysis)
}

const right: readonly ValueShift[] = [
  { start: 0x20000000, shift: 16 },
  { start: 0x20010000, shift: noShift },
]
const wrong: readonly ValueShift[] = [
  { start: 0x30000000, shift: 16 },
  { start: 0x30010000, shift: noShift },
]

describe("the value map", () => {
  it("keeps a piece that sets pointers right", () => {
    expect(pruned(right)).toEqual(right)
  })

  it("loses a piece that spoils words which are no pointers, and nothing else", () => {
    expect(pruned([...right, ...wrong])).toEqual(right)
  })

  it("is empty when no piece pays", () => {
    expect(pruned(wrong)).toEqual([])
  })

  it("loses a piece that sets less right than it costs in the patch", () => {
    const seldom: readonly ValueShift[] = [
      { start: 0x20000000, shift: 16 },
      { start: 0x20000100, shift: noShift },
    ]
    expect(pruned(seldom)).toEqual([])
  })
})
