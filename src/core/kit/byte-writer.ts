import { concat } from "./bytes.ts"

/** Builds a message octet by octet. Multi-octet numbers are big-endian; a number that does not fit throws `RangeError`. */
export class ByteWriter {
  readonly #parts: Uint8Array[] = []

  uint8(value: number): this {
    return this.#number(value, 1)
  }

  uint16(value: number): this {
    return this.#number(value, 2)
  }

  uint32(value: number): this {
    return this.#number(value, 4)
  }

  octets(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    return this
  }

  finish(): Uint8Array {
    return concat(this.#parts)
  }

  #number(value: number, length: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** length) {
      throw new RangeError(`${value} does not fit in ${length} octets`)
    }
    const bytes = new Uint8Array(length)
    for (let at = length - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256
    this.#parts.push(bytes)
    return this
  }
}
