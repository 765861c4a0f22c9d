import { engine } from "../../core/domain/actor.ts"
import { decodeSeptets, encodeSeptets } from "../../core/protocols/sms/alphabet.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import type { OutgoingMessage } from "../../core/domain/records.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import { converse, type ConverseNeeds, takeMessage } from "../fleet/converse.ts"
import type { Carrier, CarrierOutcome, MessageFate } from "../fleet/outbox/carrier.ts"
import type { SmsBudget } from "../fleet/sms-budget.ts"
import type {
  IncomingSms,
  OutgoingSms,
  SendOutcome,
  SmsReceiver,
  SmsTransport,
} from "../transports/sms/sms-transport.ts"
import { Strangers } from "./strangers.ts"

/** Joins the outbox to whatever sends short messages; null = this server has no way to send any. */
export function smsCarrier(
  transport: () => SmsTransport | null,
  budget: SmsBudget,
  told: (message: OutgoingMessage, words: string) => void = () => undefined,
): Carrier {
  return {
    isReady: () => transport()?.isReady() ?? false,
    send: async (message) => {
      const carrier = transport()
      if (carrier === null) return { kind: "not-sent", words: "this server has no SMS transport" }
      const sms = smsOf(message)
      if (sms === null) return { kind: "refused", words: "the text is not in the GSM alphabet", isTemporary: false }
      // Counted before it goes: what may have gone, and each further copy of it, counts.
      const words = budget.refuse(message.to)
      if (words !== null) return { kind: "refused", words, isTemporary: false }
      const outcome = await carrier.send(sms)
      if (outcome.kind === "refused" || outcome.kind === "not-sent") budget.giveBack(message.to)
      told(message, outcomeWords(outcome))
      return outcomeOf(outcome)
    },
  }
}

function outcomeWords(outcome: SendOutcome): string {
  if (outcome.kind === "accepted") return `accepted by the carrier as ${outcome.reference}`
  return `${outcome.kind === "uncertain" ? "may have gone" : outcome.kind}: ${outcome.words}`
}

function smsOf({ to, payload, coding, validitySeconds }: OutgoingMessage): OutgoingSms | null {
  const bytes = Buffer.from(payload, "base64")
  const common = { to, validityMinutes: Math.max(1, Math.ceil(validitySeconds / 60)), wantsStatus: true, header: null }
  if (coding === "8-bit-class-0") return { ...common, alphabet: "octets", messageClass: 0, data: bytes }
  const septets = encodeSeptets(bytes.toString("latin1"))
  return septets === null ? null : { ...common, alphabet: "gsm7", messageClass: null, data: septets }
}

function outcomeOf(outcome: SendOutcome): CarrierOutcome {
  if (outcome.kind === "accepted") return { kind: "accepted", carrierReference: outcome.reference }
  if (outcome.kind !== "uncertain" || outcome.later === undefined) return outcome as CarrierOutcome
  return { ...outcome, later: outcome.later.then(outcomeOf) }
}

/** Joins incoming short messages to the fleet: message -> device -> conversation. */
export function smsReceiver(
  needs: ConverseNeeds & { readonly hit?: (limit: LimitName) => void },
  strange: (from: string) => void,
): SmsReceiver {
  const strangers = new Strangers(strange)
  let hour = { since: Number.NEGATIVE_INFINITY, unreadable: 0 }
  return {
    received: async (sms) => {
      const { live } = await takeMessage(needs, { kind: "message", via: "sms", from: sms.from, bytes: bytesOf(sms) })
      if (live === null) strangers.note(sms.from)
    },
    statusChanged: async ({ reference, state, words, ...hints }) => {
      if (state !== "trying") await needs.outbox.statusChanged(reference, state, words, hints)
    },
    unreadable: async ({ octets, why }) => {
      const now = needs.clock.monotonic()
      if (now - hour.since >= 3_600_000) hour = { since: now, unreadable: 0 }
      // Anybody can send them: the log is not theirs to fill.
      if (++hour.unreadable > limits["sms.unreadable"].most) return needs.hit?.("sms.unreadable")
      const kind = "message.unreadable"
      const sentence = `A short message came that cannot be read (${why}); what came is kept here.`
      await commit(needs, engine, [eventOf({ at: needs.clock.now(), kind, sentence, data: { octets } })])
    },
  }
}

function bytesOf({ alphabet, data }: IncomingSms): Uint8Array {
  return alphabet === "gsm7" ? Buffer.from(decodeSeptets(data), "latin1") : data
}

/** Tells a conversation what became of its message. */
export function tellFate(needs: ConverseNeeds): (fate: MessageFate) => Promise<void> {
  return async ({ message, status, detail }) => {
    const live = needs.live.devices.get(message.deviceId)
    if (live === undefined) return
    needs.wire?.note(message.deviceId, "sms", `message ${message.reference} ${status}: ${detail}`)
    await converse(needs, live, { kind: "sms-status", reference: message.reference, status, detail })
  }
}
