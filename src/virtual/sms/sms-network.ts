import type { BodyClock } from "../../core/families/body.ts"
import type { SimCard } from "../../core/families/radio.ts"
import { MalformedMessage } from "../../core/kit/malformed-message.ts"
import { addressOf, numberOf } from "../../core/protocols/sms/address.ts"
import { decodeFromMobile, encodeTpdu, type Submit } from "../../core/protocols/sms/tpdu.ts"
import type { UserData } from "../../core/protocols/sms/user-data.ts"
import { fateOf, type SmsConditions } from "./conditions.ts"

/** A message on its way, whoever sent it. */
export interface NetworkMessage {
  readonly from: string
  readonly to: string
  /** TP-DCS. */
  readonly coding: number
  readonly userData: UserData
  readonly validityMinutes: number
  /** Called once when its fate is known; never for one that is lost. */
  readonly settled?: (fate: "delivered" | "expired") => void
}

/** Whoever can be reached under a number. Gives false when it cannot take the message now; it is offered again. */
export type Destination = (message: NetworkMessage, receivedAtMs: number) => Promise<boolean>

export interface NetworkTotals {
  /** Handed in. */
  readonly messages: number
  /** Handed out, doubles counted. */
  readonly delivered: number
  readonly lost: number
  readonly expired: number
  /** In thousandths of the operator's currency. */
  readonly cost: number
}

/** What is kept for a number that cannot be reached; the oldest is dropped as expired. */
const maxKept = 200
/** How long until a message is offered again to a destination that could not take it. */
const retryMs = 2000
const zone = { zoneQuarters: 0 }

/**
 * A mobile network in software: carries short messages between SIM cards and services, stores them for who is not there,
 * and loses, doubles, delays and reorders them as its conditions say.
 */
export class SmsNetwork {
  readonly #clock: BodyClock
  readonly #conditions: SmsConditions
  readonly #signal: AbortSignal
  readonly #numbers = new Map<string, string>()
  readonly #destinations = new Map<string, Destination>()
  readonly #kept = new Map<string, { readonly message: NetworkMessage; readonly untilMs: number }[]>()
  readonly #reports = new Map<string, (tpdu: Uint8Array) => void>()
  #totals = { messages: 0, delivered: 0, lost: 0, expired: 0, cost: 0 }

  /** `signal` ends every delivery under way. */
  constructor(parts: { readonly clock: BodyClock; readonly conditions: SmsConditions; readonly signal: AbortSignal }) {
    this.#clock = parts.clock
    this.#conditions = parts.conditions
    this.#signal = parts.signal
  }

  get totals(): NetworkTotals {
    return this.#totals
  }

  /** Issues a SIM card: from now on the network knows which number belongs to its IMSI. */
  issueCard(card: SimCard): SimCard {
    this.#numbers.set(card.imsi, card.number)
    return card
  }

  /** Makes a number reachable; what was kept for it is offered. The returned function takes it off again. */
  attach(number: string, destination: Destination): () => void {
    this.#destinations.set(number, destination)
    for (const { message, untilMs } of this.#kept.get(number)?.splice(0) ?? []) void this.#offer(message, untilMs)
    return () => {
      if (this.#destinations.get(number) === destination) this.#destinations.delete(number)
    }
  }

  /** Takes a message in. */
  accept(message: NetworkMessage): void {
    this.#totals.messages++
    this.#totals.cost += this.#conditions.costPerMessage
    const delays = fateOf(this.#conditions, this.#totals.messages)
    if (delays.length === 0) this.#totals.lost++
    const untilMs = this.#clock.now() + message.validityMinutes * 60_000
    for (const [copy, delayMs] of delays.entries()) {
      // Only the first copy is reported: its sender knows of one message.
      const own = copy === 0 ? message : { ...message, settled: () => undefined }
      void this.#later(delayMs, () => this.#offer(own, untilMs))
    }
  }

  /** Takes an SMS-SUBMIT from the holder of a card; false when it is malformed or the card unknown. */
  submit(imsi: string, tpdu: Uint8Array): boolean {
    const from = this.#numbers.get(imsi)
    if (from === undefined) return false
    let submit: Submit
    try {
      submit = decodeFromMobile(tpdu)
    } catch (error) {
      if (error instanceof MalformedMessage) return false
      throw error
    }
    const { to, coding, userData, validity, statusReportWanted } = submit
    const sentAtMs = this.#clock.now()
    this.accept({
      from,
      to: numberOf(to),
      coding,
      userData,
      validityMinutes: validity.format === "relative" ? validity.minutes : 24 * 60,
      ...(statusReportWanted ? { settled: (fate) => this.#report({ to: from, about: submit, sentAtMs, fate }) } : {}),
    })
    return true
  }

  async #offer(message: NetworkMessage, untilMs: number): Promise<void> {
    const nowMs = this.#clock.now()
    if (nowMs > untilMs) {
      this.#totals.expired++
      return message.settled?.("expired")
    }
    const destination = this.#destinations.get(message.to)
    if (destination === undefined) return this.#keep(message, untilMs)
    if (await destination(message, nowMs)) {
      this.#totals.delivered++
      message.settled?.("delivered")
    } else await this.#later(retryMs, () => this.#offer(message, untilMs))
  }

  #keep(message: NetworkMessage, untilMs: number): void {
    const kept = this.#kept.get(message.to) ?? []
    kept.push({ message, untilMs })
    this.#kept.set(message.to, kept)
    if (kept.length <= maxKept) return
    this.#totals.expired++
    kept.shift()?.message.settled?.("expired")
  }

  async #later(delayMs: number, deed: () => Promise<void>): Promise<void> {
    try {
      await this.#clock.sleep(delayMs, this.#signal)
    } catch (error) {
      // The network was switched off; its messages go with it.
      if (this.#signal.aborted) return
      throw error
    }
    await deed()
  }

  /** An SMS-STATUS-REPORT for a card's holder goes out of the ordinary way: it costs nothing and is never lost. */
  #report(facts: {
    readonly to: string
    readonly about: Submit
    readonly sentAtMs: number
    readonly fate: "delivered" | "expired"
  }): void {
    const tpdu = encodeTpdu({
      kind: "statusReport",
      noMoreMessages: true,
      loopPrevention: false,
      isAboutCommand: false,
      reference: facts.about.reference,
      to: facts.about.to,
      sentAt: { atMs: facts.sentAtMs, ...zone },
      dischargedAt: { atMs: this.#clock.now(), ...zone },
      status: facts.fate === "delivered" ? 0x00 : 0x46,
    })
    this.#reports.get(facts.to)?.(tpdu)
  }

  /** Where status reports for a number go. */
  attachReports(number: string, take: (tpdu: Uint8Array) => void): () => void {
    this.#reports.set(number, take)
    return () => this.#reports.delete(number)
  }
}

/** The SMS-DELIVER that a phone gets of a message. */
export function deliverTpdu(message: NetworkMessage, receivedAtMs: number): Uint8Array {
  return encodeTpdu({
    kind: "deliver",
    noMoreMessages: true,
    loopPrevention: false,
    statusReportWanted: false,
    hasReplyPath: false,
    from: addressOf(message.from),
    protocolId: 0,
    coding: message.coding,
    sentAt: { atMs: receivedAtMs, ...zone },
    userData: message.userData,
  })
}
