import { crc32 } from "../../delta/index.ts"
import { concat, equalBytes, fromLatin1, latin1 } from "../../kit/bytes.ts"
import { sha256 } from "../../kit/sha256.ts"

/**
 * The simple container for virtual modules: from, to, the whole image. It stands where a vendor's delta stands, for
 * rehearsals without one; docs/protocols/quectel.md has the layout. What follows the image is filler and ignored, so
 * that a package can be as large as a real one.
 */
export interface FullPackage {
  /** Firmware that must run before; empty = any. */
  readonly from: string
  readonly to: string
  /** The module that it is for; empty = any. */
  readonly product: string
  readonly image: Uint8Array
}

export const fullMagic = "WFF1"
export const fullHeaderBytes = 232
const at = { size: 4, sha256: 8, from: 40, to: 104, product: 168, crc: 228 } as const
const nameBytes = 64
const productBytes = 60

/** Writes a package of at least `sizeBytes`. Throws `RangeError` for names that do not fit. */
export function writeFullPackage(parts: FullPackage, sizeBytes = 0): Uint8Array {
  const { from, to, product, image } = parts
  if (from.length > nameBytes || to.length > nameBytes || product.length > productBytes) {
    throw new RangeError("a name is too long for the container")
  }
  const header = new Uint8Array(fullHeaderBytes)
  const view = new DataView(header.buffer)
  header.set(latin1(fullMagic))
  view.setUint32(at.size, image.length, true)
  header.set(sha256(image), at.sha256)
  header.set(latin1(from), at.from)
  header.set(latin1(to), at.to)
  header.set(latin1(product), at.product)
  view.setUint32(at.crc, crc32(header.subarray(0, at.crc)), true)
  const filler = new Uint8Array(Math.max(0, sizeBytes - fullHeaderBytes - image.length))
  return concat([header, image, filler])
}

/** Reads a package whole; null when it is none, or damaged. */
export function readFullPackage(bytes: Uint8Array): FullPackage | null {
  if (bytes.length < fullHeaderBytes || fromLatin1(bytes, 0, fullMagic.length) !== fullMagic) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(at.crc, true) !== crc32(bytes.subarray(0, at.crc))) return null
  const sizeBytes = view.getUint32(at.size, true)
  if (sizeBytes > bytes.length - fullHeaderBytes) return null
  const image = bytes.subarray(fullHeaderBytes, fullHeaderBytes + sizeBytes)
  if (!equalBytes(sha256(image), bytes.subarray(at.sha256, at.sha256 + 32))) return null
  const name = (from: number, length: number): string => fromLatin1(bytes, from, from + length).replace(/\0.*$/s, "")
  return { from: name(at.from, nameBytes), to: name(at.to, nameBytes), product: name(at.product, productBytes), image }
}
