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

/** Where each segment's bytes stand in the content, and how long that is. */
export interface Layout {
  readonly places: readonly number[]
  readonly size: number
}

export type LayOut = (segments: readonly FileSegment[]) => Layout

/** As in flash, from the lowest address on. */
export const asInFlash: LayOut = (segments) => {
  const from = segments.reduce((least, { address }) => Math.min(least, address), Number.POSITIVE_INFINITY)
  const to = segments.reduce((most, { address, length }) => Math.max(most, address + length), 0)
  return { places: segments.map(({ address }) => address - from), size: to - from }
}

/** Gaps of more bytes are left out when islands are put together. */
const mostGap = 4096

/** By ascending address, without the long gaps: where data begins again, it keeps its place in a word. */
export const asIslands: LayOut = (segments) => {
  const order = [...segments.keys()].sort((a, b) => (segments[a]?.address ?? 0) - (segments[b]?.address ?? 0) || a - b)
  const places = segments.map(() => 0)
  let end = 0
  let size = 0
  /** Address of the island minus its place. */
  let away = 0
  for (const [turn, index] of order.entries()) {
    const { address, length } = segments[index] as FileSegment
    if (turn === 0 || address - end > mostGap) {
      away = address - (size + ((address - size) & 3))
      end = address
    }
    places[index] = address - away
    end = Math.max(end, address + length)
    size = Math.max(size, end - away)
  }
  return { places, size }
}

/** Far-away segments put together, gaps of up to 4096 bytes as erased flash; null when there are too many. */
export function islandsOf(segments: readonly (FileSegment & { readonly bytes: Uint8Array })[]): Uint8Array | null {
  if (segments.length === 0 || segments.length > mostSegments) return null
  const { places, size } = asIslands(segments)
  if (size > largestFile) return null
  const content = new Uint8Array(size).fill(gapByte)
  for (const [i, { bytes }] of segments.entries()) content.set(bytes, places[i])
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

  /** What has not been read. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** Bytes that have not been read. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** The segments, with the content's bytes of each. Throws when they do not lie in the content. */
  segments(content: Uint8Array, layOut: LayOut = asInFlash): readonly (FileSegment & { readonly bytes: Uint8Array })[] {
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
    const { places } = layOut(found)
    return found.map((segment, i) => {
      const at = places[i] as number
      if (
        segment.address < 0 ||
        at < 0 ||
        at + segment.length > content.length ||
        segment.address + segment.length > 2 ** 32
      ) {
        throw new DeltaError("bad-header", "a segment of the wrapping lies outside the image")
      }
      return { ...segment, bytes: content.subarray(at, at + segment.length) }
    })
  }
}
