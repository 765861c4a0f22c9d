import { ByteReader } from "../../kit/byte-reader.ts"
import type { ByteWriter } from "../../kit/byte-writer.ts"
import type { Field } from "../../kit/layout.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { decodeSeptets, encodeSeptets } from "./alphabet.ts"
import { packedLength, packSeptets, unpackSeptets } from "./septets.ts"

/** A party's address (3GPP TS 23.040 §9.1.2.5). */
export interface SmsAddress {
  readonly type: TypeOfNumber
  /** Numbering plan, 0 to 15; 1 = ISDN (telephone). */
  readonly plan: number
  /** Digits, `*`, `#`, `a`, `b`, `c`; for an alphanumeric address its text. */
  readonly value: string
}

export type TypeOfNumber = (typeof types)[number]

/** By the bits 6 to 4 of the type-of-address octet. */
const types = [
  "unknown",
  "international",
  "national",
  "network",
  "subscriber",
  "alphanumeric",
  "abbreviated",
  "reserved",
] as const

const digits = "0123456789*#abc"
const fill = 0x0f
/** §9.1.2.5: an address takes at most 12 octets, 10 of them its value. */
const maxValueOctets = 10

/** The address of a number as people write it: `+49…` is international, `12345` of unknown type, letters alphanumeric. */
export function addressOf(number: string): SmsAddress {
  if (/^\+\d{1,20}$/.test(number)) return { type: "international", plan: 1, value: number.slice(1) }
  if (/^[0-9*#abc]{1,20}$/.test(number)) return { type: "unknown", plan: 1, value: number }
  const septets = encodeSeptets(number)
  if (!/[A-Za-z]/.test(number) || septets === null || packedLength(septets.length) > maxValueOctets) {
    throw new RangeError(`${JSON.stringify(number)} is no number and no name of at most 11 characters`)
  }
  return { type: "alphanumeric", plan: 0, value: number }
}

/** The number as people write it. */
export function numberOf(address: SmsAddress): string {
  return address.type === "international" ? `+${address.value}` : address.value
}

/** The type-of-address octet (§9.1.2.5): bit 7 set, then type and plan. */
function typeOctet(address: SmsAddress): number {
  return 0x80 | (types.indexOf(address.type) << 4) | (address.plan & 0x0f)
}

function readValue(
  reader: ByteReader,
  octets: number,
  halfOctets: number,
  length: "semi-octets" | "octets",
): SmsAddress {
  const typeOfAddress = reader.uint8()
  const type = types[(typeOfAddress >> 4) & 0x07] ?? "reserved"
  const plan = typeOfAddress & 0x0f
  const value = reader.octets(octets)
  if (type === "alphanumeric") {
    return { type, plan, value: decodeSeptets(unpackSeptets(value, Math.floor((halfOctets * 4) / 7))) }
  }
  return { type, plan, value: readDigits(value, length === "octets" ? null : halfOctets) }
}

function readDigits(octets: Uint8Array, count: number | null): string {
  const nibbles = Array.from(octets, (octet) => [octet & 0x0f, octet >> 4]).flat()
  const wanted = count ?? (nibbles.at(-1) === fill ? nibbles.length - 1 : nibbles.length)
  // Centres exist that count the fill behind an odd number of digits as one of them.
  const counted = nibbles.slice(0, wanted)
  const shown = counted.slice(0, counted.findLastIndex((nibble) => nibble !== fill) + 1)
  return shown
    .map((nibble) => {
      const digit = digits[nibble]
      if (digit === undefined) throw new MalformedMessage("an address holds a fill where a digit should stand")
      return digit
    })
    .join("")
}

function valueOctets(address: SmsAddress): { readonly octets: Uint8Array; readonly halfOctets: number } {
  if (address.type === "alphanumeric") {
    const septets = encodeSeptets(address.value) ?? new Uint8Array(0)
    return { octets: packSeptets(septets), halfOctets: Math.ceil((septets.length * 7) / 4) }
  }
  const nibbles = Array.from(address.value, (digit) => digits.indexOf(digit))
  const octets = Uint8Array.from({ length: Math.ceil(nibbles.length / 2) }, (_, index) => {
    return (nibbles[index * 2] ?? fill) | ((nibbles[index * 2 + 1] ?? fill) << 4)
  })
  return { octets, halfOctets: nibbles.length }
}

/** TP-OA, TP-DA, TP-RA: the length counts semi-octets (§9.1.2.5). */
export const transferAddress: Field<SmsAddress> = {
  read(reader) {
    const halfOctets = reader.uint8()
    if (halfOctets > maxValueOctets * 2) throw new MalformedMessage(`an address of ${halfOctets} semi-octets`)
    return readValue(reader, Math.ceil(halfOctets / 2), halfOctets, "semi-octets")
  },
  write(writer: ByteWriter, address) {
    const { octets, halfOctets } = valueOctets(address)
    if (octets.length > maxValueOctets) throw new RangeError(`the address ${address.value} is too long`)
    writer.uint8(halfOctets).uint8(typeOctet(address)).octets(octets)
  },
}

/**
 * The service centre's address as modems put it before a TPDU: the length counts octets (3GPP TS 24.011 §8.2.5.1); 0 = none.
 * One that cannot be read counts as none: the message behind it is found by the length alone.
 */
export const centreAddress: Field<SmsAddress | null> = {
  read(reader) {
    const length = reader.uint8()
    if (length === 0) return null
    const octets = new ByteReader(reader.octets(length))
    try {
      return readValue(octets, length - 1, (length - 1) * 2, "octets")
    } catch (error) {
      if (error instanceof MalformedMessage) return null
      throw error
    }
  },
  write(writer, address) {
    if (address === null) return void writer.uint8(0)
    const { octets } = valueOctets(address)
    if (octets.length > maxValueOctets) throw new RangeError(`the address ${address.value} is too long`)
    writer
      .uint8(octets.length + 1)
      .uint8(typeOctet(address))
      .octets(octets)
  },
}
