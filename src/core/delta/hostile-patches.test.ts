import { describe, expect, it } from "vitest"
import { applyPatch, decodeStream } from "./apply-patch.ts"
import { crc32 } from "./checksum.ts"
import {
  type Algorithm,
  fieldType,
  type FormatVersion,
  largestImage,
  readHeader,
  readPatch,
  writePatch,
} from "./container.ts"
import { DeltaError } from "./delta-error.ts"
import { firmwarePair, sealAgain } from "./firmware.testing.ts"
import { makePatch } from "./make-patch.ts"
import { SimulatedFlash } from "./place/simulated-flash.ts"
import { updateInPlace } from "./place/update-in-place.ts"
import { signPatch } from "./sign-patch.ts"

const { oldBytes, newBytes } = firmwarePair(8)
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const fields = [
  { type: fieldType.sourceVersion, value: text("1.0") },
  { type: fieldType.targetVersion, value: text("1.1") },
  { type: fieldType.product, value: text("meter") },
]
const sectorSize = 512
/** Patches of one format version. */
function made(version: FormatVersion) {
  const unsigned = makePatch(oldBytes, newBytes, { profile: "tiny", fields, version }).patch
  return {
    plain: makePatch(oldBytes, newBytes, { profile: "tiny", version }).patch,
    inPlace: makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize, preserveSlots: 2, fields, version }).patch,
    signed: signPatch(unsigned, new Uint8Array(32).fill(7), new Uint8Array(8)),
  }
}
const first = made(1)
const second = made(2)
const newest = made(3)
const { plain } = newest
/** A text that has nothing to do with the old image. */
const words = Uint8Array.from(
  { length: 3000 },
  (_, i) => "the patch is between what is inside; "[(i * i + (i >> 5)) % 37]?.charCodeAt(0) ?? 0,
)
const packed = makePatch(oldBytes, words, { profile: "tiny" }).patch

type Outcome = "refused" | "stopped" | "applied"

/** Applies a patch in a flash whose first and last sectors belong to somebody else. */
function place(patch: Uint8Array): Outcome {
  const sectors = Math.ceil(Math.max(oldBytes.length, newBytes.length) / sectorSize)
  const at = (sector: number): number => sector * sectorSize
  const flash = new SimulatedFlash({ size: at(sectors + 7), sectorSize, granularity: 8 })
  const ours = { from: at(1), to: at(sectors + 6) }
  flash.bytes.fill(0xaa, 0, ours.from).fill(0xaa, ours.to).set(oldBytes, ours.from)
  const layout = {
    image: at(1),
    staging: at(sectors + 1),
    journal: [at(sectors + 2), at(sectors + 3)],
    preserve: [at(sectors + 4), at(sectors + 5)],
  } as const
  let outcome: Outcome = "applied"
  try {
    updateInPlace(patch, flash, layout)
    expect(flash.bytes.subarray(ours.from, ours.from + newBytes.length)).toEqual(newBytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DeltaError)
    outcome = flash.operations === 0 ? "refused" : "stopped"
  }
  for (const foreign of [flash.bytes.subarray(0, ours.from), flash.bytes.subarray(ours.to)]) {
    expect(foreign.every((byte) => byte === 0xaa)).toBe(true)
  }
  return outcome
}

function stream(patch: Uint8Array, target = newBytes): Outcome {
  try {
    expect(applyPatch(patch, oldBytes)).toEqual(target)
    return "applied"
  } catch (error) {
    expect(error).toBeInstanceOf(DeltaError)
    return "refused"
  }
}

function withByte(patch: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = patch.slice()
  copy[at] = byte
  return copy
}

const cases = [
  { name: "streamed", patch: newest.plain, apply: stream },
  { name: "in place", patch: newest.inPlace, apply: place },
  { name: "signed", patch: newest.signed, apply: stream },
  { name: "packed", patch: packed, apply: (patch: Uint8Array) => stream(patch, words) },
  { name: "version 1, streamed", patch: first.plain, apply: stream },
  { name: "version 1, in place", patch: first.inPlace, apply: place },
  { name: "version 1, signed", patch: first.signed, apply: stream },
] as const

describe.each(cases)("a patch ($name)", ({ patch, apply }) => {
  it("is applied when nothing is wrong with it", () => {
    expect(apply(patch)).toBe("applied")
  })

  it("cut at every byte is refused before the first write", () => {
    for (let length = 0; length < patch.length; length++) {
      expect(apply(patch.slice(0, length)), `${length} bytes`).toBe("refused")
    }
  })

  it("with a byte behind its end is refused before the first write", () => {
    expect(apply(new Uint8Array([...patch, 0]))).toBe("refused")
  })

  it("with any one byte changed is refused before the first write", () => {
    for (let at = 0; at < patch.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const outcome = apply(withByte(patch, at, (patch[at] ?? 0) ^ change))
        // The signature's own bytes are under no checksum; verifySignature is who looks at them.
        if (outcome !== "refused") expect([at, outcome]).toEqual([expect.toSatisfy(isUnchecked(patch)), "applied"])
      }
    }
  })
})

/** The signature field stands at the header's end and is not under the header's CRC. */
function isUnchecked(patch: Uint8Array): (at: number) => boolean {
  const { header, headerSize } = readHeader(patch)
  const last = header.fields.at(-1)
  const length = last?.type === fieldType.signature ? last.value.length : 0
  return (at) => at >= headerSize - length && at < headerSize
}

describe.each([
  ["1", first.inPlace],
  ["2", second.inPlace],
  ["3", newest.inPlace],
] as const)("a patch in place of version %s whose checksums were made right after a change", (_, inPlace) => {
  it("of any byte of its header is refused, or stops, or is applied, and writes to nobody else's sectors", () => {
    const outcomes = new Set<Outcome>()
    for (let at = 0; at < readHeader(inPlace).headerSize; at++) {
      for (const byte of [0, 1, 3, 0x7f, 0x80, 0xff]) outcomes.add(place(sealAgain(withByte(inPlace, at, byte))))
    }
    expect(outcomes.has("refused")).toBe(true)
  })

  it("of any byte of its payload stops, or is applied, and writes to nobody else's sectors", () => {
    const { headerSize } = readHeader(inPlace)
    for (let at = headerSize; at < inPlace.length; at++) {
      for (const change of [1, 0x80, 0xff]) place(sealAgain(withByte(inPlace, at, (inPlace[at] ?? 0) ^ change)))
    }
  })
})

describe("a patch whose payload ends before its target does, under right checksums", () => {
  /** The same patch with `payload`, for a target of `targetSize` bytes. */
  const remade = (algorithm: Algorithm, payload: Uint8Array, targetSize: number): Uint8Array => {
    const { header } = readHeader(plain)
    const changed = { ...header, algorithm, targetSize, payloadSize: payload.length, payloadCrc: crc32(payload) }
    return writePatch(changed, payload)
  }
  const { payload } = readPatch(plain)

  it.each([0, 1, 5, payload.length >> 1])("is refused for what it is, with %i bytes of it", (length) => {
    expect(() => applyPatch(remade("delta", payload.slice(0, length), newBytes.length), oldBytes)).toThrow(
      expect.objectContaining({ code: "bad-payload" }),
    )
  })

  it("is packed, and of any byte changed is stopped, or comes out as it should", () => {
    expect(readHeader(packed).header.algorithm).toBe("packed")
    const { headerSize } = readHeader(packed)
    const codes = new Set<string>()
    for (let at = headerSize; at < packed.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        try {
          const found = applyPatch(sealAgain(withByte(packed, at, (packed[at] ?? 0) ^ change)), oldBytes)
          expect(found).toEqual(words)
          codes.add("applied")
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError)
          codes.add((error as DeltaError).code)
        }
      }
    }
    // The last byte may hold bits that nothing hangs on.
    expect(codes).toContain("bad-payload")
  })

  it.each(["delta", "full"] as const)("stops at the first missing byte, though it says 256 MB (%s)", (algorithm) => {
    const noise = Uint8Array.from({ length: 64 }, (_, i) => (i * 151 + 87) & 255)
    const given = algorithm === "delta" ? payload : noise
    const read: number[] = []
    expect(() => {
      const patch = readPatch(remade(algorithm, given, largestImage))
      for (const chunk of decodeStream(patch, (_offset, into) => into.fill(0))) read.push(chunk.length)
    }).toThrow(expect.objectContaining({ code: "bad-payload" }))
    expect(read.reduce((sum, length) => sum + length, 0)).toBeLessThan(1024 * 1024)
  })
})
