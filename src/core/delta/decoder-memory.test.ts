import { sha256 } from "@noble/hashes/sha2.js"
import { describe, expect, it } from "vitest"
import { decodeStream } from "./apply-patch.ts"
import { BinaryCoder } from "./code/binary-coder.ts"
import { codePreamble, targetCoder } from "./code/session.ts"
import { newestVersion, readPatch } from "./container.ts"
import { firmwarePair } from "./firmware.testing.ts"
import { makePatch } from "./make-patch.ts"
import { OldImage } from "./place/old-image.ts"
import { updateInPlaceSteps } from "./place/update-in-place.ts"
import { flashFor } from "./place/verify.ts"
import { type ProfileName, profiles } from "./profiles.ts"

const kinds = [
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float64Array",
] as const
const real = Object.fromEntries(kinds.map((kind) => [kind, globalThis[kind]]))

/** What all of them inherit. */
const arrays = Object.getPrototypeOf(Uint8Array.prototype) as Pick<Uint8Array, "slice">
const { slice } = arrays

/** An allocator that counts: every buffer that is made from now on adds its bytes. */
class Counter {
  bytes = 0

  constructor() {
    for (const kind of kinds) Object.assign(globalThis, { [kind]: this.#counted(kind) })
    const take = (bytes: number): void => void (this.bytes += bytes)
    arrays.slice = function (this: Uint8Array, ...range) {
      const made = slice.apply(this, range)
      take(made.byteLength)
      return made
    }
  }

  end(): void {
    Object.assign(globalThis, real)
    arrays.slice = slice
  }

  #counted(kind: (typeof kinds)[number]): unknown {
    return new Proxy(real[kind] as Uint8ArrayConstructor, {
      construct: (target, given: unknown[], newTarget) => {
        const made = Reflect.construct(target, given, newTarget) as Uint8Array
        // A view of a buffer takes no memory of its own.
        if (!(given[0] instanceof ArrayBuffer)) this.bytes += made.byteLength
        return made
      },
    })
  }
}

const { oldBytes, newBytes } = firmwarePair(60)
const names = Object.keys(profiles) as ProfileName[]
const sectorSize = 512

/** Buffers that `deed` makes, bytes. */
function made(deed: () => void): number {
  const counter = new Counter()
  try {
    deed()
  } finally {
    counter.end()
  }
  return counter.bytes
}

describe("the decoder's buffers", () => {
  it.each(names)("of the profile %s, streaming, stay within its budget", (name) => {
    const { patch, header } = makePatch(oldBytes, newBytes, { profile: name })
    const parsed = readPatch(patch)
    const old = new OldImage({
      sectors: 0,
      slots: 0,
      sectorSize: 4096,
      sourceSize: oldBytes.length,
      phase: header.phase.old,
      readImage: (offset, into) => into.set(oldBytes.subarray(offset, offset + into.length)),
      readSlot: () => undefined,
    })
    const chunks = decodeStream(parsed, old.read)
    const first = made(() => expect(chunks.next().value).toHaveLength(4096))
    expect(first - 4096).toBeLessThanOrEqual(profiles[name].ramLimit)
    // From then on a chunk for the caller, and nothing else.
    const rest = made(() => [...chunks])
    expect(rest).toBe(newBytes.length - 4096)
  })

  it.each(names)("of the profile %s, in place, stay within its budget", (name) => {
    const { patch } = makePatch(oldBytes, newBytes, { profile: name, sectorSize })
    const { flash, layout } = flashFor(patch, oldBytes)
    const steps = updateInPlaceSteps(patch, flash, layout)
    const first = made(() => steps.next())
    expect(first - sectorSize).toBeLessThanOrEqual(profiles[name].ramLimit)
    const digest = made(() => sha256.create())
    const rest = made(() => [...steps])
    expect(rest).toBeLessThanOrEqual(2 * digest + 64)
    expect(flash.bytes.slice(0, newBytes.length)).toEqual(newBytes)
  })

  it.each(names)(
    "of the profile %s stay within its budget when every table is as full as the format allows",
    (name) => {
      const profile = profiles[name]
      const entries = Array.from({ length: profile.mapCap }, (_, i) => ({ oldStart: 16 * i, shift: 4 * i }))
      const values = Array.from({ length: profile.valueCap }, (_, i) => ({ start: 0x20000000 + 64 * i, shift: 4 * i }))
      const region = { oldOffset: 0, oldLength: 64, oldAddress: 0, newOffset: 0, newAddress: 0 }
      const regions = Array.from({ length: profile.regionCap }, () => region)
      const header = {
        profile,
        architecture: "thumb2",
        version: newestVersion,
        prior: 1,
        phase: { old: 0, new: 0 },
        sectorSize,
        preserveSlots: 8,
        stagingSectors: 1,
        sourceSize: 0,
        targetSize: profile.sectorCap * sectorSize,
      } as const
      const encoder = BinaryCoder.encoder()
      const nothing = { relation: { entries: [], values: [], regions: [] }, runs: [] }
      codePreamble(encoder, { ...header, targetSize: 0 }, nothing)
      const payload = encoder.finish()
      const coder = BinaryCoder.decoder(payload)
      const old = {
        ...header,
        sectors: profile.sectorCap,
        slots: header.preserveSlots,
        phase: 0,
        readImage: () => undefined,
        readSlot: () => undefined,
      }
      // What reads the preamble is gone when the model is made; the C decoder has both in one place.
      const preamble = made(() => codePreamble(coder, { ...header, targetSize: 0 }, null))
      const bytes = made(() => targetCoder(coder, header, { entries, regions, values }, new OldImage(old).read))
      expect(preamble).toBeLessThan(bytes)
      expect(bytes).toBeLessThanOrEqual(profile.ramLimit)
    },
  )

  it("are counted: a larger one is noticed", () => {
    expect(made(() => new Uint8Array(100).slice(0, 40))).toBe(140)
    expect(made(() => Int32Array.from([1, 2, 3]))).toBe(12)
    expect(made(() => oldBytes.subarray(5))).toBe(0)
  })
})
