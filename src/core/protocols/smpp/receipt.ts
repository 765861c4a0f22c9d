import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import type { DeliveryState } from "../sms/status.ts"
import type { PduOf } from "./pdu-table.ts"

/** What a delivery receipt says (§2.11 and appendix B). */
export interface Receipt {
  /** The id that submit_sm_resp gave. */
  readonly messageId: string
  readonly state: DeliveryState
  /** The state's word in the receipt's text. */
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
  ["UNKNOWN", "failed"],
  ["REJECTD", "failed"],
]

/** esm_class of a deliver_sm, bits 5 to 2: 0001 = a centre's delivery receipt, 1000 = an intermediate one (§5.2.12). */
const receiptBits = 0x3c
const receiptTypes = [0x04, 0x20]

export function isReceipt(pdu: PduOf<"deliverSm">): boolean {
  return receiptTypes.includes(pdu.fields.esmClass & receiptBits)
}

/**
 * Reads a receipt from its optional parameters, or else from its text, whose form is the centre's own (appendix B shows
 * the usual one). Null when it names no message.
 */
export function readReceipt(pdu: PduOf<"deliverSm">): Receipt | null {
  const text = fromLatin1(pdu.tlvs.messagePayload ?? pdu.fields.shortMessage)
  const part = (name: string): string | undefined => new RegExp(`(?:^|\\s)${name}:\\s*([^\\s]+)`, "i").exec(text)?.[1]
  const messageId = pdu.tlvs.receiptedMessageId ?? part("id")
  if (messageId === undefined || messageId === "") return null
  const stateNumber = pdu.tlvs.messageState
  const word =
    stateNumber === undefined ? (part("stat")?.toUpperCase() ?? "UNKNOWN") : (states[stateNumber]?.[0] ?? "UNKNOWN")
  const state = states.find(([known]) => known === word)?.[1] ?? "failed"
  return { messageId, state, word, error: part("err") ?? "" }
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
