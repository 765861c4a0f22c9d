import { ByteReader } from "../../kit/byte-reader.ts"
import { ByteWriter } from "../../kit/byte-writer.ts"
import { concat, fromLatin1 } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { decodeSeptets } from "./alphabet.ts"
import type { Alphabet } from "./data-coding.ts"
import { packedLength, packSeptets, unpackSeptets } from "./septets.ts"

/** One information element of a user data header (3GPP TS 23.040 §9.2.3.24). */
export interface HeaderElement {
  /** Information element identifier. */
  readonly id: number
  readonly data: Uint8Array
}

/** What a message carries. */
export interface UserData {
  /** The header's elements; null = no header. */
  readonly header: readonly HeaderElement[] | null
  /** Septets, one in each byte, for the 7-bit alphabet; octets for the others. */
  readonly data: Uint8Array
}

/** §9.2.3.24: TP-UD takes 140 octets, or 160 septets. */
export const maxUserDataOctets = 140
export const maxUserDataSeptets = 160

/** Reads TP-UDL and TP-UD. The length counts septets in the 7-bit alphabet, octets otherwise. */
export function readUserData(reader: ByteReader, alphabet: Alphabet, hasHeader: boolean): UserData {
  const length = reader.uint8()
  const octetCount = alphabet === "gsm7" ? packedLength(length) : length
  if (octetCount > maxUserDataOctets) throw new MalformedMessage(`user data of ${octetCount} octets`)
  const octets = reader.octets(octetCount)
  return splitUserData(octets, { alphabet, hasHeader, length })
}

function splitUserData(
  octets: Uint8Array,
  {
    alphabet,
    hasHeader,
    length,
  }: { readonly alphabet: Alphabet; readonly hasHeader: boolean; readonly length: number },
): UserData {
  const { header, headerOctets } = hasHeader ? splitHeader(octets) : { header: null, headerOctets: 0 }
  if (alphabet !== "gsm7") return { header, data: octets.slice(headerOctets) }
  const headerSeptets = Math.ceil((headerOctets * 8) / 7)
  const fillBits = headerSeptets * 7 - headerOctets * 8
  return { header, data: unpackSeptets(octets.subarray(headerOctets), Math.max(0, length - headerSeptets), fillBits) }
}

/** Writes TP-UDL and TP-UD. Throws `RangeError` when it is too long for one message. */
export function writeUserData(writer: ByteWriter, { header, data }: UserData, alphabet: Alphabet): void {
  const headerOctets = header === null ? new Uint8Array(0) : writeHeader(header)
  if (alphabet !== "gsm7") {
    const octets = concat([headerOctets, data])
    if (octets.length > maxUserDataOctets) throw new RangeError(`${octets.length} octets of user data`)
    writer.uint8(octets.length).octets(octets)
    return
  }
  const headerSeptets = Math.ceil((headerOctets.length * 8) / 7)
  const septets = headerSeptets + data.length
  if (septets > maxUserDataSeptets) throw new RangeError(`${septets} septets of user data`)
  const fillBits = headerSeptets * 7 - headerOctets.length * 8
  writer.uint8(septets).octets(headerOctets).octets(packSeptets(data, fillBits))
}

/** The header at the front of user data, and its octets with the length. One that is longer than its message is none. */
export function splitHeader(octets: Uint8Array): {
  readonly header: readonly HeaderElement[] | null
  readonly headerOctets: number
} {
  const headerOctets = (octets[0] ?? 0) + 1
  if (headerOctets > octets.length) return { header: null, headerOctets: 0 }
  return { header: readHeader(octets.subarray(1, headerOctets)), headerOctets }
}

/**
 * The elements of a header, its length octet left out. §9.2.3.24: with "too few or too many octets in the final Information
 * Element … the whole User Data Header shall be ignored"; the text behind it stays.
 */
function readHeader(octets: Uint8Array): readonly HeaderElement[] {
  const reader = new ByteReader(octets)
  const elements: HeaderElement[] = []
  while (reader.left > 0) {
    const id = reader.uint8()
    const length = reader.left > 0 ? reader.uint8() : 1
    if (length > reader.left) return []
    elements.push({ id, data: reader.octets(length).slice() })
  }
  return elements
}

/** A header with its length octet, as it stands at the front of TP-UD and of SMPP's short_message. */
export function writeHeader(elements: readonly HeaderElement[]): Uint8Array {
  const body = new ByteWriter()
  for (const { id, data } of elements) body.uint8(id).uint8(data.length).octets(data)
  const octets = body.finish()
  return new ByteWriter().uint8(octets.length).octets(octets).finish()
}

/** One part of a long message (§9.2.3.24.1 and .8). */
export interface Concatenation {
  readonly reference: number
  readonly total: number
  /** From 1. */
  readonly sequence: number
}

const shortReference = 0x00
const longReference = 0x08
const ports16 = 0x05

/**
 * Which part of which long message this is; null when it is a whole one. An element whose numbers contradict each other is
 * ignored, as the standard asks; of two elements the last counts.
 */
export function concatenationOf(header: readonly HeaderElement[] | null): Concatenation | null {
  const found = header?.findLast(({ id, data }) => {
    return (id === shortReference && data.length === 3) || (id === longReference && data.length === 4)
  })
  if (found === undefined) return null
  const reader = new ByteReader(found.data)
  const reference = found.id === shortReference ? reader.uint8() : reader.uint16()
  const total = reader.uint8()
  const sequence = reader.uint8()
  return total === 0 || sequence === 0 || sequence > total ? null : { reference, total, sequence }
}

/** The element of one part; references above 255 take the 16-bit form. */
export function concatenationElement({ reference, total, sequence }: Concatenation): HeaderElement {
  const writer = new ByteWriter()
  if (reference > 0xff) writer.uint16(reference)
  else writer.uint8(reference)
  return { id: reference > 0xff ? longReference : shortReference, data: writer.uint8(total).uint8(sequence).finish() }
}

/** Application ports, 16 bits each (§9.2.3.24.4). */
export function portElement(ports: { readonly destination: number; readonly source: number }): HeaderElement {
  return { id: ports16, data: new ByteWriter().uint16(ports.destination).uint16(ports.source).finish() }
}

export function portsOf(
  header: readonly HeaderElement[] | null,
): { readonly destination: number; readonly source: number } | null {
  const found = header?.findLast(({ id, data }) => id === ports16 && data.length === 4)
  if (found === undefined) return null
  const reader = new ByteReader(found.data)
  return { destination: reader.uint16(), source: reader.uint16() }
}

/** The text of a message's data, in its alphabet; octets are shown as Latin-1. */
export function textOf(data: Uint8Array, alphabet: Alphabet): string {
  if (alphabet === "gsm7") return decodeSeptets(data)
  if (alphabet === "octets") return fromLatin1(data)
  let text = ""
  for (let at = 0; at + 1 < data.length; at += 2)
    text += String.fromCharCode(((data[at] ?? 0) << 8) | (data[at + 1] ?? 0))
  return text
}
