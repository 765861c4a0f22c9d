import type { OutgoingMessage } from "../../core/domain/records.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { Change } from "./needs.ts"

/** Whoever carries messages to devices. */
export interface Carrier {
  readonly isReady: () => boolean
  /** Hands one message over; never rejects. */
  readonly send: (message: OutgoingMessage) => Promise<CarrierOutcome>
}

export type CarrierOutcome =
  | { readonly kind: "accepted"; readonly carrierReference: string }
  | { readonly kind: "refused"; readonly words: string; readonly isTemporary: boolean }
  /** It never left. */
  | { readonly kind: "not-sent"; readonly words: string }
  /** It may or may not have gone. */
  | { readonly kind: "uncertain"; readonly words: string }

/** What became of a message in the end. */
export interface MessageFate {
  readonly message: OutgoingMessage
  readonly status: "delivered" | "failed"
  readonly detail: string
}

export type OutboxNeeds = Pick<FleetNeeds, "clock" | "store" | "events"> & {
  readonly carrier: Carrier
  /** Tells the conversation; its own work is durable when this resolves. */
  readonly tell: (fate: MessageFate) => Promise<void>
  readonly complain: (what: string, error: unknown) => void
}

/** Messages handed over and not yet accepted, at most. */
const window = 50
/** How many of them may be others than answers: a rollout to thousands does not stand in the way of who waits for an answer. */
const mostOthers = 10
/** Pause after a temporary refusal or a carrier that is away, ms. */
const pauseMs = 2000
/** A receipt that has not come so long after a message's validity never will, ms. */
const receiptGraceMs = 300_000

/** Messages that wait for the carrier, oldest first, and how many of their kind it may have in hand. */
interface Lane {
  readonly waiting: string[]
  readonly most: number
  inHand: number
}

/**
 * Messages to devices, each a row until its fate is known. What a crash leaves in the middle of being handed over is sent again,
 * and the event log says so: a device knows a repeated message by its transaction, a lost one it would miss for ever.
 */
export class Outbox {
  readonly #needs: OutboxNeeds
  readonly #messages = new Map<string, OutgoingMessage>()
  /** When each message began to wait for what it waits for, by the clock that never jumps. */
  readonly #waitsSince = new Map<string, number>()
  readonly #byCarrier = new Map<string, string>()
  readonly #answers: Lane = { waiting: [], most: window, inHand: 0 }
  readonly #others: Lane = { waiting: [], most: mostOthers, inHand: 0 }
  readonly #handing = new Set<Promise<void>>()
  readonly #inHand = new Set<string>()
  /** Statuses that came before the message's acceptance did. */
  readonly #early = new Map<string, { readonly status: MessageFate["status"]; readonly detail: string }>()
  #quietUntil = 0
  #isClosed = false

  constructor(needs: OutboxNeeds) {
    this.#needs = needs
  }

  get size(): number {
    return this.#messages.size
  }

  has(reference: string): boolean {
    return this.#messages.has(reference)
  }

  /** Takes in what an earlier run left. */
  async resume(): Promise<void> {
    const rows = await this.#needs.store.messages()
    const doubtful = rows.filter(({ state }) => state === "sending")
    const at = this.#needs.clock.now()
    const changes = doubtful.flatMap((message): Change[] => [
      { put: "message", message: { ...message, state: "waiting" } },
      eventOf({
        at,
        kind: "message.sent-again",
        deviceId: message.deviceId,
        basis: "concluded",
        sentence: `The message ${message.reference} may have gone when the server was ended; it is sent again.`,
      }),
    ])
    await commit(this.#needs, changes)
    for (const message of rows) this.add(message.state === "sending" ? { ...message, state: "waiting" } : message)
  }

  /**
   * The state in which a new message is best saved: `sending` when it can be handed over at once, which spares it a second
   * sync to disk before it leaves.
   */
  firstState(isAnswer = false): "waiting" | "sending" {
    const { waiting, inHand, most } = this.#laneOf(isAnswer)
    const isBusy = inHand + waiting.length >= most || this.#handing.size >= window
    const isQuiet = this.#needs.clock.monotonic() < this.#quietUntil
    return isBusy || isQuiet || this.#isClosed || !this.#needs.carrier.isReady() ? "waiting" : "sending"
  }

  /**
   * Whether messages that are no answers would leave soon, or `away` when nothing leaves at all. Who has many to send keeps
   * them back until there is room: time that a message waits here counts against its validity.
   */
  room(): "some" | "none" | "away" {
    if (this.#others.inHand + this.#others.waiting.length < mostOthers) return "some"
    return this.#needs.carrier.isReady() ? "none" : "away"
  }

  /** A message that was saved. An answer to a device goes before others. */
  add(message: OutgoingMessage, isAnswer = false): void {
    this.#messages.set(message.reference, message)
    // Of what an earlier run left only the date is known, which may have been set since.
    const waited = Math.max(0, this.#needs.clock.now() - (message.sentAt ?? message.createdAt))
    this.#waitsSince.set(message.reference, this.#needs.clock.monotonic() - waited)
    if (message.state !== "sent") this.#laneOf(isAnswer).waiting.push(message.reference)
    if (message.carrierReference !== null) this.#byCarrier.set(message.carrierReference, message.reference)
  }

  /** Hands over what waits, as far as the carrier takes it. */
  kick(): void {
    while (!this.#isClosed && this.#handing.size < window && this.#needs.clock.monotonic() >= this.#quietUntil) {
      const lane = [this.#answers, this.#others].find(
        ({ waiting, inHand, most }) => waiting.length > 0 && inHand < most,
      )
      if (lane === undefined || !this.#needs.carrier.isReady()) return
      const message = this.#messages.get(lane.waiting.shift() ?? "")
      if (message !== undefined) this.#take(message, lane)
    }
  }

  #laneOf(isAnswer: boolean): Lane {
    return isAnswer ? this.#answers : this.#others
  }

  #take(message: OutgoingMessage, lane: Lane): void {
    this.#inHand.add(message.reference)
    lane.inHand++
    const done = this.#handOver(message, lane)
      .catch((error: unknown) => this.#failed(message, lane, error))
      .finally(() => {
        this.#handing.delete(done)
        this.#inHand.delete(message.reference)
        lane.inHand--
        this.kick()
      })
    this.#handing.add(done)
  }

  /** Called about once a second: goes on after a pause, and gives up receipts that never come. */
  async tick(): Promise<void> {
    this.kick()
    const now = this.#needs.clock.monotonic()
    for (const message of this.#messages.values()) {
      const { reference, state, validitySeconds } = message
      const waitedMs = now - (this.#waitsSince.get(reference) ?? now)
      if (state === "sent" && waitedMs > validitySeconds * 1000 + receiptGraceMs) {
        await this.#end(message, "failed", "no receipt came")
      } else if (state !== "sent" && !this.#inHand.has(reference) && waitedMs > validitySeconds * 1000) {
        await this.#end(message, "failed", "it could not be sent in its time")
      }
    }
  }

  /** The carrier says what became of a message. */
  async statusChanged(carrierReference: string, status: MessageFate["status"], detail: string): Promise<void> {
    const message = this.#messages.get(this.#byCarrier.get(carrierReference) ?? "")
    if (message !== undefined) return this.#end(message, status, detail)
    if (this.#handing.size === 0) return
    this.#early.set(carrierReference, { status, detail })
    // Receipts of messages that nobody here sent must not pile up.
    if (this.#early.size > 1000) this.#early.delete(this.#early.keys().next().value ?? "")
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#handing)
  }

  async #handOver(waiting: OutgoingMessage, lane: Lane): Promise<void> {
    const sending = waiting.state === "sending" ? waiting : await this.#save({ ...waiting, state: "sending" })
    const outcome = await this.#needs.carrier.send(sending)
    if (outcome.kind === "accepted") return this.#accepted(sending, outcome.carrierReference)
    if (outcome.kind === "refused" && !outcome.isTemporary) return this.#end(sending, "failed", outcome.words)
    if (outcome.kind === "uncertain") await this.#sayAgain(sending, outcome.words)
    this.#quietUntil = this.#needs.clock.monotonic() + pauseMs
    lane.waiting.push((await this.#save({ ...sending, state: "waiting" })).reference)
  }

  async #accepted(sending: OutgoingMessage, carrierReference: string): Promise<void> {
    const sent = await this.#save({ ...sending, state: "sent", carrierReference, sentAt: this.#needs.clock.now() })
    this.#byCarrier.set(carrierReference, sent.reference)
    this.#waitsSince.set(sent.reference, this.#needs.clock.monotonic())
    const early = this.#early.get(carrierReference)
    this.#early.delete(carrierReference)
    if (early !== undefined) await this.#end(sent, early.status, early.detail)
  }

  async #sayAgain(message: OutgoingMessage, words: string): Promise<void> {
    const event = eventOf({
      at: this.#needs.clock.now(),
      kind: "message.sent-again",
      deviceId: message.deviceId,
      basis: "concluded",
      sentence: `The message ${message.reference} may or may not have gone (${words}); it is sent again.`,
    })
    await commit(this.#needs, [event])
  }

  async #save(message: OutgoingMessage): Promise<OutgoingMessage> {
    await commit(this.#needs, [{ put: "message", message }])
    this.#messages.set(message.reference, message)
    return message
  }

  /** Tells the conversation first: a crash in between tells it twice, which it bears, and never not at all. */
  async #end(message: OutgoingMessage, status: MessageFate["status"], detail: string): Promise<void> {
    await this.#needs.tell({ message, status, detail })
    await commit(this.#needs, [{ remove: "message", id: message.reference }])
    this.#messages.delete(message.reference)
    this.#waitsSince.delete(message.reference)
    if (message.carrierReference !== null) this.#byCarrier.delete(message.carrierReference)
  }

  /** The store did not take it (a full disk): later. */
  #failed(message: OutgoingMessage, lane: Lane, error: unknown): void {
    this.#needs.complain(`the message ${message.reference} was not handed over`, error)
    this.#quietUntil = this.#needs.clock.monotonic() + pauseMs
    lane.waiting.push(message.reference)
  }
}
