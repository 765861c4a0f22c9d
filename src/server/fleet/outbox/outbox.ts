import { engine } from "../../../core/domain/actor.ts"
import type { OutgoingMessage } from "../../../core/domain/records.ts"
import { commit, eventOf } from "../commit.ts"
import type { FleetNeeds } from "../fleet-needs.ts"
import type { Change } from "../needs.ts"
import type { Carrier, CarrierOutcome, MessageFate, StatusHints } from "./carrier.ts"
import { CarrierNames } from "./carrier-names.ts"
import { Doubts } from "./doubts.ts"
import { isFull, type Lane, Lanes, window } from "./lanes.ts"

export type OutboxNeeds = Pick<FleetNeeds, "clock" | "store" | "events" | "live"> & {
  readonly carrier: Carrier
  /** Tells the conversation; its own work is durable when this resolves. */
  readonly tell: (fate: MessageFate) => Promise<void>
  readonly complain: (what: string, error: unknown) => void
}

/** Pause after a temporary refusal or a carrier that is away, ms; twice as long after each refusal in a row, up to the longest. */
const pauseMs = 2000
const longestPauseMs = 60_000
/** A receipt that has not come so long after a message's validity never will, ms. */
const receiptGraceMs = 300_000

/**
 * Messages to devices, each a row until its fate is known. What a crash leaves in the middle of being handed over is sent again,
 * and the event log says so: a device knows a repeated message by its transaction, a lost one it would miss for ever. What the
 * carrier does not answer is sent twice more at most.
 */
export class Outbox {
  readonly #needs: OutboxNeeds
  readonly #messages = new Map<string, OutgoingMessage>()
  /** When each message began to wait for what it waits for, by the clock that never jumps. */
  readonly #waitsSince = new Map<string, number>()
  readonly #names = new CarrierNames(this.#messages)
  readonly #lanes = new Lanes()
  readonly #handing = new Set<Promise<void>>()
  readonly #inHand = new Set<string>()
  readonly #doubts: Doubts
  /** The last word of a carrier that does not know itself. */
  readonly #lastWords = new Map<string, string>()
  /** Ends that are being told and committed, by reference. */
  readonly #ending = new Map<string, Promise<void>>()
  #quietUntil = 0
  #refusalsInARow = 0
  #isClosed = false

  constructor(needs: OutboxNeeds) {
    this.#needs = needs
    this.#doubts = new Doubts(needs.clock.monotonic)
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
    await commit(this.#needs, engine, changes)
    for (const message of rows) {
      if (message.state === "sending") this.#doubts.resume(message.reference)
      if (message.state === "doubtful") this.#doubts.resumeLast(message.reference)
      this.add(message.state === "sending" ? { ...message, state: "waiting" } : message)
    }
  }

  /**
   * The state in which a new message is best saved: `sending` when it can be handed over at once, which spares it a second
   * sync to disk before it leaves.
   */
  firstState(isAnswer = false): "waiting" | "sending" {
    const isBusy = isFull(this.#lanes.of(isAnswer)) || this.#handing.size >= window
    const isQuiet = this.#needs.clock.monotonic() < this.#quietUntil
    return isBusy || isQuiet || this.#isClosed || !this.#needs.carrier.isReady() ? "waiting" : "sending"
  }

  /**
   * Whether messages that are no answers would leave soon, or `away` when nothing leaves at all. Who has many to send keeps
   * them back until there is room: time that a message waits here counts against its validity.
   */
  room(): "some" | "none" | "away" {
    if (!isFull(this.#lanes.others)) return "some"
    return this.#needs.carrier.isReady() ? "none" : "away"
  }

  /** A message that was saved. An answer to a device goes before others. */
  add(message: OutgoingMessage, isAnswer = false): void {
    this.#messages.set(message.reference, message)
    // Of what an earlier run left only the date is known, which may have been set since.
    const waited = Math.max(0, this.#needs.clock.now() - (message.sentAt ?? message.createdAt))
    this.#waitsSince.set(message.reference, this.#needs.clock.monotonic() - waited)
    const isWaiting = message.state === "waiting" || message.state === "sending"
    if (isWaiting) this.#lanes.of(isAnswer).waiting.push(message.reference)
    this.#names.add(message.carrierReference, message.reference)
  }

  /** Hands over what waits, as far as the carrier takes it. */
  kick(): void {
    while (!this.#isClosed && this.#handing.size < window && this.#needs.clock.monotonic() >= this.#quietUntil) {
      const lane = this.#lanes.next()
      if (lane === undefined || !this.#needs.carrier.isReady()) return
      const message = this.#messages.get(lane.waiting.shift() ?? "")
      // An answer that came late may have settled it since.
      if (message !== undefined && message.state !== "sent") this.#take(message, lane)
    }
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
        const said = this.#lastWords.get(reference)
        await this.#end(message, "failed", said === undefined ? "no receipt came" : `the carrier says ${said}`)
      } else if (state === "doubtful" && waitedMs > validitySeconds * 1000) {
        await this.#end(message, "failed", "whether it went is not known: the carrier did not answer")
      } else if (state === "doubtful") {
        await this.#sendAgainWhenDue(message, now)
      } else if (state !== "sent" && !this.#inHand.has(reference) && waitedMs > validitySeconds * 1000) {
        await this.#end(message, "failed", "it could not be sent in its time")
      }
    }
  }

  /** The carrier says what became of a message. */
  async statusChanged(
    carrierReference: string,
    status: MessageFate["status"] | "unknown",
    detail: string,
    hints: StatusHints = {},
  ): Promise<void> {
    const message = this.#names.named(carrierReference, hints)
    if (message !== undefined) return this.#takeStatus(message, status, detail)
    if (this.#handing.size === 0 && this.#doubts.size === 0) return
    this.#names.keepEarly(carrierReference, { status, detail, ...hints })
  }

  async #takeStatus(
    message: OutgoingMessage,
    status: MessageFate["status"] | "unknown",
    detail: string,
  ): Promise<void> {
    const { reference } = message
    // Of several copies that may have gone one that failed says nothing of the others.
    const mayHaveOthers = status === "failed" && this.#doubts.get(reference) !== undefined
    if (status !== "unknown" && !mayHaveOthers) return this.#end(message, status, detail)
    this.#lastWords.set(reference, mayHaveOthers ? `${detail} of one copy; whether another came is not known` : detail)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#handing)
  }

  async #handOver(waiting: OutgoingMessage, lane: Lane): Promise<void> {
    const sending = waiting.state === "sending" ? waiting : await this.#save({ ...waiting, state: "sending" })
    const outcome = await this.#needs.carrier.send(sending)
    if (outcome.kind === "accepted") return this.#accepted(sending, outcome.carrierReference)
    if (outcome.kind === "refused" && !outcome.isTemporary) return this.#refused(sending, outcome.words)
    if (outcome.kind === "uncertain") return this.#doubt(sending, outcome)
    const longer = outcome.kind === "refused" ? 2 ** this.#refusalsInARow++ : 1
    this.#quietUntil = this.#needs.clock.monotonic() + Math.min(longestPauseMs, pauseMs * longer)
    lane.waiting.push((await this.#save({ ...sending, state: "waiting" })).reference)
  }

  /** A copy that is refused for good says nothing of those before it that may have gone. */
  #refused(sending: OutgoingMessage, words: string): Promise<void> {
    const mayHaveGone = this.#doubts.get(sending.reference) !== undefined
    return this.#end(
      sending,
      "failed",
      mayHaveGone ? `whether it went is not known, and another copy is not sent: ${words}` : words,
    )
  }

  async #accepted(sending: OutgoingMessage, carrierReference: string): Promise<void> {
    this.#refusalsInARow = 0
    const sent = await this.#save({ ...sending, state: "sent", carrierReference, sentAt: this.#needs.clock.now() })
    this.#names.add(carrierReference, sent.reference)
    this.#waitsSince.set(sent.reference, this.#needs.clock.monotonic())
    await this.#takeEarly(sent)
  }

  async #takeEarly(sent: OutgoingMessage): Promise<void> {
    const early = this.#names.takeEarly(sent)
    if (early !== undefined) await this.#takeStatus(sent, early.status, early.detail)
  }

  /** Not sent again before some time has passed, in which an answer may still come. */
  async #doubt(
    sending: OutgoingMessage,
    { words, later }: Extract<CarrierOutcome, { readonly kind: "uncertain" }>,
  ): Promise<void> {
    const { reference } = sending
    const pauseMs = this.#doubts.again(reference)
    const next = pauseMs === null ? "it is not sent again" : `it is sent again in ${pauseMs / 1000} s unless it answers`
    await this.#save(
      { ...sending, state: "doubtful" },
      eventOf({
        at: this.#needs.clock.now(),
        kind: "message.doubtful",
        deviceId: sending.deviceId,
        basis: "concluded",
        sentence: `The message ${reference} may or may not have gone (${words}); ${next}.`,
      }),
    )
    later
      ?.then((outcome) => this.#takeLate(reference, outcome))
      .catch((error: unknown) => {
        this.#needs.complain(`the late answer to the message ${reference} was not kept`, error)
      })
  }

  async #sendAgainWhenDue(message: OutgoingMessage, nowMs: number): Promise<void> {
    const { reference, deviceId } = message
    const doubt = this.#doubts.get(reference)
    if (doubt?.dueMs == null || doubt.dueMs > nowMs || this.#inHand.has(reference)) return
    doubt.dueMs = null
    await this.#save(
      { ...message, state: "waiting" },
      eventOf({
        at: this.#needs.clock.now(),
        kind: "message.sent-again",
        deviceId,
        basis: "concluded",
        sentence: `The message ${reference} may have gone ${times(doubt.times)}; it is sent once more.`,
      }),
    )
    this.#lanes.others.waiting.push(reference)
    this.kick()
  }

  /** The answer to a copy of a message came after it was given up. */
  async #takeLate(reference: string, outcome: CarrierOutcome): Promise<void> {
    const message = this.#messages.get(reference)
    if (message === undefined || outcome.kind === "uncertain") return
    if (message.state === "sent" || this.#inHand.has(reference)) {
      if (outcome.kind !== "accepted" || outcome.carrierReference === "") return
      this.#names.add(outcome.carrierReference, reference)
      this.#doubts.get(reference)?.names.push(outcome.carrierReference)
      return
    }
    if (outcome.kind === "accepted") return this.#accepted(message, outcome.carrierReference)
    if (outcome.kind === "refused" && !outcome.isTemporary) return this.#end(message, "failed", outcome.words)
    if (message.state !== "doubtful") return
    // It did not go: this copy counts for nothing.
    this.#lanes.others.waiting.push((await this.#save({ ...message, state: "waiting" })).reference)
  }

  async #save(message: OutgoingMessage, event?: Change): Promise<OutgoingMessage> {
    await commit(this.#needs, engine, [{ put: "message", message }, ...(event === undefined ? [] : [event])])
    this.#messages.set(message.reference, message)
    return message
  }

  /** The first word of an end counts: a receipt that comes twice, perhaps at once, is one end. */
  #end(message: OutgoingMessage, status: MessageFate["status"], detail: string): Promise<void> {
    const { reference } = message
    const begun = this.#ending.get(reference)
    if (begun !== undefined) return begun
    const ending = this.#endOnce(message, status, detail).finally(() => this.#ending.delete(reference))
    this.#ending.set(reference, ending)
    return ending
  }

  /** Tells the conversation first: a crash in between tells it twice, which it bears, and never not at all. */
  async #endOnce(message: OutgoingMessage, status: MessageFate["status"], detail: string): Promise<void> {
    await this.#needs.tell({ message, status, detail })
    await commit(this.#needs, engine, [{ remove: "message", id: message.reference }])
    this.#messages.delete(message.reference)
    this.#waitsSince.delete(message.reference)
    this.#names.delete(message.carrierReference)
    for (const name of this.#doubts.get(message.reference)?.names ?? []) this.#names.delete(name)
    this.#doubts.delete(message.reference)
    this.#lastWords.delete(message.reference)
  }

  /** The store did not take it (a full disk): later. */
  #failed(message: OutgoingMessage, lane: Lane, error: unknown): void {
    this.#needs.complain(`the message ${message.reference} was not handed over`, error)
    this.#quietUntil = this.#needs.clock.monotonic() + pauseMs
    lane.waiting.push(message.reference)
  }
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`
}
