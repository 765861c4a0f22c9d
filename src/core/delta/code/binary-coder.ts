import { DeltaError } from "../delta-error.ts"

/** What a payload's bits are spent on, in the order of a meter's entries. */
export const parts = [
  "regions",
  "address map",
  "value map",
  "order",
  "hits and misses",
  "switches",
  "old bytes",
  "literals",
  "copies",
] as const
export type Part = (typeof parts)[number]
/** The place of a part in a meter. */
export const partAt = (part: Part): number => parts.indexOf(part)

/** What a decoder looks ahead, in bytes. */
const zerosBehind = 4

/**
 * The binary arithmetic coder: carryless, 32 bits, probabilities of 16 bits. One class codes both ways, so that the
 * models above it are written once.
 */

export interface CoderState {
  readonly low: number
  readonly high: number
  readonly code: number
  /** Payload bytes taken in so far. */
  readonly position: number
}

export class BinaryCoder {
  low = 0
  high = 0xffffffff
  code = 0
  position = 0
  readonly isEncoder: boolean
  /** What the next bits are spent on: an index of `parts`. */
  part = 0
  /** Bits spent on each of `parts`, when somebody wants to know. */
  meter: Float64Array | null = null
  private bytes: Uint8Array

  private constructor(isEncoder: boolean, bytes: Uint8Array) {
    this.isEncoder = isEncoder
    this.bytes = bytes
  }

  static encoder(): BinaryCoder {
    return new BinaryCoder(true, new Uint8Array(1024))
  }

  /** Four zeros are thought behind `payload`, as many as a whole one may need; the coder throws `DeltaError` beyond them. */
  static decoder(payload: Uint8Array): BinaryCoder {
    const coder = new BinaryCoder(false, payload)
    for (let i = 0; i < 4; i++) coder.code = ((coder.code << 8) | coder.take()) >>> 0
    return coder
  }

  /** Goes on from a state that `state` gave. */
  restore(state: CoderState): void {
    this.low = state.low
    this.high = state.high
    this.code = state.code
    this.position = state.position
  }

  state(): CoderState {
    return { low: this.low, high: this.high, code: this.code, position: this.position }
  }

  /** Codes one bit whose probability of being 1 is `chance` / 65536; the encoder is given it, the decoder finds it. */
  bit(chance: number, given: number): number {
    const range = this.high - this.low
    const middle = this.low + Math.floor(range / 65536) * chance + (((range & 0xffff) * chance) >>> 16)
    const found = this.isEncoder ? given : this.code <= middle ? 1 : 0
    if (this.meter !== null) {
      const chance16 = (found === 1 ? chance : 65536 - chance) / 65536
      this.meter[this.part] = (this.meter[this.part] as number) - Math.log2(chance16)
    }
    if (found === 1) this.high = middle
    else this.low = middle + 1
    while (((this.low ^ this.high) & 0xff000000) === 0) {
      if (this.isEncoder) this.give(this.high >>> 24)
      else this.code = ((this.code << 8) | this.take()) >>> 0
      this.low = (this.low << 8) >>> 0
      this.high = ((this.high << 8) | 0xff) >>> 0
    }
    return found
  }

  /** Ends the stream: the fewest bytes that every decoder, reading zeros after them, takes for the same bits. */
  finish(): Uint8Array {
    if (this.low > 0) {
      // The shortest value v·2^k within low … high.
      let keep = 24
      let value = 0
      for (; keep >= 0; keep -= 8) {
        const unit = 2 ** keep
        value = Math.ceil(this.low / unit) * unit
        if (value <= this.high) break
      }
      for (let shift = 24; shift >= keep; shift -= 8) this.give(Math.floor(value / 2 ** shift) & 0xff)
    }
    return this.bytes.slice(0, this.position)
  }

  private give(byte: number): void {
    if (this.position === this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes[this.position++] = byte
  }

  private take(): number {
    const at = this.position++
    if (at >= this.bytes.length + zerosBehind) throw new DeltaError("bad-payload", "it ends before the target does")
    return this.bytes[at] ?? 0
  }
}
