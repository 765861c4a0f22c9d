import { describe, expect, it } from "vitest"
import { applyPatch } from "./apply-patch.ts"
import { crc32 } from "./checksum.ts"
import { readHeader, readPatch, writePatch } from "./container.ts"
import { DeltaError } from "./delta-error.ts"
import { firmwarePair, numbers, sealAgain } from "./firmware.testing.ts"
import { makePatch } from "./make-patch.ts"

const { oldBytes, newBytes } = firmwarePair(12)
const streamed = makePatch(oldBytes, newBytes, { profile: "tiny", version: 1 }).patch
const inPlace = makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize: 256, version: 1 }).patch

/** Makes the checksums of a changed patch right again, as an attacker would. */
function sealed(patch: Uint8Array): Uint8Array {
  const view = new DataView(patch.buffer, patch.byteOffset, patch.length)
  view.setUint32(36, crc32(patch.subarray(108)), true)
  view.setUint32(104, crc32(patch.subarray(0, 104)), true)
  return patch
}

function changed(patch: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = patch.slice()
  change(new DataView(copy.buffer))
  return sealed(copy)
}

function codeOf(patch: Uint8Array): string {
  try {
    applyPatch(patch, oldBytes)
    return "applied"
  } catch (error) {
    if (error instanceof DeltaError) return error.code
    throw error
  }
}

/** Fields beyond their limits, each under right checksums: docs/delta-format.md section 1. */
const beyond = [
  ["magic", (view: DataView) => view.setUint8(0, 0x58), "not-a-patch"],
  ["version", (view: DataView) => view.setUint8(4, 5), "unknown-version"],
  ["header size below 108", (view: DataView) => view.setUint16(6, 107, true), "bad-header"],
  ["header size above 4096", (view: DataView) => view.setUint16(6, 4097, true), "bad-header"],
  ["flags", (view: DataView) => view.setUint16(8, 2, true), "unsupported"],
  ["in-place flag without sectors", (view: DataView) => view.setUint16(8, 1, true), "bad-header"],
  ["algorithm", (view: DataView) => view.setUint8(10, 3), "unsupported"],
  ["profile", (view: DataView) => view.setUint8(11, 4), "unsupported"],
  ["instruction set", (view: DataView) => view.setUint8(12, 17), "unsupported"],
  ["starting tables", (view: DataView) => view.setUint8(13, 2), "unsupported"],
  ["old phase", (view: DataView) => view.setUint8(14, 4), "bad-header"],
  ["new phase", (view: DataView) => view.setUint8(14, 0x40), "bad-header"],
  ["preserve slots", (view: DataView) => view.setUint8(15, 9), "bad-header"],
  ["source size", (view: DataView) => view.setUint32(16, 0x10000001, true), "bad-header"],
  ["target size", (view: DataView) => view.setUint32(20, 0x10000001, true), "bad-header"],
  ["payload size", (view: DataView) => view.setUint32(24, 0x10000001, true), "bad-header"],
  ["another payload size", (view: DataView) => view.setUint32(24, 5, true), "truncated"],
  ["sector size without the flag", (view: DataView) => view.setUint32(28, 4096, true), "bad-header"],
  ["RAM", (view: DataView) => view.setUint32(32, 9000, true), "bad-header"],
  ["source digest", (view: DataView) => view.setUint8(40, view.getUint8(40) ^ 1), "wrong-source"],
  ["target digest", (view: DataView) => view.setUint8(72, view.getUint8(72) ^ 1), "wrong-target"],
] as const

describe("a patch's header", () => {
  it.each(beyond)("with a wrong %s is refused", (_, change, code) => {
    expect(codeOf(changed(streamed, change))).toBe(code)
  })

  it.each([
    ["no power of two", 300],
    ["too small", 128],
    ["too large", 0x200000],
  ])("with a sector size that is %s is refused", (_, size) => {
    expect(codeOf(changed(inPlace, (view) => view.setUint32(28, size, true)))).toBe("bad-header")
  })

  it("with more sectors than the profile allows is refused before anything is allocated for them", () => {
    expect(codeOf(changed(inPlace, (view) => view.setUint32(20, 0x1000000, true)))).toBe("bad-header")
  })

  it("with fields that run over its end is refused", () => {
    const longer = new Uint8Array([...streamed.subarray(0, 108), 9, 50, 0, ...streamed.subarray(108)])
    new DataView(longer.buffer).setUint16(6, 111, true)
    expect(() => readHeader(longer)).toThrow(DeltaError)
  })

  it("survives any noise as a value: read, or refused with a code", () => {
    const next = numbers(21)
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from({ length: 108 + (next() % 60) }, () => next() & 255)
      bytes.set([0x57, 0x46, 0x44, 0x31, 1 + (round & 1)])
      try {
        readPatch(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DeltaError)
      }
    }
  })
})

describe("a payload of noise under right checksums", () => {
  it.each([
    ["streamed", streamed],
    ["in place", inPlace],
  ])("(%s) is refused, unless what was changed is never read", (_, patch) => {
    const next = numbers(5)
    for (let round = 0; round < 60; round++) {
      const bad = patch.slice()
      for (let at = 108 + (next() % (bad.length - 108)); at < bad.length; at++) bad[at] = next() & 255
      expect(["bad-payload", "wrong-target", "applied"]).toContain(codeOf(sealed(bad)))
    }
  })
})

describe("a header from version 2 on", () => {
  const made = makePatch(oldBytes, newBytes, { profile: "tiny", effort: "fast" })
  const { payload } = readPatch(made.patch)
  const placed = makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize: 256, effort: "fast" })

  it("is little more than half as long as one of version 1, and says the same", () => {
    const first = makePatch(oldBytes, newBytes, { profile: "tiny", version: 1, effort: "fast" })
    // In the profile tiny versions 1 and 2 differ in nothing else.
    const second = makePatch(oldBytes, newBytes, { profile: "tiny", version: 2, effort: "fast" })
    const { version, sourceDigest, ramNeeded: _, ...rest } = readPatch(second.patch).header
    const { version: _version, sourceDigest: wholeDigest, ramNeeded: __, ...firstRest } = readPatch(first.patch).header
    expect(version).toBe(2)
    expect(rest).toEqual(firstRest)
    expect(sourceDigest).toEqual(wholeDigest.slice(0, 8))
    expect(made.patch.length - payload.length).toBeLessThanOrEqual(66)
    expect(applyPatch(first.patch, oldBytes)).toEqual(newBytes)
  })

  it("keeps sector size and slots", () => {
    const { sectorSize, preserveSlots, stagingSectors } = readPatch(placed.patch).header
    expect([sectorSize, preserveSlots + stagingSectors]).toEqual([256, 9])
  })

  it.each([
    ["source size", { sourceSize: 0x10000001 }, "bad-header"],
    ["target size", { targetSize: 0x10000001 }, "bad-header"],
    ["payload size", { payloadSize: 0xffffffff }, "bad-header"],
    ["another payload size", { payloadSize: 5 }, "truncated"],
    ["old phase", { phase: { old: 4, new: 0 } }, "bad-header"],
    ["preserve slots", { sectorSize: 256, preserveSlots: 9 }, "bad-header"],
    ["sectors larger than any", { sectorSize: 0x200000 }, "bad-header"],
    ["more sectors than the profile allows", { sectorSize: 256, targetSize: 0x1000000 }, "bad-header"],
    ["source digest", { sourceDigest: new Uint8Array(8) }, "wrong-source"],
    ["target digest", { targetSha256: new Uint8Array(32) }, "wrong-target"],
  ] as const)("with a wrong %s is refused", (_, change, code) => {
    expect(codeOf(writePatch({ ...made.header, ...change }, payload))).toBe(code)
  })

  it.each([
    ["flags", 6, 0x40, "unsupported"],
    ["a packed payload", 6, 3, "unsupported"],
    ["instruction set", 7, 17, "unsupported"],
    ["a number that never ends", 9, 0xff, "bad-header"],
  ] as const)("with %s that nobody knows is refused", (_, at, byte, code) => {
    const bad = made.patch.slice()
    if (byte === 0xff) bad.fill(byte, at, at + 6)
    else bad[at] = byte
    expect(codeOf(sealAgain(bad))).toBe(code)
  })
})
