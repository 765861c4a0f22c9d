import { advance, type Progress, type UpdateState } from "../domain/update.ts"
import type { EvidenceKind } from "../domain/evidence.ts"
import { type Entry, resumeBook, RolloutBook } from "./book.ts"
import { decide, type Decision } from "./decide.ts"
import { type RolloutPlan, retryAfterMs } from "../domain/plan.ts"
import { OfferQueue } from "./queue.ts"
import { Heap } from "../kit/heap.ts"
import type { Spent } from "./tally.ts"

/** A device of a rollout that is carried out in memory. */
export interface Member {
  readonly phase: number
  readonly zone: string
  readonly rank: number
  readonly cost: Spent
}

/** One device's place in it. */
export interface Row {
  progress: Progress
  tryNumber: number
  lastEnd: Entry["lastEnd"]
  retryAt: number | null
}

interface Retry {
  readonly at: number
  readonly device: number
}

/** A whole rollout in memory: rows, counters and the queue of who comes next. Carries out what the engine decides. */
export class RolloutRun {
  readonly plan: RolloutPlan
  readonly members: readonly Member[]
  readonly rows: readonly Row[]
  readonly book: RolloutBook
  /** How it ended; null = it has not. */
  end: { readonly state: "succeeded" | "failed" | "superseded"; readonly at: number } | null = null
  /** Every decision that steered the rollout, in order. */
  readonly log: { readonly at: number; readonly decision: Decision }[] = []
  readonly #queue = new OfferQueue<number>()
  readonly #retries = new Heap<Retry>((a, b) => a.at < b.at)
  readonly #onOffer: (device: number, now: number) => void

  constructor(plan: RolloutPlan, members: readonly Member[], onOffer: (device: number, now: number) => void) {
    this.plan = plan
    this.members = members
    this.#onOffer = onOffer
    this.book = new RolloutBook(plan.phases.length)
    this.rows = members.map(() => ({ progress: fresh, tryNumber: 1, lastEnd: null, retryAt: null }))
    for (const [device, { phase, zone, rank }] of members.entries()) {
      this.book.move(null, this.entry(device))
      this.#queue.push(phase, zone, { device, rank })
    }
  }

  /** What the counters know of a device. */
  entry(device: number): Entry {
    const { phase, zone, cost } = this.#member(device)
    const { progress, lastEnd, retryAt } = this.#row(device)
    return { phase, zone, cost, state: progress.state, lastEnd, retryAt }
  }

  stateOf(device: number): UpdateState {
    return this.#row(device).progress.state
  }

  /** Takes in what happened to a device; false = it changed nothing. */
  take(device: number, kind: EvidenceKind, now: number): boolean {
    const row = this.#row(device)
    const next = advance(row.progress, { kind, basis: "observed", at: now, sentence: `${kind} ${now}` })
    if (next === null || this.end !== null) return false
    const before = this.entry(device)
    row.progress = next
    this.#retryLater(device, row, now)
    this.book.move(before, this.entry(device))
    return true
  }

  /** A try that ended badly is followed by another one, where the plan allows it: a new row in the server. */
  #retryLater(device: number, row: Row, now: number): void {
    const { state } = row.progress
    const delay = retryAfterMs(this.plan, { state, tryNumber: row.tryNumber })
    if (delay === null || (state !== "failed" && state !== "no-show")) return
    row.progress = { ...fresh, since: now }
    row.tryNumber++
    row.lastEnd = state
    row.retryAt = now + delay
    this.#retries.push({ at: row.retryAt, device })
    this.#noteNextRetry()
  }

  /** Lets the engine decide and does what it says, until only time or a device can change something; when to come back. */
  settle(now: number): number | null {
    for (;;) {
      const step = this.settleStep(now)
      if (step.isDone) return step.wakeAt
    }
  }

  /** One step of that: at most so many devices are offered something in it. */
  settleStep(now: number): { readonly isDone: boolean; readonly wakeAt: number | null } {
    this.#letRetry(now)
    const decisions = decide(this.plan, this.book, now)
    const wake = decisions.find((decision) => decision.kind === "wake")
    if (decisions.length === 0 || wake !== undefined) return { isDone: true, wakeAt: wake?.at ?? null }
    for (const decision of decisions) this.#carryOut(decision, now)
    return { isDone: false, wakeAt: null }
  }

  pause(): void {
    if (this.book.state === "running") this.book.state = "paused"
  }

  resume(now: number): void {
    if (this.book.state === "paused") resumeBook(this.book, now)
  }

  #letRetry(now: number): void {
    for (let next = this.#retries.peek(); next !== undefined && next.at <= now; next = this.#retries.peek()) {
      this.#retries.pop()
      const { device } = next
      const row = this.#row(device)
      if (row.retryAt !== next.at || row.progress.state !== "waiting") continue
      const before = this.entry(device)
      row.retryAt = null
      this.book.move(before, this.entry(device))
      const { phase, zone, rank } = this.#member(device)
      this.#queue.push(phase, zone, { device, rank })
    }
    this.#noteNextRetry()
  }

  #noteNextRetry(): void {
    const next = this.#retries.peek()
    for (const phase of this.book.phases) phase.nextRetryAt = null
    const phase = next === undefined ? undefined : this.book.phases[this.#member(next.device).phase]
    if (phase !== undefined && next !== undefined) phase.nextRetryAt = next.at
  }

  #carryOut(decision: Decision, now: number): void {
    if (decision.kind !== "offer") this.log.push({ at: now, decision })
    const { book } = this
    if (decision.kind === "pause" || decision.kind === "roll-back") book.state = "paused"
    else if (decision.kind === "finish") {
      book.state = "over"
      this.end = { state: decision.end, at: now }
    } else if (decision.kind === "offer") this.#offer(decision, now)
    else if (decision.kind !== "wake") {
      const phase = book.phases[decision.phase]
      if (phase === undefined) return
      if (decision.kind === "note-enough") phase.enoughAt = now
      else {
        phase.openedAt = now
        book.paceFrom ??= { at: now, offered: book.offered }
      }
    }
  }

  #offer({ phase, count, zones }: Extract<Decision, { readonly kind: "offer" }>, now: number): void {
    for (let left = Math.min(count, mostAtOnce); left > 0; left--) {
      const device = this.#queue.pop(phase, zones)
      if (device === null) throw new Error(`phase ${phase} has counted a device that does not wait`)
      // One that left the line meanwhile keeps its place in it until its turn comes.
      if (this.stateOf(device) !== "waiting" || this.#row(device).retryAt !== null) {
        left++
        continue
      }
      this.book.offered++
      this.take(device, "offer-made", now)
      this.#onOffer(device, now)
    }
  }

  #row(device: number): Row {
    const row = this.rows[device]
    if (row === undefined) throw new Error(`the rollout has no device ${device}`)
    return row
  }

  #member(device: number): Member {
    const member = this.members[device]
    if (member === undefined) throw new Error(`the rollout has no device ${device}`)
    return member
  }
}

/** Devices that are offered something in one step. */
const mostAtOnce = 500

const fresh: Progress = { state: "waiting", attempt: 1, basis: "observed", since: 0, sentence: "", code: null }
