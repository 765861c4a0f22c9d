import { describe, expect, it } from "vitest"
import { decodeStream } from "./apply-patch.ts"
import { crc32 } from "./checksum.ts"
import { fieldType, readHeader, readPatch, writePatch } from "./container.ts"
import { firmwarePair } from "./firmware.testing.ts"
import { applyPatch, DeltaError, makePatch } from "./index.ts"
import { readerOf } from "./predict/detect.ts"

const images = firmwarePair(60, 3)
const { patch, header } = makePatch(images.oldBytes, images.newBytes, { blockIndex: true })

/**
 * The patch with one byte of its payload changed, under checksums that are right, and with more bytes behind it than a
 * payload that goes astray can need.
 */
function damagedAt(share: number): Uint8Array {
  const { payload } = readPatch(patch)
  const bad = new Uint8Array(payload.length + 2 * images.newBytes.length)
  bad.set(payload)
  const at = Math.floor(payload.length * share)
  bad[at] = (bad[at] as number) ^ 0x08
  return writePatch({ ...header, payloadSize: bad.length, payloadCrc: crc32(bad) }, bad)
}

/** The bytes that came out before a patch was refused, and the code. */
function decoded(bytes: Uint8Array): { readonly size: number; readonly isRight: boolean; readonly code: string } {
  let size = 0
  let isRight = true
  try {
    for (const chunk of decodeStream(readPatch(bytes), readerOf(images.oldBytes))) {
      isRight &&= chunk.every((byte, i) => byte === images.newBytes[size + i])
      size += chunk.length
    }
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error
    return { size, isRight, code: error.code }
  }
  return { size, isRight, code: "none" }
}

describe("the block index of a streamed patch", () => {
  it("lets a sound patch through", () => {
    expect(decoded(patch)).toEqual({ size: images.newBytes.length, isRight: true, code: "none" })
    expect(applyPatch(patch, images.oldBytes)).toEqual(images.newBytes)
  })

  it.each([0.35, 0.5, 0.65, 0.8])(
    "stops a payload that is wrong from %f on before the first wrong block is whole, and hands out none of its last chunk",
    (share) => {
      const found = decoded(damagedAt(share))
      expect(found).toMatchObject({ isRight: true, code: "wrong-block" })
      expect(found.size).toBeLessThan(images.newBytes.length)
      expect(found.size % 4096).toBe(0)
    },
  )

  it("is what catches it: without the index every byte comes out, and only the digest of the whole is wrong", () => {
    const { payload } = readPatch(damagedAt(0.8))
    const bare = writePatch({ ...header, fields: [], payloadSize: payload.length, payloadCrc: crc32(payload) }, payload)
    expect(decoded(bare)).toMatchObject({ size: images.newBytes.length, isRight: false, code: "none" })
    expect(() => applyPatch(bare, images.oldBytes)).toThrow(expect.objectContaining({ code: "wrong-target" }))
  })

  it.each([
    ["blocks of less than a chunk", 2048, 0],
    ["blocks of no power of two", 12288, 0],
    ["a checksum too few", 4096, -4],
    ["a checksum too many", 4096, 4],
    ["no room for the block size", 4096, -1000000],
  ])("is refused with the header when it has %s", (_, size, more) => {
    const value = new Uint8Array(Math.max(3, 4 + 4 * Math.ceil(images.newBytes.length / size) + more))
    if (value.length >= 4) new DataView(value.buffer).setUint32(0, size, true)
    const bad = writePatch({ ...header, fields: [{ type: fieldType.targetBlocks, value }] }, readPatch(patch).payload)
    expect(() => readHeader(bad)).toThrow(expect.objectContaining({ code: "bad-header" }))
  })
})
