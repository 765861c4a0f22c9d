import { MalformedMessage } from "../../core/kit/malformed-message.ts"

/** Longest item of a list, bytes: a device with all its labels has a few hundred. */
const mostItemBytes = 64 << 10

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b
const isClosing = (byte: number): boolean => byte === 0x5d || byte === 0x7d
const lineFeed = 0x0a
const isBlank = (byte: number): boolean => byte === 0x20 || byte === lineFeed || byte === 0x0d || byte === 0x09

/**
 * Cuts a JSON array, or one JSON value a line (NDJSON), into the bytes of its items as its pieces come. It holds one item at a time and knows
 * of JSON only where items end; whoever takes them parses them. Throws `MalformedMessage`.
 */
export class ItemCutter {
  readonly #isArray: boolean
  #state: "before" | "item" | "behind" = "before"
  /** The item's bytes so far, from earlier pieces. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #depth = 0
  #isInString = false
  #isEscaped = false
  #items = 0

  constructor(form: "array" | "lines") {
    this.#isArray = form === "array"
    if (!this.#isArray) this.#state = "item"
  }

  /** Takes one piece; gives each item to `take` as its bytes, which are valid until it returns. */
  push(piece: Uint8Array, take: (item: Uint8Array) => void): void {
    let from = 0
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0
      if (this.#state === "item") {
        if (!this.#ends(byte)) continue
        this.#give(piece.subarray(from, at), take, byte)
        from = at + 1
      } else if (!isBlank(byte)) {
        if (this.#state === "behind") throw new MalformedMessage("there is something behind the list")
        if (byte !== 0x5b) throw new MalformedMessage("it is no JSON array")
        this.#state = "item"
        from = at + 1
      }
    }
    if (this.#state === "item") this.#hold(piece.subarray(from))
  }

  /** The list's end. */
  end(take: (item: Uint8Array) => void): void {
    if (this.#isArray && this.#state !== "behind") throw new MalformedMessage("the list is cut short")
    if (!this.#isArray) this.#give(new Uint8Array(0), take, lineFeed)
  }

  /** Whether an item ends at this byte, which is none of it. */
  #ends(byte: number): boolean {
    if (!this.#isArray) return byte === lineFeed
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === backslash) this.#isEscaped = true
      else if (byte === quote) this.#isInString = false
      return false
    }
    if (byte === quote) this.#isInString = true
    else if (isOpening(byte)) this.#depth++
    else if (isClosing(byte) && this.#depth > 0) this.#depth--
    else return this.#depth === 0 && (byte === comma || byte === 0x5d)
    return false
  }

  #give(rest: Uint8Array, take: (item: Uint8Array) => void, end: number): void {
    this.#hold(rest)
    const item = this.#held.length === 1 ? (this.#held[0] ?? rest) : Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    const isEmpty = item.every(isBlank)
    const isLast = this.#isArray && end === 0x5d
    if (isLast) this.#state = "behind"
    if (isEmpty) {
      // An empty array has no item, a comma has one on either side; blank lines are nothing.
      if (this.#isArray && (!isLast || this.#items > 0)) throw new MalformedMessage("an item is missing between commas")
      return
    }
    this.#items++
    take(item)
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#heldBytes += bytes.length
    if (this.#heldBytes > mostItemBytes) throw new MalformedMessage(`an item has more than ${mostItemBytes} bytes`)
    this.#held.push(bytes)
  }
}
