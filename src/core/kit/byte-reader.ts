import { MalformedMessage } from "./malformed-message.ts"

/** Reads a message octet by octet; what is not there throws `MalformedMessage`. Multi-octet numbers are big-endian. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint8(): number {
    return this.#number(1)
  }

  uint16(): number {
    return this.#number(2)
  }

  uint32(): number {
    return this.#number(4)
  }

  /** The next `length` octets: a view into the message, not a copy. */
  octets(length: number): Uint8Array {
    if (length > this.left) {
      throw new MalformedMessage(`the message ends ${length - this.left} octets early, at octet ${this.#bytes.length}`)
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Octets up to a NUL, which is taken and not given; `maxOctets` counts it. */
  untilNul(maxOctets: number): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end < 0 || end - this.#at + 1 > maxOctets) {
      throw new MalformedMessage(`no end of text within ${maxOctets} octets from octet ${this.#at}`)
    }
    const text = this.octets(end - this.#at)
    this.#at++
    return text
  }

  /** Octets up to a NUL, which is taken and not given, or up to the end where there is none. */
  untilNulOrEnd(): Uint8Array {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end < 0) return this.octets(this.left)
    const text = this.octets(end - this.#at)
    this.#at++
    return text
  }

  /** Throws `MalformedMessage` when something is left. */
  expectEnd(): void {
    if (this.left > 0) throw new MalformedMessage(`${this.left} octets too many`)
  }

  #number(length: number): number {
    let value = 0
    for (const octet of this.octets(length)) value = value * 256 + octet
    return value
  }
}
