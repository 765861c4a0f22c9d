import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { applyPatch } from "./apply-patch.ts"
import { readPatch } from "./container.ts"
import { DeltaError } from "./delta-error.ts"
import { firmwarePair, numbers } from "./firmware.testing.ts"
import { efforts, makePatch, sectorSizeFor } from "./make-patch.ts"
import { type ProfileName, profiles } from "./profiles.ts"

const names = Object.keys(profiles) as ProfileName[]

/** Code at which a call throws `DeltaError`, or null. */
function codeOf(call: () => unknown): string | null {
  try {
    call()
    return null
  } catch (error) {
    if (error instanceof DeltaError) return error.code
    throw error
  }
}

describe("a patch", () => {
  const { oldBytes, newBytes } = firmwarePair()

  it.each(names)("made for %s turns the old image into the new one", (profile) => {
    const { patch } = makePatch(oldBytes, newBytes, { profile })
    expect(applyPatch(patch, oldBytes)).toEqual(newBytes)
  })

  it("knows Thumb-2 and is a small share of the image, since moved calls and pointers are predicted", () => {
    const { header } = makePatch(oldBytes, newBytes, { profile: "gateway" })
    expect(header.architecture).toBe("thumb2")
    expect(header.payloadSize).toBeLessThan(newBytes.length / 20)
  })

  it.each(names)("made in place for %s ends with the new image in a simulated flash", (profile) => {
    const { patch, header } = makePatch(oldBytes, newBytes, { profile, sectorSize: 1024 })
    expect(header.sectorSize).toBe(1024)
    expect(applyPatch(patch, oldBytes)).toEqual(newBytes)
  })

  it.each([undefined, 1024])(
    "for a larger profile is never larger than for a smaller one (sectors of %s)",
    (sectorSize) => {
      const sizes = names.map((profile) => {
        const { header } = makePatch(oldBytes, newBytes, {
          profile,
          ...(sectorSize === undefined ? {} : { sectorSize }),
        })
        expect(profiles[profile].code).toBeGreaterThanOrEqual(header.profile.code)
        return header.payloadSize
      })
      for (const [i, size] of sizes.entries()) expect(size).toBeLessThanOrEqual((sizes[i - 1] ?? size) * 1.01)
    },
  )

  it("gets no larger with more effort", () => {
    const [fast, normal, high] = efforts.map((effort) => makePatch(oldBytes, newBytes, { effort }).patch.length)
    expect(normal).toBeLessThanOrEqual(fast as number)
    expect(high).toBeLessThanOrEqual(normal as number)
  })

  it("in place with more sectors than its profile can number is refused with what would do", () => {
    const image = new Uint8Array(300 * 1024)
    expect(() => makePatch(image, image, { profile: "tiny", sectorSize: 256 })).toThrow(
      "307200 bytes are 1200 sectors of 256, and the profile tiny can number 1024: take sectors of 4096 bytes or the profile mcu",
    )
    expect(sectorSizeFor(27_000_000, profiles.mcu)).toBe(8192)
    expect(sectorSizeFor(1_000_000, profiles.mcu)).toBe(4096)
  })

  it("is the same bytes every time", () => {
    expect(makePatch(oldBytes, newBytes).patch).toEqual(makePatch(oldBytes, newBytes).patch)
  })

  it("between any two byte strings round-trips, streamed and in place", () => {
    const bytes = fc.uint8Array({ maxLength: 700 })
    fc.assert(
      fc.property(bytes, bytes, fc.constantFrom(undefined, 256), (before, after, sectorSize) => {
        const { patch } = makePatch(before, after, {
          profile: "tiny",
          ...(sectorSize === undefined ? {} : { sectorSize }),
        })
        expect(applyPatch(patch, before)).toEqual(after)
      }),
      { numRuns: 40 },
    )
  })

  it("between random bytes is never larger than the new image and its header", () => {
    const next = numbers(9)
    const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => next() & 255)
    const { header, patch } = makePatch(noise(3000), noise(3000))
    expect(header.algorithm).toBe("stored")
    expect(patch.length).toBe(3000 + readPatch(patch).headerSize)
  })

  it("for the wrong old image is refused by its digest", () => {
    const { patch } = makePatch(oldBytes, newBytes)
    const other = oldBytes.slice()
    other[100] = (other[100] as number) ^ 1
    expect(codeOf(() => applyPatch(patch, other))).toBe("wrong-source")
    expect(codeOf(() => applyPatch(patch, oldBytes.subarray(1)))).toBe("wrong-source")
  })
})

describe("a damaged patch", () => {
  const { oldBytes, newBytes } = firmwarePair(12)
  const { patch } = makePatch(oldBytes, newBytes, { profile: "tiny" })

  it("is refused when cut at any byte", () => {
    for (let length = 0; length < patch.length; length++) {
      expect(codeOf(() => applyPatch(patch.subarray(0, length), oldBytes))).not.toBeNull()
    }
  })

  it("is refused when any one byte is wrong", () => {
    for (let at = 0; at < patch.length; at++) {
      const damaged = patch.slice()
      damaged[at] = (damaged[at] as number) ^ (1 << (at & 7))
      expect(
        codeOf(() => applyPatch(damaged, oldBytes)),
        `byte ${at}`,
      ).not.toBeNull()
    }
  })
})
