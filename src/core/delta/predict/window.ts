import type { Translation } from "./translate.ts"

/** Bytes that are predicted at a time. */
export const windowSize = 32
/** Old bytes that a predictor may look at before and after the window. */
export const lookBack = 32
export const lookAhead = 16

/** What a predicted byte is. Four kinds in a row stand for the four bytes of a unit. */
export const Kind = {
  data: 0,
  half: 4,
  word: 6,
  branch: 10,
  pointer: 14,
  value: 18,
  short: 22,
  pair: 24,
  wideShort: 28,
} as const

/** Reads old bytes; what lies outside the old image reads as 0. */
export type ReadOld = (offset: number, into: Uint8Array) => void

/** A stretch of at most `windowSize` new bytes, predicted from the old bytes that the map or a command names. */
export class Window {
  /** Old bytes from `origin` on. */
  readonly source: Uint8Array = new Uint8Array(lookBack + windowSize + lookAhead)
  readonly predicted: Uint8Array = new Uint8Array(windowSize)
  /** The old bytes themselves. */
  readonly raw: Uint8Array = new Uint8Array(windowSize)
  readonly kind: Uint8Array = new Uint8Array(windowSize)
  /** The byte's place in its unit. */
  readonly position: Uint8Array = new Uint8Array(windowSize)
  /** The old unit (instruction, word) that the byte belongs to, as a number. */
  readonly unit: Int32Array = new Int32Array(windowSize)
  /** The old target of the unit when it is a reference, else 0. */
  readonly target: Int32Array = new Int32Array(windowSize)
  origin = 0
  oldStart = 0
  length = 0
  shift = 0

  /** Byte at an old offset. */
  byte(at: number): number {
    return this.source[at - this.origin] as number
  }

  half(at: number): number {
    const i = at - this.origin
    return (this.source[i] as number) | ((this.source[i + 1] as number) << 8)
  }

  /** Little-endian word at an old offset, unsigned. */
  word(at: number): number {
    const i = at - this.origin
    const s = this.source
    return (
      ((s[i] as number) | ((s[i + 1] as number) << 8) | ((s[i + 2] as number) << 16) | ((s[i + 3] as number) << 24)) >>>
      0
    )
  }

  /** Predicts `size` bytes at old offset `at`: `value`, least significant byte first. */
  put(at: number, size: number, value: number, note: { kind: number; unit: number; target: number }): void {
    for (let i = 0; i < size; i++) {
      const index = at + i - this.oldStart
      if (index < 0 || index >= this.length) continue
      this.predicted[index] = (value >>> (8 * i)) & 0xff
      this.kind[index] = note.kind + i
      this.position[index] = i
      this.unit[index] = note.unit
      this.target[index] = note.target
    }
  }

  /** Takes in the old bytes and predicts each as itself, in aligned words. */
  load(read: ReadOld, place: Place): void {
    this.oldStart = place.oldStart
    this.length = place.length
    this.shift = place.shift
    this.origin = (place.oldStart & ~3) - lookBack
    read(this.origin, this.source)
    if (place.clip !== null) this.clipTo(place.clip)
    for (let i = 0; i < place.length; i++) {
      const at = place.oldStart + i
      this.predicted[i] = this.byte(at)
      this.raw[i] = this.byte(at)
      this.kind[i] = Kind.data + (at & 3)
      this.position[i] = at & 3
      this.unit[i] = this.word(at & ~3)
      this.target[i] = 0
    }
  }

  private clipTo({ sectorSize, phase }: Clip): void {
    const first = this.oldStart - phase
    const from = Math.floor(first / sectorSize) * sectorSize + phase - this.origin
    const to = Math.ceil((first + this.length) / sectorSize) * sectorSize + phase - this.origin
    if (from > 0) this.source.fill(0, 0, from)
    if (to < this.source.length) this.source.fill(0, Math.max(0, to))
  }
}

/** Where a window lies. */
export interface Place {
  readonly oldStart: number
  readonly length: number
  /** New offset minus old offset. */
  readonly shift: number
  readonly clip: Clip | null
}

/** In place, a window sees nothing outside the sectors that its own bytes lie in. */
export interface Clip {
  readonly sectorSize: number
  readonly phase: number
}

/** Rewrites the predictions of a loaded window for one instruction set. */
export type Predictor = (window: Window, translation: Translation) => void
