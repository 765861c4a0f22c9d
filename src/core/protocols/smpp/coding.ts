import type { Alphabet, MessageClass } from "../sms/data-coding.ts"
import { decodeDataCoding } from "../sms/data-coding.ts"

/**
 * `data_coding` (§5.2.19). 0xF0 to 0xFF are the coding group 1111 of GSM 03.38, so class 0 with 8 bits is 0xF4. 0x10 to
 * 0x1F are no values of SMPP, but many centres pass them through as TP-DCS, and so they are read.
 */

/** IA5, Latin-1 and the others that are written with eight bits are octets for who does not read texts. */
const alphabets: Readonly<Record<number, Alphabet>> = {
  0: "gsm7",
  1: "gsm7",
  2: "octets",
  3: "octets",
  4: "octets",
  8: "ucs2",
}

export interface SmppCoding {
  readonly alphabet: Alphabet
  readonly messageClass: MessageClass
}

export function decodeSmppCoding(value: number): SmppCoding {
  const plain = alphabets[value]
  if (plain !== undefined) return { alphabet: plain, messageClass: null }
  const { alphabet, messageClass } = decodeDataCoding(value)
  return { alphabet, messageClass }
}

/** Throws `RangeError` for UCS2 with a class, which SMPP cannot say. */
export function encodeSmppCoding({ alphabet, messageClass }: SmppCoding): number {
  if (messageClass === null) return { gsm7: 0, octets: 4, ucs2: 8 }[alphabet]
  if (alphabet === "ucs2") throw new RangeError("SMPP has no value for UCS2 with a message class")
  return (alphabet === "gsm7" ? 0xf0 : 0xf4) | messageClass
}

/** A relative time of `minutes` from now, `YYMMDDhhmmsstnnR` (§7.1.1.1); longer than 99 days is written as 99 days. */
export function relativeTime(minutes: number): string {
  const whole = Math.min(Math.max(1, Math.ceil(minutes)), 99 * 24 * 60)
  const parts = [0, 0, Math.floor(whole / 1440), Math.floor(whole / 60) % 24, whole % 60, 0]
  return `${parts.map((part) => String(part).padStart(2, "0")).join("")}000R`
}

/** Minutes of a relative time; null when it is none. A month counts 30 days. */
export function relativeMinutes(text: string): number | null {
  const digits = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\d{3}R$/.exec(text)?.slice(1).map(Number)
  if (digits === undefined) return null
  const [years = 0, months = 0, days = 0, hours = 0, minutes = 0] = digits
  return ((years * 365 + months * 30 + days) * 24 + hours) * 60 + minutes
}
