import { fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Field } from "../../../kit/layout.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"

/** The kinds of fields of our PFM messages. */

/** Printable ASCII of at most `maxChars`, its length before it. */
export function text(maxChars: number): Field<string> {
  const isPrintable = (value: string): boolean => /^[\x20-\x7e]*$/.test(value)
  return {
    read(reader) {
      const length = reader.uint8()
      if (length > maxChars) throw new MalformedMessage(`a text of ${length} characters where ${maxChars} may stand`)
      const value = fromLatin1(reader.octets(length))
      if (!isPrintable(value)) throw new MalformedMessage("a text that is not printable ASCII")
      return value
    },
    write(writer, value) {
      if (value.length > maxChars || !isPrintable(value)) {
        throw new RangeError(`${JSON.stringify(value)} is no printable text of at most ${maxChars} characters`)
      }
      writer.uint8(value.length).octets(latin1(value))
    },
  }
}

const fill = 0x0f

/** Decimal digits, two in an octet, the first in the upper half, an odd one filled with 0xF; their count before them. */
export function digits(maxDigits: number): Field<string> {
  return {
    read(reader) {
      const count = reader.uint8()
      if (count > maxDigits) throw new MalformedMessage(`${count} digits where ${maxDigits} may stand`)
      return readDigits(reader.octets(Math.ceil(count / 2)), count)
    },
    write(writer, value) {
      if (value.length > maxDigits || !/^\d*$/.test(value))
        throw new RangeError(`${value} is not up to ${maxDigits} digits`)
      writer.uint8(value.length).octets(packDigits(value))
    },
  }
}

/** Exactly `count` digits, without a count before them. */
export function fixedDigits(count: number): Field<string> {
  return {
    read: (reader) => readDigits(reader.octets(Math.ceil(count / 2)), count),
    write(writer, value) {
      if (value.length !== count || !/^\d*$/.test(value)) throw new RangeError(`${value} is not ${count} digits`)
      writer.octets(packDigits(value))
    },
  }
}

function packDigits(value: string): Uint8Array {
  return Uint8Array.from({ length: Math.ceil(value.length / 2) }, (_, index) => {
    const second = value[index * 2 + 1]
    return (Number(value[index * 2]) << 4) | (second === undefined ? fill : Number(second))
  })
}

function readDigits(octets: Uint8Array, count: number): string {
  let text = ""
  for (let index = 0; index < octets.length * 2; index++) {
    const octet = octets[index >> 1] ?? 0
    const nibble = index % 2 === 0 ? octet >> 4 : octet & 0x0f
    if (index < count ? nibble > 9 : nibble !== fill) throw new MalformedMessage("a digit that is none")
    if (index < count) text += nibble
  }
  return text
}

/** One of some words, as its place in the list. Words are only ever added at the end. */
export function word<const Words extends readonly string[]>(...words: Words): Field<Words[number]> {
  return {
    read(reader) {
      const number = reader.uint8()
      const found = words[number]
      if (found === undefined) throw new MalformedMessage(`no word has the number ${number}`)
      return found
    },
    write(writer, value) {
      const number = words.indexOf(value)
      if (number < 0) throw new RangeError(`${JSON.stringify(value)} is none of ${words.join(", ")}`)
      writer.uint8(number)
    },
  }
}
