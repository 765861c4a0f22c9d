import { crc32 } from "./checksum.ts"
import { type Field, fieldType, fixedHeaderSize, largestHeader, type PatchHeader } from "./container.ts"
import { DeltaError } from "./delta-error.ts"

/** Room in a header for the index, after what else may stand there. */
const mostBlocks = Math.floor((largestHeader - fixedHeaderSize - 1024) / 4)
const smallestBlock = 4096

/** A field with the CRC-32 of each block of the target, in blocks of a power of two from 4096 bytes on. */
export function blockIndexOf(target: Uint8Array): Field {
  let size = smallestBlock
  while (Math.ceil(target.length / size) > mostBlocks) size *= 2
  const value = new Uint8Array(4 + 4 * Math.ceil(target.length / size))
  const view = new DataView(value.buffer)
  view.setUint32(0, size, true)
  for (let at = 0; at < target.length; at += size) {
    view.setUint32(4 + 4 * (at / size), crc32(target.subarray(at, at + size)), true)
  }
  return { type: fieldType.targetBlocks, value }
}

/**
 * Takes in the target in order, in pieces that never reach over the end of a block, and throws `DeltaError` at the first block
 * whose checksum is not the index's. Without an index it lets all pass.
 */
export function blockChecker({
  fields,
  targetSize,
}: Pick<PatchHeader, "fields" | "targetSize">): (bytes: Uint8Array) => void {
  const field = fields.find(({ type }) => type === fieldType.targetBlocks)
  if (field === undefined) return () => undefined
  const view = new DataView(field.value.buffer, field.value.byteOffset, field.value.length)
  const size = view.getUint32(0, true)
  let crc = 0
  let at = 0
  return (bytes) => {
    crc = crc32(bytes, crc)
    at += bytes.length
    if (at % size !== 0 && at !== targetSize) return
    const block = Math.ceil(at / size) - 1
    if (crc !== view.getUint32(4 + 4 * block, true)) throw new DeltaError("wrong-block", `the one at ${block * size}`)
    crc = 0
  }
}

/**
 * The offsets of the blocks in which an image differs from the patch's target; null when the patch has no index. Says where the
 * flash of a device that reports a wrong digest is wrong. Throws `DeltaError` for an index that does not fit its patch.
 */
export function wrongBlocks(
  { fields, targetSize }: Pick<PatchHeader, "fields" | "targetSize">,
  image: Uint8Array,
): readonly number[] | null {
  const field = fields.find(({ type }) => type === fieldType.targetBlocks)
  if (field === undefined) return null
  const { value } = field
  const view = new DataView(value.buffer, value.byteOffset, value.length)
  const size = value.length < 4 ? 0 : view.getUint32(0, true)
  if (size === 0 || value.length !== 4 + 4 * Math.ceil(targetSize / size)) {
    throw new DeltaError("bad-header", "the block index does not fit the target")
  }
  const wrong: number[] = []
  for (let at = 0; at < targetSize; at += size) {
    const block = image.subarray(at, Math.min(at + size, targetSize))
    if (crc32(block) !== view.getUint32(4 + 4 * (at / size), true)) wrong.push(at)
  }
  return wrong
}
