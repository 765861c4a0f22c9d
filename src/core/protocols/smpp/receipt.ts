import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import type { DeliveryState } from "../sms/status.ts"
import type { PduOf } from "./pdu-table.ts"

/** What a delivery receipt says (§2.11 and appendix B). */
export interface Receipt {
  /** The id that submit_sm_resp gave. */
  readonly messageId: string
  readonly state: DeliveryState
  /** The state's word as the standard has it, or the centre's own in capitals. */
  readonly word: string
  /** The centre's own error code; empty when it gives none. */
  readonly error: string
}

/** §5.2.28: message_state by number, with the seven letters of appendix B. */
const states: readonly (readonly [word: string, state: DeliveryState])[] = [
  ["SCHEDUL", "trying"],
  ["ENROUTE", "trying"],
  ["DELIVRD", "delivered"],
  ["EXPIRED", "failed"],
  ["DELETED", "failed"],
  ["UNDELIV", "failed"],
  ["ACCEPTD", "trying"],
  // "Message is in invalid state": the centre does not say that it was not delivered.
  ["UNKNOWN", "unknown"],
  ["REJECTD", "failed"],
  // SMPP 5.0 §4.7.15.
  ["SKIPPED", "failed"],
]

/** Words that centres write out, with what the standard shortens them to. */
const writtenOut: Readonly<Record<string, string>> = {
  SCHEDULED: "SCHEDUL",
  DELIVERED: "DELIVRD",
  UNDELIVERABLE: "UNDELIV",
  UNDELIVERED: "UNDELIV",
  ACCEPTED: "ACCEPTD",
  REJECTED: "REJECTD",
}

/** esm_class of a deliver_sm, bits 5 to 2: 0001 = a centre's delivery receipt, 1000 = an intermediate one (§5.2.12). */
const receiptBits = 0x3c
const receiptTypes = [0x04, 0x20]

/** What a receipt is read from: a deliver_sm, or a data_sm in its form. */
export type Delivery = Pick<PduOf<"deliverSm">, "fields" | "tlvs">

export function isReceipt(pdu: Delivery): boolean {
  return receiptTypes.includes(pdu.fields.esmClass & receiptBits)
}

/**
 * Reads a receipt from its optional parameters, or else from its text, whose form is the centre's own (appendix B shows
 * the usual one). Null when it names no message.
 */
export function readReceipt(pdu: Delivery): Receipt | null {
  const text = fromLatin1(pdu.fields.shortMessage.length > 0 ? pdu.fields.shortMessage : payloadOf(pdu))
  const part = (name: string): string | undefined => new RegExp(`(?:^|\\s)${name}:\\s*([^\\s]+)`, "i").exec(text)?.[1]
  const named = pdu.tlvs.receiptedMessageId ?? ""
  const messageId = named === "" ? (part("id") ?? "") : named
  if (messageId === "") return null
  const told = part("stat")?.toUpperCase() ?? "UNKNOWN"
  const word = states[pdu.tlvs.messageState ?? -1]?.[0] ?? writtenOut[told] ?? told
  const state = states.find(([known]) => known === word)?.[1] ?? "unknown"
  return { messageId, state, word, error: part("err") ?? "" }
}

function payloadOf({ tlvs }: Delivery): Uint8Array {
  return tlvs.messagePayload ?? new Uint8Array(0)
}

/**
 * The other ways in which a centre may write an id that it gave in its response: in hex where that was decimal and the other
 * way round, in the other case, with or without zeros before it (§5.2.23 leaves the form to the centre).
 */
export function otherForms(messageId: string): readonly string[] {
  const bare = messageId.replace(/^0+(?=.)/, "")
  const forms = new Set([
    messageId.toUpperCase(),
    messageId.toLowerCase(),
    bare,
    bare.toUpperCase(),
    bare.toLowerCase(),
  ])
  if (/^[0-9a-f]{1,20}$/i.test(bare)) forms.add(BigInt(`0x${bare}`).toString())
  if (/^\d{1,20}$/.test(bare)) {
    const inHex = BigInt(bare).toString(16)
    for (const form of [inHex, inHex.toUpperCase()])
      for (const width of [0, 8, 10, 16]) forms.add(form.padStart(width, "0"))
  }
  forms.delete(messageId)
  return [...forms]
}

/** What a centre tells of a message. Times are milliseconds since 1970-01-01 UTC. */
export interface ReceiptFacts {
  readonly messageId: string
  readonly word: string
  readonly error: string
  readonly submittedAtMs: number
  readonly doneAtMs: number
}

/** The text and the optional parameters of a receipt, as a centre writes them (appendix B). */
export function writeReceipt(facts: ReceiptFacts): {
  readonly shortMessage: Uint8Array
  readonly tlvs: { readonly receiptedMessageId: string; readonly messageState: number }
} {
  const { messageId, word, error } = facts
  const messageState = states.findIndex(([known]) => known === word)
  if (messageState < 0) throw new RangeError(`no state of a message: ${word}`)
  const delivered = word === "DELIVRD" ? "001" : "000"
  const dates = `submit date:${toMinute(facts.submittedAtMs)} done date:${toMinute(facts.doneAtMs)}`
  const text = `id:${messageId} sub:001 dlvrd:${delivered} ${dates} stat:${word} err:${error} text:`
  return { shortMessage: latin1(text), tlvs: { receiptedMessageId: messageId, messageState } }
}

/** YYMMDDhhmm, UTC. */
function toMinute(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\D/g, "").slice(2, 12)
}
