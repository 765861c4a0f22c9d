import { DeltaError } from "../delta-error.ts"
import { largestFile } from "./wrapping.ts"

/** A run of bytes at an address, in the order of the file. */
export interface FileSegment {
  readonly address: number
  readonly length: number
}

/** Erased flash. */
const gapByte = 0xff
/** A file whose gaps are far larger than its data is left as it is. */
const mostGapShare = 4
const mostSegments = 1024

/** The bytes from the lowest to the highest address, gaps as erased flash; null when that makes no sense. */
export function contentOf(segments: readonly (FileSegment & { readonly bytes: Uint8Array })[]): Uint8Array | null {
  if (segments.length === 0 || segments.length > mostSegments) return null
  const from = Math.min(...segments.map(({ address }) => address))
  const to = Math.max(...segments.map(({ address, length }) => address + length))
  const size = segments.reduce((sum, { length }) => sum + length, 0)
  if (to - from > largestFile || to - from > mostGapShare * size) return null
  const content = new Uint8Array(to - from).fill(gapByte)
  for (const { address, bytes } of segments) content.set(bytes, address - from)
  return content
}

/** Numbers of 7 bits a byte, the lowest first, the top bit set in all but the last. */
export class RecipeWriter {
  readonly #bytes: number[] = []

  number(value: number): void {
    let rest = value
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) | 128)
    this.#bytes.push(rest)
  }

  segments(segments: readonly FileSegment[]): void {
    this.number(segments.length)
    let next = 0
    for (const { address, length } of segments) {
      // Segments mostly follow each other; one that goes back is told by its distance and a bit.
      const gap = address - next
      this.number(gap < 0 ? -gap * 2 - 1 : gap * 2)
      this.number(length)
      next = address + length
    }
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

export class RecipeReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  number(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw new DeltaError("bad-header", "the recipe of the wrapping ends in a number")
  }

  /** The segments, with the content's bytes of each. Throws when they do not lie in the content. */
  segments(content: Uint8Array): readonly (FileSegment & { readonly bytes: Uint8Array })[] {
    const count = this.number()
    if (count === 0 || count > mostSegments) throw new DeltaError("bad-header", `a wrapping of ${count} segments`)
    let next = 0
    const found = Array.from({ length: count }, (): FileSegment => {
      const gap = this.number()
      const address = next + (gap % 2 === 1 ? -(gap + 1) / 2 : gap / 2)
      const length = this.number()
      next = address + length
      return { address, length }
    })
    const from = Math.min(...found.map(({ address }) => address))
    return found.map((segment) => {
      const at = segment.address - from
      if (from < 0 || at + segment.length > content.length || segment.address + segment.length > 2 ** 32) {
        throw new DeltaError("bad-header", "a segment of the wrapping lies outside the image")
      }
      return { ...segment, bytes: content.subarray(at, at + segment.length) }
    })
  }
}
