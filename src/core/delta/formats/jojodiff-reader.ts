import { DeltaError } from "../delta-error.ts"

/** A JojoDiff 0.7 patch: operations, each an escape byte and an operator. */
export const escape = 0xa7
export const operator = { modify: 0xa6, insert: 0xa5, delete: 0xa4, equal: 0xa3, backtrack: 0xa2 } as const

/** What a stretch of the patch orders: bytes of its own, or a copy of old ones. */
export type JojodiffStep =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "copy"; readonly from: number; readonly length: number }

export interface JojodiffLimits {
  /** Length of the old image, bytes: nothing outside it is copied. */
  readonly oldBytes: number
  /** Most bytes that may come out. */
  readonly newBytes: number
}

type Place = "escape" | "operator" | "length" | "data" | "escape-in-data"

/**
 * Reads a patch as it arrives, cut anywhere. It keeps a few numbers and no byte of patch or images, so a device needs room
 * for one piece of each. Where janpatch would go on with made-up bytes (a copy from outside the old image, a patch that
 * ends in the middle of an operation), this throws `DeltaError`.
 */
export class JojodiffReader {
  readonly #limits: JojodiffLimits
  #place: Place = "escape"
  /** Operator of what is under way. */
  #code = 0
  #source = 0
  #given = 0
  #length = 0
  #lengthBase = 0
  #lengthBytesLeft = 0

  constructor(limits: JojodiffLimits) {
    this.#limits = limits
  }

  /** Bytes that the steps so far make. */
  get newBytes(): number {
    return this.#given
  }

  /** The steps that end or are under way in the next bytes of the patch; data is a part of `bytes`. */
  *take(bytes: Uint8Array): Generator<JojodiffStep> {
    let at = 0
    while (at < bytes.length) {
      if (this.#place === "data") {
        const found = bytes.indexOf(escape, at)
        const end = found < 0 ? bytes.length : found
        if (end > at) yield this.#data(bytes.subarray(at, end))
        if (found >= 0) this.#place = "escape-in-data"
        at = end + 1
      } else {
        const step = this.#takeByte(bytes[at++] as number)
        if (step !== null) yield step
      }
    }
  }

  /** The patch has ended: throws `truncated` where an operation is not whole. */
  end(): void {
    if (this.#place === "escape" || this.#place === "data") return
    throw new DeltaError("truncated", `the patch ends in ${this.#place === "length" ? "a length" : "an escape"}`)
  }

  #takeByte(byte: number): JojodiffStep | null {
    if (this.#place === "escape") {
      if (byte !== escape) throw new DeltaError("bad-payload", "no escape where an operation begins")
      this.#place = "operator"
      return null
    }
    if (this.#place === "operator") return this.#begin(byte)
    if (this.#place === "length") return this.#takeLength(byte)
    // A lone escape before an operator ends the data; a doubled one stands for itself; before anything else both are data.
    if (isOperator(byte)) return this.#begin(byte)
    this.#place = "data"
    return this.#data(byte === escape ? Uint8Array.of(escape) : Uint8Array.of(escape, byte))
  }

  #begin(code: number): null {
    if (!isOperator(code)) throw new DeltaError("bad-payload", `operator ${code}`)
    this.#code = code
    this.#place = code === operator.modify || code === operator.insert ? "data" : "length"
    this.#length = -1
    return null
  }

  #takeLength(byte: number): JojodiffStep | null {
    if (this.#length >= 0) {
      this.#length = this.#length * 256 + byte
      this.#lengthBytesLeft--
    } else {
      const form = byte <= 251 ? { base: byte + 1, bytes: 0 } : lengthForms[byte]
      if (form === undefined) throw new DeltaError("bad-payload", "a length of eight bytes")
      this.#length = form.bytes === 0 ? form.base : 0
      this.#lengthBytesLeft = form.bytes
      this.#lengthBase = form.bytes === 0 ? 0 : form.base
    }
    if (this.#lengthBytesLeft > 0) return null
    this.#place = "escape"
    return this.#move(this.#length + this.#lengthBase)
  }

  #move(length: number): JojodiffStep | null {
    if (this.#code !== operator.equal) {
      this.#source += this.#code === operator.delete ? length : -length
      return null
    }
    const from = this.#source
    if (from < 0 || from + length > this.#limits.oldBytes) {
      throw new DeltaError("bad-payload", "a copy from outside the old image")
    }
    this.#source += length
    this.#give(length)
    return { kind: "copy", from, length }
  }

  #data(bytes: Uint8Array): JojodiffStep {
    if (this.#code === operator.modify) this.#source += bytes.length
    this.#give(bytes.length)
    return { kind: "data", bytes }
  }

  #give(length: number): void {
    this.#given += length
    if (this.#given > this.#limits.newBytes) {
      throw new DeltaError("bad-payload", `more than ${this.#limits.newBytes} bytes come out`)
    }
  }
}

/** Forms of a length behind its first byte: what is added to the bytes that follow. */
const lengthForms: Readonly<Record<number, { readonly base: number; readonly bytes: number }>> = {
  252: { base: 253, bytes: 1 },
  253: { base: 0, bytes: 2 },
  254: { base: 0, bytes: 4 },
}

function isOperator(byte: number): boolean {
  return byte >= operator.backtrack && byte <= operator.modify
}
