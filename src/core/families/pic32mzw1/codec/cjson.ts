import { MalformedMessage } from "../../../kit/malformed-message.ts"

/**
 * JSON as the device's parser (cJSON) takes it (pic32mzw1.md 2.3): keys are looked up without regard to case, of
 * duplicates the first wins, text after the value is ignored, every byte up to 32 is white space, numbers go through
 * `strtod`, comments are not known. Text is Latin-1: one character, one byte; a NUL ends it.
 */
export type CJson =
  | { readonly kind: "null" }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "array"; readonly items: readonly CJson[] }
  | { readonly kind: "object"; readonly members: readonly CJsonMember[] }

export interface CJsonMember {
  readonly key: string
  readonly value: CJson
}

/** CJSON_NESTING_LIMIT is 1000; ours is lower so that a hostile file cannot exhaust this program's stack. */
const deepest = 200

/** Parses the first value of a text; throws `MalformedMessage` where cJSON returns NULL. */
export function parseCJson(text: string): { readonly value: CJson; readonly end: number } {
  const nul = text.indexOf("\0")
  const reader = new Reader(nul < 0 ? text : text.slice(0, nul))
  const value = reader.value(0)
  return { value, end: reader.at }
}

/** cJSON_GetObjectItem: the first member of that name, whatever its case. */
export function member(value: CJson | undefined, key: string): CJson | undefined {
  if (value?.kind !== "object") return undefined
  const wanted = key.toLowerCase()
  return value.members.find((candidate) => candidate.key.toLowerCase() === wanted)?.value
}

/** cJSON's `valueint`: truncated, and held to 32 bits. */
export function asInt(value: number): number {
  if (value >= 2147483647) return 2147483647
  if (value <= -2147483648) return -2147483648
  return Math.trunc(value)
}

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  "/": "/",
}

class Reader {
  readonly #text: string
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): CJson {
    if (depth > deepest) throw new MalformedMessage("nested too deeply")
    this.#skip()
    const text = this.#text
    if (text.startsWith("null", this.at)) return this.#word(4, { kind: "null" })
    if (text.startsWith("false", this.at)) return this.#word(5, { kind: "bool", value: false })
    if (text.startsWith("true", this.at)) return this.#word(4, { kind: "bool", value: true })
    const first = text[this.at]
    if (first === '"') return { kind: "string", value: this.#string() }
    if (first === "[") return this.#array(depth)
    if (first === "{") return this.#object(depth)
    if (first !== undefined && /[-0-9]/.test(first)) return this.#number()
    throw new MalformedMessage(first === undefined ? "the text ends too early" : `no value begins with ${shown(first)}`)
  }

  #word(length: number, value: CJson): CJson {
    this.at += length
    return value
  }

  #array(depth: number): CJson {
    const items: CJson[] = []
    this.at++
    this.#skip()
    if (this.#text[this.at] === "]") return this.#word(1, { kind: "array", items })
    for (;;) {
      items.push(this.value(depth + 1))
      if (this.#separator("]")) return { kind: "array", items }
    }
  }

  #object(depth: number): CJson {
    const members: CJsonMember[] = []
    this.at++
    this.#skip()
    if (this.#text[this.at] === "}") return this.#word(1, { kind: "object", members })
    for (;;) {
      this.#skip()
      if (this.#text[this.at] !== '"') throw new MalformedMessage("a key must stand in double quotes")
      const key = this.#string()
      this.#skip()
      if (this.#text[this.at] !== ":") throw new MalformedMessage(`a colon is missing after ${shown(key)}`)
      this.at++
      members.push({ key, value: this.value(depth + 1) })
      if (this.#separator("}")) return { kind: "object", members }
    }
  }

  /** Steps over `,` (false) or the closing character (true). */
  #separator(close: string): boolean {
    this.#skip()
    const found = this.#text[this.at]
    if (found !== "," && found !== close) {
      throw new MalformedMessage(
        found === undefined ? "the text ends too early" : `${shown(found)} stands where , or ${close} belongs`,
      )
    }
    this.at++
    return found === close
  }

  #number(): CJson {
    // strtod reads the longest prefix that is a number: "01", "1." and "1e5" are numbers.
    const run = /^[-+0-9eE.]{1,63}/.exec(this.#text.slice(this.at, this.at + 64))?.[0] ?? ""
    const number = /^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?/.exec(run)?.[0]
    if (number === undefined) throw new MalformedMessage(`${shown(run)} is no number`)
    this.at += number.length
    return { kind: "number", value: Number(number) }
  }

  #string(): string {
    let value = ""
    for (this.at++; ; this.at++) {
      const next = this.#text[this.at]
      if (next === undefined) throw new MalformedMessage("a text without its closing quote")
      if (next === '"') break
      value += next === "\\" ? this.#escape() : next
    }
    this.at++
    return value
  }

  #escape(): string {
    this.at++
    const letter = this.#text[this.at] ?? ""
    if (letter === "u") {
      const digits = this.#text.slice(this.at + 1, this.at + 5)
      if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw new MalformedMessage("\\u needs four hexadecimal digits")
      this.at += 4
      return String.fromCharCode(Number.parseInt(digits, 16))
    }
    const meant = escapes[letter]
    if (meant === undefined) throw new MalformedMessage(`\\${shown(letter)} is no escape`)
    return meant
  }

  #skip(): void {
    while (this.at < this.#text.length && this.#text.charCodeAt(this.at) <= 32) this.at++
  }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 20))
}
