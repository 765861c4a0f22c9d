import { ByteReader } from "../../../kit/byte-reader.ts"
import { ByteWriter } from "../../../kit/byte-writer.ts"
import { concat } from "../../../kit/bytes.ts"
import { type Layout, readLayout, writeLayout } from "../../../kit/layout.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { fixedDigits } from "./pfm-fields.ts"
import type { PfmKeys } from "./pfm-keys.ts"
import { type PfmMessage, type PfmName, pfmTable } from "./pfm-table.ts"

/** Turns PFM messages into octets and back. A codec for the vendor's own octets could stand in the same place. */
export interface PfmCodec {
  /** Throws `RangeError` when a field, or the whole, does not fit. */
  readonly encode: (message: PfmMessage, keys: PfmKeys) => Uint8Array
  /** Which module octets speak of, so that its keys can be found; null = they are no PFM message. Proves nothing yet. */
  readonly imeiOf: (octets: Uint8Array) => string | null
  /**
   * Reads a message; `forged` = its tag is not by the key of its direction. Throws `MalformedMessage` when it is no message
   * or, under a right tag, breaks its layout.
   */
  readonly decode: (octets: Uint8Array, keys: PfmKeys) => PfmMessage | "forged"
}

/** Every message begins with this octet and the version. */
const marker = 0xa7
const version = 1
const tagOctets = 8
const imei = fixedDigits(15)
/** Marker, version, number, IMEI, transaction. */
const headOctets = 3 + 8 + 4

/** The longest message of this codec: what one SMS of 8-bit data carries (3GPP TS 23.040 §9.2.3.24). */
export const maxPfmOctets = 140
/** The shortest: one without fields. */
export const minPfmOctets = headOctets + tagOctets

const names = new Map<number, PfmName>(Object.entries(pfmTable).map(([name, row]) => [row.number, name as PfmName]))

/**
 * Waft's own octets, PFM-shaped, not the vendor's: marker, version, message number, IMEI, transaction, the fields of
 * `pfmTable`, and a tag. The tag is the first 8 octets of HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the module's key of that
 * direction over all before it: an SMS sender's number can be forged, a tag cannot.
 */
export const waftCodec: PfmCodec = { encode, imeiOf, decode }

function encode(message: PfmMessage, keys: PfmKeys): Uint8Array {
  const row = pfmTable[message.name]
  const writer = new ByteWriter().uint8(marker).uint8(version).uint8(row.number)
  imei.write(writer, message.imei)
  writer.uint32(message.transaction)
  writeLayout(row.fields as Layout, writer, message.fields)
  const octets = writer.finish()
  const whole = concat([octets, tagOf(octets, message.name, keys)])
  if (whole.length > maxPfmOctets) {
    throw new RangeError(`a ${message.name} of ${whole.length} octets; ${maxPfmOctets} fit into one SMS`)
  }
  return whole
}

function imeiOf(octets: Uint8Array): string | null {
  if (octets.length < minPfmOctets || octets.length > maxPfmOctets) return null
  if (octets[0] !== marker || octets[1] !== version) return null
  try {
    return imei.read(new ByteReader(octets.subarray(3, 11)))
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}

function decode(octets: Uint8Array, keys: PfmKeys): PfmMessage | "forged" {
  const owner = imeiOf(octets)
  if (owner === null) throw new MalformedMessage("no PFM message")
  const number = octets[2] ?? 0
  const name = names.get(number)
  if (name === undefined) throw new MalformedMessage(`no PFM message has the number ${number}`)
  const signed = octets.subarray(0, -tagOctets)
  if (!isSameTag(octets.subarray(-tagOctets), tagOf(signed, name, keys))) return "forged"
  const reader = new ByteReader(signed)
  reader.octets(3 + 8)
  const transaction = reader.uint32()
  const fields = readLayout(pfmTable[name].fields as Layout, reader)
  reader.expectEnd()
  return { name, imei: owner, transaction, fields } as unknown as PfmMessage
}

function tagOf(octets: Uint8Array, name: PfmName, { toModule, toServer, hmac }: PfmKeys): Uint8Array {
  return hmac(pfmTable[name].from === "server" ? toModule : toServer, octets).subarray(0, tagOctets)
}

/** Looks at every octet, so that the time tells nothing of where two tags differ. */
function isSameTag(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [index, octet] of a.entries()) difference |= octet ^ (b[index] ?? 0)
  return difference === 0
}
