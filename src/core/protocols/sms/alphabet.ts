import { MalformedMessage } from "../../kit/malformed-message.ts"

/**
 * The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 §6.2.1, §6.2.1.1). A text is a row of septets,
 * one in each byte. National language tables are not known here: the messages of this program are data and ASCII.
 */

const escape = 0x1b

/** §6.2.1: row by row of the printed table, sixteen characters a line; the escape stands as NUL, which no text may hold. */
const defaultAlphabet = [
  "@£$¥èéùìòÇ\nØø\rÅå",
  "Δ_ΦΓΛΩΠΨΣΘΞ\0ÆæßÉ",
  " !\"#¤%&'()*+,-./",
  "0123456789:;<=>?",
  "¡ABCDEFGHIJKLMNO",
  "PQRSTUVWXYZÄÖÑÜ§",
  "¿abcdefghijklmno",
  "pqrstuvwxyzäöñüà",
].join("")

/** §6.2.1.1: the septet after an escape. */
const extension: Readonly<Record<number, string>> = {
  0x0a: "\f",
  0x14: "^",
  0x28: "{",
  0x29: "}",
  0x2f: "\\",
  0x3c: "[",
  0x3d: "~",
  0x3e: "]",
  0x40: "|",
  0x65: "€",
}

const septetsOf = new Map<string, readonly number[]>([
  ...Array.from(defaultAlphabet, (character, septet): [string, number[]] => [character, [septet]]),
  ...Object.entries(extension).map(([septet, character]): [string, number[]] => [character, [escape, Number(septet)]]),
])
septetsOf.delete("\0")

/** The septets of a text, or null when a character is not in the alphabet. */
export function encodeSeptets(text: string): Uint8Array | null {
  const septets: number[] = []
  for (const character of text) {
    const own = septetsOf.get(character)
    if (own === undefined) return null
    septets.push(...own)
  }
  return Uint8Array.from(septets)
}

/**
 * The text of some septets. After an escape an unknown septet is read from the default table (§6.2.1.1 note 1); an escape
 * at the end, or a second one, is shown as a space (§6.2.1 note 1).
 */
export function decodeSeptets(septets: Uint8Array): string {
  let text = ""
  let isEscaped = false
  for (const septet of septets) {
    if (septet > 0x7f) throw new MalformedMessage(`${septet} is no septet`)
    if (septet === escape && !isEscaped) {
      isEscaped = true
      continue
    }
    const plain = septet === escape ? " " : (defaultAlphabet[septet] ?? "")
    text += isEscaped ? (extension[septet] ?? plain) : plain
    isEscaped = false
  }
  return isEscaped ? `${text} ` : text
}
