import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import type { ByteReader } from "../../kit/byte-reader.ts"
import type { Field } from "../../kit/layout.ts"

/** The kinds of fields of SMPP 3.4 (§3.1). */

/** A text that is too long is read nevertheless up to this: nothing that we use is in most of them. */
const mostTextOctets = 256

/** A C-octet string: Latin-1 text and a NUL, `maxOctets` with the NUL; the limit is for what we write. */
export function cString(maxOctets: number): Field<string> {
  return {
    read: (reader) => fromLatin1(reader.untilNul(Math.max(maxOctets, mostTextOctets))),
    write(writer, value) {
      if (value.length >= maxOctets)
        throw new RangeError(`${JSON.stringify(value)} takes more than ${maxOctets} octets`)
      if (value.includes("\0")) throw new RangeError("a NUL inside a text")
      writer.octets(latin1(value)).uint8(0)
    },
  }
}

/**
 * The text of a response, which one with an error may leave out (§4.4.2: "not returned if the command_status is non-zero").
 * What a response says is its status (§5.1.3): its text is read as it is, without its NUL or longer than it may be as well.
 */
export function responseText(maxOctets: number): Field<string> {
  return { ...cString(maxOctets), read: (reader) => fromLatin1(reader.untilNulOrEnd().subarray(0, mostTextOctets)) }
}

/** Octets with their count before them in one octet: sm_length and short_message. */
export const shortMessage: Field<Uint8Array> = {
  read: (reader) => reader.octets(reader.uint8()).slice(),
  write(writer, value) {
    // §5.2.22: at most 254 octets; what is longer goes into message_payload.
    if (value.length > 254) throw new RangeError(`a short_message of ${value.length} octets`)
    writer.uint8(value.length).octets(value)
  },
}

/** An address with its type of number and numbering plan (§5.2.5, §5.2.6). */
export interface SmppAddress {
  readonly typeOfNumber: number
  readonly plan: number
  readonly value: string
}

const addressValue = cString(21)

export const smppAddress: Field<SmppAddress> = {
  read: (reader) => ({ typeOfNumber: reader.uint8(), plan: reader.uint8(), value: addressValue.read(reader) }),
  write(writer, { typeOfNumber, plan, value }) {
    writer.uint8(typeOfNumber).uint8(plan)
    addressValue.write(writer, value)
  },
}

/** All that is left: the value of a TLV. */
export const restOctets: Field<Uint8Array> = {
  read: (reader: ByteReader) => reader.octets(reader.left).slice(),
  write: (writer, value) => void writer.octets(value),
}

/** Text to the end with or without a NUL: message ids in TLVs come either way. */
export const restText: Field<string> = {
  read: (reader) => fromLatin1(reader.octets(reader.left)).replace(/\0$/, ""),
  write: (writer, value) => void writer.octets(latin1(value)).uint8(0),
}
