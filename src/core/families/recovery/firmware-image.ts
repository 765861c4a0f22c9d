import { crc32 } from "../../delta/index.ts"
import { fromLatin1, latin1 } from "../../kit/bytes.ts"

/**
 * Firmware of virtual modules: a header that carries the version as a mark, then content that stands for code. The
 * layout is in docs/protocols/quectel.md. A recovery function updates any bytes; the mark is what the module's own
 * commands tell of its firmware afterwards.
 */

export interface FirmwareMark {
  /** The module that the firmware is for; empty = any. */
  readonly product: string
  readonly version: string
  readonly sizeBytes: number
}

export const firmwareHeaderBytes = 128
const magic = "WAFT-FW1"
const at = { size: 8, crc: 12, product: 16, version: 48 } as const
const productBytes = 32
const versionBytes = 64

/** Smallest and largest image that is made, bytes. */
export const imageLimits = { smallest: 1024, largest: 1024 * 1024, usual: 65_536 } as const

/** A name of a firmware or a module: printable, no quotes, as it stands in answers to AT commands. */
export const firmwareName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/

/**
 * The firmware image of a version: the same name, product and size give the same bytes. Versions of one product share
 * most of their content, moved and changed in places, as builds of one source do. Throws `RangeError`.
 */
export function makeFirmware({ product, version, sizeBytes }: FirmwareMark): Uint8Array {
  if (!firmwareName.test(version)) throw new RangeError(`${JSON.stringify(version)} is no firmware version`)
  if (product.length > productBytes) throw new RangeError("the product's name is too long")
  if (!Number.isInteger(sizeBytes) || sizeBytes < imageLimits.smallest || sizeBytes > imageLimits.largest) {
    throw new RangeError(`an image has from ${imageLimits.smallest} to ${imageLimits.largest} bytes`)
  }
  const image = new Uint8Array(sizeBytes)
  fillContent(image.subarray(firmwareHeaderBytes), product, version)
  const view = new DataView(image.buffer)
  image.set(latin1(magic))
  image.set(latin1(product), at.product)
  image.set(latin1(version), at.version)
  view.setUint32(at.size, sizeBytes, true)
  view.setUint32(at.crc, checksum(image), true)
  return image
}

/** What a header says; null when there is none. The content is not looked at. */
export function readMark(bytes: Uint8Array): FirmwareMark | null {
  if (bytes.length < firmwareHeaderBytes || fromLatin1(bytes, 0, magic.length) !== magic) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const version = text(bytes, at.version, versionBytes)
  const sizeBytes = view.getUint32(at.size, true)
  if (!firmwareName.test(version) || sizeBytes < firmwareHeaderBytes) return null
  return { product: text(bytes, at.product, productBytes), version, sizeBytes }
}

/** Whether an image is whole: its checksum covers all of it. */
export function isWhole(image: Uint8Array): boolean {
  const mark = readMark(image)
  if (mark === null || mark.sizeBytes > image.length) return false
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  return view.getUint32(at.crc, true) === checksum(image.subarray(0, mark.sizeBytes))
}

function checksum(image: Uint8Array): number {
  return crc32(image.subarray(at.product), crc32(image.subarray(0, at.crc)))
}

function text(bytes: Uint8Array, from: number, length: number): string {
  return fromLatin1(bytes, from, from + length).replace(/\0.*$/s, "")
}

const blockBytes = 64

/** Blocks of pseudo-code from the product's name; one in sixteen is the version's own, and all move by a few words. */
function fillContent(content: Uint8Array, product: string, version: string): void {
  const own = crc32(latin1(version))
  const ofProduct = crc32(latin1(product))
  const shift = 4 * (own % 16)
  const block = new Uint8Array(blockBytes)
  for (let start = -shift, index = 0; start < content.length; start += blockBytes, index++) {
    const isOwn = mix(own ^ mix(index)) % 16 === 0
    fillBlock(block, mix((isOwn ? own : ofProduct) + index))
    for (let i = Math.max(0, -start); i < blockBytes && start + i < content.length; i++) {
      content[start + i] = block[i] ?? 0
    }
  }
}

/** Halfwords whose high bytes come from a small set, as opcodes do. */
function fillBlock(block: Uint8Array, seed: number): void {
  let state = seed
  for (let at = 0; at < block.length; at += 2) {
    state = mix(state + at + 1)
    block[at] = state & 0xff
    block[at + 1] = 0x40 | ((state >>> 8) & 0x1f)
  }
}

/** A number that looks like no neighbour's (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
