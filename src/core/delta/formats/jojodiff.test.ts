import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DeltaError } from "../delta-error.ts"
import { firmwarePair } from "../firmware.testing.ts"
import { applyJojodiff, makeJojodiff } from "./jojodiff.ts"

const text = (value: string): Uint8Array => Uint8Array.from(value, (character) => character.charCodeAt(0))
const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (digits) => Number.parseInt(digits, 16))

/** Written by hand from the published description: escape A7; MOD A6, INS A5, DEL A4, EQL A3, BKT A2. */
const vectors = [
  { name: "an equal run of 11 bytes", patch: "a7 a3 0a", before: "hello world", after: "hello world" },
  { name: "two bytes modified", patch: "a7 a3 03 a7 a6 58 59 a7 a3 00", before: "abcdefg", after: "abcdXYg" },
  { name: "an insertion", patch: "a7 a3 01 a7 a5 2d 2d a7 a3 01", before: "abcd", after: "ab--cd" },
  { name: "a deletion", patch: "a7 a3 00 a7 a4 01 a7 a3 00", before: "abcd", after: "ad" },
  { name: "a step back", patch: "a7 a3 03 a7 a2 03 a7 a3 03", before: "abcd", after: "abcdabcd" },
] as const

describe("JojoDiff", () => {
  it.each(vectors)("applies $name", ({ patch, before, after }) => {
    expect(applyJojodiff(bytes(patch), text(before))).toEqual(text(after))
  })

  it("takes a doubled escape in the data for one, and an escape before no operator for itself", () => {
    expect(applyJojodiff(bytes("a7 a5 a7 a7 41 a7 42"), new Uint8Array())).toEqual(
      Uint8Array.of(0xa7, 0x41, 0xa7, 0x42),
    )
  })

  it("has lengths of one, two, three and five bytes", () => {
    const before = new Uint8Array(70_000).map((_, i) => i * 7)
    const take = (patch: string): number => applyJojodiff(bytes(patch), before).length
    expect(take("a7 a3 fb")).toBe(252)
    expect(take("a7 a3 fc 00")).toBe(253)
    expect(take("a7 a3 fc ff")).toBe(508)
    expect(take("a7 a3 fd 02 00")).toBe(512)
    expect(take("a7 a3 fe 00 01 00 00")).toBe(65536)
  })

  it("round-trips between any two byte strings", () => {
    const any = fc.uint8Array({ maxLength: 400 })
    const escapes = fc
      .array(fc.constantFrom(0xa7, 0xa6, 0xa2, 1), { maxLength: 60 })
      .map((list) => Uint8Array.from(list))
    fc.assert(
      fc.property(any, fc.oneof(any, escapes), (before, after) => {
        expect(applyJojodiff(makeJojodiff(before, after), before)).toEqual(after)
      }),
    )
  })

  it("of firmware is much smaller than the firmware", () => {
    const { oldBytes, newBytes } = firmwarePair()
    const patch = makeJojodiff(oldBytes, newBytes)
    expect(applyJojodiff(patch, oldBytes)).toEqual(newBytes)
    expect(patch.length).toBeLessThan(newBytes.length / 2)
  })

  it.each(["00", "a7", "a7 a1", "a7 a3", "a7 a3 ff", "a7 a2 00 a7 a3 00", "a7 a3 05", "a7 a5 41 a7"])(
    "refuses %s",
    (patch) => {
      expect(() => applyJojodiff(bytes(patch), text("abc"))).toThrow(DeltaError)
    },
  )
})
