import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { mutated, Random } from "../fuzz/inputs.ts"
import { finding, targets } from "../fuzz/targets.ts"

describe("readers of bytes from outside", () => {
  it.each(targets)("take whatever comes: $name", (target) => {
    // One sound input at least is read without a word, or the others would be turned away at the door.
    expect(target.sound.some((bytes) => finding(target, bytes) === null)).toBe(true)
    const input = fc.oneof(
      fc.integer().map((seed) => mutated(new Random(seed), target.sound)),
      fc.uint8Array({ maxLength: 100 }),
    )
    fc.assert(
      fc.property(input, (bytes) => {
        expect(finding(target, bytes)).toBeNull()
      }),
      { seed: 20_261_128, numRuns: 2000, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    )
  })
})
