import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { suffixArray } from "./suffix-array.ts"

function sortedByComparing(bytes: Uint8Array): number[] {
  const less = (a: number, b: number): number => {
    while (a < bytes.length && b < bytes.length && bytes[a] === bytes[b]) {
      a++
      b++
    }
    return (bytes[a] ?? -1) - (bytes[b] ?? -1)
  }
  return [...bytes.keys()].sort(less)
}

describe("the suffix array", () => {
  it("is the order that comparing every suffix gives", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 2, 254, 255), { maxLength: 60 }), (symbols) => {
        const bytes = Uint8Array.from(symbols)
        expect([...suffixArray(bytes)]).toEqual(sortedByComparing(bytes))
      }),
    )
  })

  it("of one repeated byte runs from the end to the start", () => {
    expect([...suffixArray(new Uint8Array(5))]).toEqual([4, 3, 2, 1, 0])
  })
})
