import { retryAfterMs } from "../../core/domain/plan.ts"
import type { Rollout, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { zoneOf } from "../../core/domain/window.ts"
import { Heap } from "../../core/kit/heap.ts"
import { bucketOf, rankOf } from "../../core/rollout/assign.ts"
import { type Entry, RolloutBook } from "../../core/rollout/book.ts"
import { priced, tariffOf } from "../../core/rollout/budget.ts"
import { OfferQueue } from "../../core/rollout/queue.ts"
import { Causes } from "./index/causes.ts"

/** A rollout with what the engine decides by: counters and queues, made from its updates and kept true by each change of one. */
export class LiveRollout {
  rollout: Rollout
  /** State of each device's newest update. */
  readonly states = new Map<string, UpdateState>()
  readonly book: RolloutBook
  /** Why its devices are not done. */
  readonly causes = new Causes()
  /** The rollout's own changes happen one after another; who holds a device's turn may wait for this one, never the other way. */
  turn: Promise<unknown> = Promise.resolve()
  /** The round of offers that is under way. */
  offering: Promise<unknown> = Promise.resolve()
  /** When time alone changes something, ms since 1970 UTC. */
  wakeAt: number | null = null
  readonly #entries = new Map<string, Entry>()
  readonly #queue = new OfferQueue<string>()
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
    book.state = rollout.state === "running" || rollout.state === "paused" ? rollout.state : "over"
    book.approvedAt = rollout.marks.approvedAt
    book.paceFrom = rollout.marks.paceFrom
    for (const [index, marks] of rollout.marks.phases.entries()) Object.assign(book.phases[index] ?? {}, marks)
  }

  /** What the counters know of a device; null = it has no update here. */
  entryOf(deviceId: string): Entry | null {
    return this.#entries.get(deviceId) ?? null
  }

  /** Takes in a device's newest update. `imageBytes`: what the release takes where no offer says it. */
  setUpdate(update: Update, { labels, imageBytes, model = "" }: DeviceFacts): void {
    const { deviceId, place } = update
    const before = this.entryOf(deviceId)
    const after = this.#entryFrom(update, labels, imageBytes)
    this.states.set(deviceId, update.progress.state)
    this.#entries.set(deviceId, after)
    this.book.move(before, after)
    this.causes.note(update, model)
    if (after.state !== "waiting") return
    if (after.retryAt === null) this.#enqueue(deviceId, after, place.offers > 0 && place.lastEnd === null)
    else if (after.retryAt !== never) this.#retries.push({ at: after.retryAt, deviceId })
    this.#noteNextRetry()
  }

  /** A device left the fleet. */
  removeDevice(deviceId: string): void {
    this.book.move(this.entryOf(deviceId), null)
    this.#entries.delete(deviceId)
    this.states.delete(deviceId)
    this.causes.forget(deviceId)
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

  #entryFrom(update: Update, labels: Readonly<Record<string, string>>, imageBytes: number): Entry {
    const { plan } = this.rollout
    const { place, progress, image } = update
    const tariff = tariffOf(plan.budget, labels)
    const common = {
      phase: Math.min(place.phase, plan.phases.length - 1),
      zone: zoneOf(plan.windows, labels),
      cost: priced({ bytes: image?.sizeBytes ?? imageBytes, sms: messagesOf(this.book, place.spentSms) }, tariff),
      spent: priced({ bytes: place.spentBytes, sms: place.spentSms }, tariff),
      offers: place.offers,
      simPlan: tariff === null ? null : (labels[plan.budget.tariffs?.label ?? ""] ?? null),
    }
    const { state } = progress
    const isWanted = place.isWantedAgain === true && (state === "failed" || state === "no-show")
    if (isWanted) return { ...common, state: "waiting", lastEnd: state, retryAt: null }
    const delay = retryAfterMs(plan, { state, tryNumber: place.tryNumber })
    if (delay !== null && (state === "failed" || state === "no-show")) {
      // The next try is an update of its own, which is made when it is offered: until then the last one stands.
      return { ...common, state: "waiting", lastEnd: state, retryAt: progress.since + delay }
    }
    const retryAt = state === "waiting" && place.isHeld ? never : null
    return { ...common, state, lastEnd: place.lastEnd, retryAt }
  }
}

/** What a rollout's counters take from a device. */
interface DeviceFacts {
  readonly labels: Readonly<Record<string, string>>
  readonly imageBytes: number
  readonly model?: string | undefined
}

/** It waits for what the device says, not for a moment. */
const never = Number.MAX_SAFE_INTEGER

/** Messages that a try may take: what the dearest took so far in this rollout. */
function messagesOf(book: RolloutBook, spentSms: number): number {
  return Math.max(book.dearest.sms, spentSms)
}
