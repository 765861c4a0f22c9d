import { concat } from "../../../core/kit/bytes.ts"
import { decodeSmppCoding, encodeSmppCoding, relativeTime } from "../../../core/protocols/smpp/coding.ts"
import type { Delivery } from "../../../core/protocols/smpp/receipt.ts"
import type { SmppAddress } from "../../../core/protocols/smpp/fields.ts"
import { encodePdu } from "../../../core/protocols/smpp/pdu.ts"
import type { PduOf } from "../../../core/protocols/smpp/pdu-table.ts"
import { encodeSeptets } from "../../../core/protocols/sms/alphabet.ts"
import { splitHeader, writeHeader } from "../../../core/protocols/sms/user-data.ts"
import type { IncomingSms, OutgoingSms } from "./sms-transport.ts"

/** esm_class: the short message begins with a user data header (§5.2.12). */
const headerBit = 0x40
const isdnPlan = 1
const international = 1
const unknownType = 0
const alphanumeric = 5

type Message = PduOf<"submitSm">["fields"]

/** How a number stands in an SMPP address: `+` says international. */
export function smppAddressOf(number: string): SmppAddress {
  if (number.startsWith("+")) return { typeOfNumber: international, plan: isdnPlan, value: number.slice(1) }
  if (/^[0-9*#]*$/.test(number)) return { typeOfNumber: unknownType, plan: number === "" ? 0 : isdnPlan, value: number }
  return { typeOfNumber: alphanumeric, plan: 0, value: number }
}

export function numberOfSmpp({ typeOfNumber, value }: SmppAddress): string {
  return typeOfNumber === international && /^\d+$/.test(value) ? `+${value}` : value
}

/** A data_sm (§4.7) in the form of a deliver_sm. */
export function deliveryOf({ fields, tlvs }: PduOf<"dataSm">): Delivery {
  const absent = { protocolId: 0, priority: 0, scheduledAt: "", validity: "", replaceIfPresent: 0, defaultMessageId: 0 }
  return { fields: { ...fields, ...absent, shortMessage: new Uint8Array(0) }, tlvs }
}

/** The fields of a submit_sm. 7-bit text goes unpacked, a septet in each octet: the centre packs it (§5.2.19 says nothing else). */
function submitFields(message: OutgoingSms, sender: string): Message {
  const { header, data } = message
  return {
    serviceType: "",
    source: smppAddressOf(sender),
    destination: smppAddressOf(message.to),
    esmClass: header === null ? 0 : headerBit,
    protocolId: 0,
    priority: 0,
    scheduledAt: "",
    validity: relativeTime(message.validityMinutes),
    registeredDelivery: message.wantsStatus ? 1 : 0,
    replaceIfPresent: 0,
    dataCoding: encodeSmppCoding(message),
    defaultMessageId: 0,
    shortMessage: header === null ? data : concat([writeHeader(header), data]),
  }
}

/** The fields of a submit_sm that can be written; throws `RangeError` when one cannot. */
export function checkedFields(message: OutgoingSms, sender: string): Message {
  const fields = submitFields(message, sender)
  encodePdu({ command: "submitSm", status: 0, sequence: 1, fields, tlvs: {} })
  return fields
}

/** A deliver_sm as an incoming message. */
export function incomingOf(pdu: Delivery): IncomingSms {
  const { fields, tlvs } = pdu
  const octets = fields.shortMessage.length > 0 ? fields.shortMessage : (tlvs.messagePayload ?? fields.shortMessage)
  const { alphabet, messageClass } = decodeSmppCoding(fields.dataCoding)
  const hasHeader = (fields.esmClass & headerBit) !== 0
  const { header, headerOctets } = hasHeader ? splitHeader(octets) : { header: null, headerOctets: 0 }
  const data = octets.slice(headerOctets)
  return {
    from: numberOfSmpp(fields.source),
    to: numberOfSmpp(fields.destination),
    alphabet,
    messageClass,
    header,
    data: alphabet === "gsm7" ? asSeptets(data) : data,
  }
}

/** Centres that show the default alphabet as Latin-1 send `ü` as 0xFC: it is taken for the letter that it is. */
function asSeptets(octets: Uint8Array): Uint8Array {
  if (octets.every((octet) => octet < 0x80)) return octets
  const text = String.fromCharCode(...octets)
  return encodeSeptets(text) ?? octets.map((octet) => octet & 0x7f)
}
