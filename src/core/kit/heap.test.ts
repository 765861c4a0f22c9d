import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Heap } from "./heap.ts"

describe("a heap", () => {
  it("gives back what was put in, the least first, whatever comes in between", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer(), { nil: null })), (steps) => {
        const heap = new Heap<number>((a, b) => a < b)
        const model: number[] = []
        for (const step of steps) {
          if (step === null) {
            model.sort((a, b) => a - b)
            expect(heap.pop()).toBe(model.shift())
          } else {
            heap.push(step)
            model.push(step)
          }
          expect(heap.size).toBe(model.length)
          expect(heap.peek()).toBe(model.length === 0 ? undefined : Math.min(...model))
        }
      }),
    )
  })
})
