import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { DeltaError } from "../delta-error.ts"
import { firmwarePair } from "../firmware.testing.ts"
import { JojodiffReader } from "./jojodiff-reader.ts"
import { applyJojodiff, makeJojodiff, padJojodiff } from "./jojodiff.ts"

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

  it("is read the same however it is cut into pieces", () => {
    const { oldBytes, newBytes } = firmwarePair(3)
    const patch = makeJojodiff(oldBytes, newBytes)
    for (const piece of [1, 2, 3, 7, 1024]) {
      const reader = new JojodiffReader({ oldBytes: oldBytes.length, newBytes: newBytes.length })
      const made: number[] = []
      for (let at = 0; at < patch.length; at += piece) {
        for (const step of reader.take(patch.subarray(at, at + piece))) {
          made.push(...(step.kind === "data" ? step.bytes : oldBytes.subarray(step.from, step.from + step.length)))
        }
      }
      reader.end()
      expect(Uint8Array.from(made)).toEqual(newBytes)
    }
  })

  it("cut at every byte is refused or makes the beginning of the image, and never more", () => {
    const { oldBytes, newBytes } = firmwarePair(3)
    const patch = makeJojodiff(oldBytes, newBytes)
    for (let length = 0; length < patch.length; length++) {
      try {
        const made = applyJojodiff(patch.subarray(0, length), oldBytes)
        expect(made).toEqual(newBytes.subarray(0, made.length))
      } catch (error) {
        expect(error).toBeInstanceOf(DeltaError)
      }
    }
  })

  it("of random bytes ends in an image within the limit or a refusal", () => {
    const noise = fc.array(fc.constantFrom(0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0, 1, 252, 253, 254, 255), {
      maxLength: 80,
    })
    fc.assert(
      fc.property(noise, fc.uint8Array({ maxLength: 40 }), (list, before) => {
        try {
          expect(applyJojodiff(Uint8Array.from(list), before, 500).length).toBeLessThanOrEqual(500)
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError)
        }
      }),
    )
  })

  it("padded does the same", () => {
    const { oldBytes, newBytes } = firmwarePair(3)
    const patch = padJojodiff(makeJojodiff(oldBytes, newBytes), 20_000)
    expect(patch.length).toBeGreaterThanOrEqual(20_000)
    expect(patch.length).toBeLessThan(20_006)
    expect(applyJojodiff(patch, oldBytes)).toEqual(newBytes)
  })

  it.each(["00", "a7", "a7 a1", "a7 a3", "a7 a3 ff", "a7 a2 00 a7 a3 00", "a7 a3 05", "a7 a5 41 a7"])(
    "refuses %s",
    (patch) => {
      expect(() => applyJojodiff(bytes(patch), text("abc"))).toThrow(DeltaError)
    },
  )
})
