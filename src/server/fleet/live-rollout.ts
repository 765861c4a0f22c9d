import { retryAfterMs } from "../../core/domain/plan.ts"
import type { Rollout, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { zoneOf } from "../../core/domain/window.ts"
import { Heap } from "../../core/kit/heap.ts"
import { bucketOf, rankOf } from "../../core/rollout/assign.ts"
import { type Entry, RolloutBook } from "../../core/rollout/book.ts"
import { priced, tariffOf } from "../../core/rollout/budget.ts"
import { OfferQueue } from "../../core/rollout/queue.ts"
import { nothingSpent, sizeOf, type Spent } from "../../core/rollout/tally.ts"
import { Causes } from "./index/causes.ts"
import type { Count } from "./needs.ts"

/** A rollout with what the engine decides by: counters and queues, made from its updates and kept true by each change of one. */
export class LiveRollout {
  rollout: Rollout
  /** State of each device's newest update. */
  readonly states = new Map<string, UpdateState>()
  book: RolloutBook
  /** Why its devices are not done. */
  readonly causes = new Causes()
  /** The rollout's own changes happen one after another; who holds a device's turn may wait for this one, never the other way. */
  turn: Promise<unknown> = Promise.resolve()
  /** The round of offers that is under way. */
  offering: Promise<unknown> = Promise.resolve()
  /** Devices are still joining; null = that is over, or goes on later. */
  enrolment: Promise<void> | null = null
  /** It is being ended: nobody joins any more. */
  isEnding = false
  /** When time alone changes something, ms since 1970 UTC. */
  wakeAt: number | null = null
  readonly #entries = new Map<string, Entry>()
  /** Many devices in a row have the same. */
  #lastEntry: (Entry & { readonly spent: Spent }) | null = null
  readonly #queue = new OfferQueue<string>()
  /** Who is looked at for silence, and when; the heap may hold moments that are no longer meant. */
  readonly #watched = new Map<string, number>()
  readonly #silences = new Heap<{ readonly at: number; readonly deviceId: string }>((a, b) => a.at < b.at)
  /** Its devices were counted before this server started. */
  #isCounted = false
  readonly #retries = new Heap<{ readonly at: number; readonly deviceId: string }>((a, b) => a.at < b.at)

  constructor(rollout: Rollout) {
    this.rollout = rollout
    this.book = new RolloutBook(rollout.plan.phases.length)
    this.setRollout(rollout)
  }

  /** Takes in the rollout as it was saved. */
  setRollout(rollout: Rollout): void {
    const { book } = this
    this.rollout = rollout
    this.#lastEntry = null
    book.state = rollout.state === "running" || rollout.state === "paused" ? rollout.state : "over"
    // Nothing is decided before everybody is counted.
    if (rollout.state === "running" && isEnrolling(rollout)) book.state = "paused"
    book.approvedAt = rollout.marks.approvedAt
    book.paceFrom = rollout.marks.paceFrom
    for (const [index, marks] of rollout.marks.phases.entries()) Object.assign(book.phases[index] ?? {}, marks)
  }

  /** What the counters know of a device; null = it has no update here. */
  entryOf(deviceId: string): Entry | null {
    return this.#entries.get(deviceId) ?? null
  }

  /** Takes in a device's newest update. */
  setUpdate(update: Update, facts: UpdateFacts): void {
    const { deviceId, place } = update
    const after = this.entryFor(update, facts)
    // Whoever was counted before this server started is not counted again.
    const before = this.entryOf(deviceId) ?? (this.#isCounted ? after : null)
    this.states.set(deviceId, update.progress.state)
    this.#entries.set(deviceId, after)
    this.book.move(before, after)
    this.causes.note(update, facts.model ?? "")
    if (update.dueAt !== undefined) this.watchSilence(deviceId, update.dueAt)
    if (after.state !== "waiting") return
    if (after.retryAt === null) this.#enqueue(deviceId, after, place.offers > 0 && place.lastEnd === null)
    else if (after.retryAt !== never) this.#retries.push({ at: after.retryAt, deviceId })
    this.#noteNextRetry()
  }

  /** Takes note of an update as it is in the store, where it was over before this server started: what it changes from is known then. */
  recall(update: Update, facts: UpdateFacts): void {
    if (this.#isCounted && this.entryOf(update.deviceId) === null) this.setUpdate(update, facts)
  }

  /** All its devices. */
  get size(): number {
    return this.book.phases.reduce((sum, phase) => sum + sizeOf(phase), 0)
  }

  /** Takes the counters of a rollout that was over before this server started: its updates stay in the store. */
  takeCounts(counts: readonly Count[]): void {
    this.#isCounted = true
    for (const { phase, name, by } of counts) this.book.count(phase, name, by)
  }

  /**
   * Is counted anew, from all its updates, where it was over before this server started: it goes on, and what is decided of it
   * depends on more than the counters in the store.
   */
  complete(updates: readonly Update[], factsOf: (update: Update) => UpdateFacts): void {
    if (!this.#isCounted) return
    this.#isCounted = false
    this.book = new RolloutBook(this.rollout.plan.phases.length)
    this.#entries.clear()
    this.states.clear()
    this.setRollout(this.rollout)
    for (const update of [...updates].sort(byTry)) this.setUpdate(update, factsOf(update))
  }

  /** Its counters, as the store keeps them. */
  counts(): readonly Count[] {
    const { id } = this.rollout
    const sums = new Map<string, Count & { by: number }>()
    const sum = (phase: number, name: Count["name"], by: number): void => {
      const known = sums.get(`${phase} ${name}`)
      if (known === undefined) sums.set(`${phase} ${name}`, { rolloutId: id, phase, name, by })
      else known.by += by
    }
    for (const { phase, state, offers = 0, spent = nothingSpent } of this.#entries.values()) {
      sum(phase, state, 1)
      sum(phase, "offers", offers)
      sum(phase, "bytes", spent.bytes)
      sum(phase, "sms", spent.sms)
      sum(phase, "money", spent.money)
    }
    return [...sums.values()].filter(({ by }) => by !== 0)
  }

  /** When somebody is silent at the earliest: a moment of uptime, ms; undefined = nobody is waited for. */
  get silentAt(): number | undefined {
    return this.#silences.peek()?.at
  }

  /** Whoever may be silent by now; each is looked at once. */
  takeSilent(uptime: number): readonly string[] {
    const taken = new Set<string>()
    for (let next = this.#silences.peek(); next !== undefined && next.at <= uptime; next = this.#silences.peek()) {
      this.#silences.pop()
      if (this.#watched.get(next.deviceId) !== next.at) continue
      this.#watched.delete(next.deviceId)
      taken.add(next.deviceId)
    }
    return [...taken]
  }

  /** Looks at a device's silence at that moment, or before. */
  watchSilence(deviceId: string, at: number): void {
    const known = this.#watched.get(deviceId)
    if (known !== undefined && known <= at) return
    this.#watched.set(deviceId, at)
    this.#silences.push({ at, deviceId })
  }

  /** Devices whose next try may begin by now join those that wait. */
  letRetry(now: number): void {
    for (let next = this.#retries.peek(); next !== undefined && next.at <= now; next = this.#retries.peek()) {
      this.#retries.pop()
      const entry = this.entryOf(next.deviceId)
      if (entry?.state !== "waiting" || entry.retryAt !== next.at) continue
      const ready = { ...entry, retryAt: null }
      this.book.move(entry, ready)
      this.#entries.set(next.deviceId, ready)
      this.#enqueue(next.deviceId, ready, false)
    }
    this.#noteNextRetry()
  }

  /** The next devices of a phase, at most `count`: they leave the queue. */
  takeNext(phase: number, zones: readonly string[], count: number): readonly string[] {
    const taken = new Set<string>()
    while (taken.size < count) {
      const deviceId = this.#queue.pop(phase, zones)
      if (deviceId === null) break
      const entry = this.entryOf(deviceId)
      if (entry?.state === "waiting" && entry.retryAt === null && entry.phase === phase) taken.add(deviceId)
    }
    return [...taken]
  }

  /** Puts a device back into the queue: it was taken, and nothing came of it. */
  putBack(deviceId: string): void {
    const entry = this.entryOf(deviceId)
    if (entry?.state === "waiting" && entry.retryAt === null) this.#enqueue(deviceId, entry, false)
  }

  /** One whose way has come a hop further goes before those who have not begun. */
  #enqueue(deviceId: string, { phase, zone }: Entry, isOnItsWay: boolean): void {
    const rank = isOnItsWay ? -1 : rankOf(bucketOf(deviceId), this.rollout.marks.rankMultiplier)
    this.#queue.push(phase, zone, { device: deviceId, rank })
  }

  #noteNextRetry(): void {
    const next = this.#retries.peek()
    for (const phase of this.book.phases) phase.nextRetryAt = null
    const phase = this.book.phases[this.entryOf(next?.deviceId ?? "")?.phase ?? -1]
    if (next !== undefined && phase !== undefined) phase.nextRetryAt = next.at
  }

  /** What the counters know of a device whose newest update this is. Devices of which they know the same share it. */
  entryFor(update: Update, { labels, imageBytes }: UpdateFacts): Entry {
    const { plan } = this.rollout
    const { place, image } = update
    const tariff = tariffOf(plan.budget, labels)
    const phase = Math.min(place.phase, plan.phases.length - 1)
    const zone = zoneOf(plan.windows, labels)
    const simPlan = tariff === null ? null : (labels[plan.budget.tariffs?.label ?? ""] ?? null)
    const fate = this.#fateOf(update)
    const bytes = image?.sizeBytes ?? imageBytes
    const sms = messagesOf(this.book, place.spentSms)
    const last = this.#lastEntry
    if (
      last?.state === fate.state &&
      last.lastEnd === fate.lastEnd &&
      last.retryAt === fate.retryAt &&
      last.phase === phase &&
      last.zone === zone &&
      last.simPlan === simPlan &&
      last.offers === place.offers &&
      last.cost.bytes === bytes &&
      last.cost.sms === sms &&
      last.spent.bytes === place.spentBytes &&
      last.spent.sms === place.spentSms
    ) {
      return last
    }
    const cost = priced({ bytes, sms }, tariff)
    const spent = priced({ bytes: place.spentBytes, sms: place.spentSms }, tariff)
    this.#lastEntry = { ...fate, phase, zone, simPlan, offers: place.offers, cost, spent }
    return this.#lastEntry
  }

  #fateOf({ place, progress }: Update): Pick<Entry, "state" | "lastEnd" | "retryAt"> {
    const { state } = progress
    const isWanted = place.isWantedAgain === true && (state === "failed" || state === "no-show")
    if (isWanted) return { state: "waiting", lastEnd: state, retryAt: null }
    const delay = retryAfterMs(this.rollout.plan, { state, tryNumber: place.tryNumber })
    if (delay !== null && (state === "failed" || state === "no-show")) {
      // The next try is an update of its own, which is made when it is offered: until then the last one stands.
      return { state: "waiting", lastEnd: state, retryAt: progress.since + delay }
    }
    const retryAt = state === "waiting" && place.isHeld ? never : null
    return { state, lastEnd: place.lastEnd, retryAt }
  }
}

/** What else counts of an update: the device's labels and model, and what the release takes where no offer says it. */
export interface UpdateFacts {
  readonly labels: Readonly<Record<string, string>>
  readonly imageBytes: number
  readonly model?: string | undefined
}

/** The rollout's own changes, one after another. */
export function inTurn<Result>(live: LiveRollout, deed: () => Promise<Result>): Promise<Result> {
  const done = live.turn.then(deed)
  live.turn = done.catch(() => undefined)
  return done
}

/** A device's tries in their order. */
export function byTry(a: Update, b: Update): number {
  return a.place.tryNumber - b.place.tryNumber
}

/** Whether devices of a rollout are still to join it. */
export function isEnrolling({ marks }: Pick<Rollout, "marks">): boolean {
  return (marks.enrolling ?? null) !== null
}

/** It waits for what the device says, not for a moment. */
const never = Number.MAX_SAFE_INTEGER

/** Messages that a try may take: what the dearest took so far in this rollout. */
function messagesOf(book: RolloutBook, spentSms: number): number {
  return Math.max(book.dearest.sms, spentSms)
}
