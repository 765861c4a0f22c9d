import { Heap } from "../kit/heap.ts"
import { bucketOf, rankOf } from "./assign.ts"
import { type RolloutPlan, silenceLimitMs } from "../domain/plan.ts"
import { RolloutRun } from "./run.ts"
import type { Spent } from "./tally.ts"

/** A device of the twin fleet: what the rehearsal knows of a real one. */
export interface TwinDevice {
  readonly id: string
  readonly phase: number
  /** Family and model in one text. */
  readonly kind: string
  readonly family: string
  /** Time zone of its windows; `""` without windows. */
  readonly zone: string
  /** Usual time between two contacts, and how far half of them stay from it, ms. */
  readonly rhythm: { readonly medianMs: number; readonly spreadMs: number }
  /** What one whole try takes. */
  readonly cost: Spent
  /** It runs the release already. */
  readonly isThere: boolean
  /** It cannot take the release. */
  readonly isImpossible: boolean
}

/** How probably things go wrong, 0 to 1. */
export interface Odds {
  /** A transfer is cut and begun anew. */
  readonly cut: number
  /** A try fails, and the device says so. */
  readonly failure: number
  /** A device that installs is never heard of again. */
  readonly silence: number
}

export interface RehearsalWish {
  readonly plan: RolloutPlan
  readonly devices: readonly TwinDevice[]
  /** The odds of a kind of device; `any` for those that are not named. */
  readonly odds: Readonly<Record<string, Odds>> & { readonly any: Odds }
  readonly seed: number
  /** Where it begins, ms since 1970 UTC. */
  readonly startsAt: number
  /** The rehearsal ends after this, whatever has come of the rollout, ms. */
  readonly horizonMs: number
  /** Whether an operator lets the rollout go on after each pause, and how long that takes, ms; null = nobody does. */
  readonly resumesAfterMs: number | null
}

export interface Rehearsal {
  /** Until the rollout ended, or until nothing more happened in it, ms. */
  readonly durationMs: number
  readonly bytes: number
  readonly sms: number
  readonly money: number
  readonly succeeded: number
  readonly failed: number
  readonly noShow: number
  /** Devices that were not at their end. */
  readonly unfinished: number
  readonly end: "succeeded" | "failed" | "superseded" | "paused" | "running"
  readonly pauses: readonly { readonly atMs: number; readonly reason: string }[]
  /** When each phase opened, ms from the start; null = it did not. */
  readonly phasesOpenedMs: readonly (number | null)[]
  /** Some of those that failed, fell silent or were not at their end. */
  readonly stuck: readonly { readonly device: string; readonly state: string }[]
}

interface Moment {
  readonly at: number
  readonly what: "contact" | "silence" | "wake" | "resume"
  readonly device: number
  readonly tryNumber: number
}

/** What a device of the twin fleet is doing. */
interface Doing {
  lastSeenAt: number
  /** It has installed and boots; the next contact shows what came of it. */
  outcome: "none" | "good" | "bad" | "mute"
}

/** Yields now and then, so that who runs it can let others have their turn; the share of the horizon that is over. */
export type Running = Generator<number, Rehearsal, undefined>

/** Devices listed as stuck, at most. */
const mostStuck = 20
/** Devices that something happens to between two yields: a few milliseconds. */
const workAtOnce = 500

/**
 * Runs a plan against a twin of the fleet on a clock of its own: the engine is the same, the devices are what is known of the
 * real ones. The same wish gives the same answer.
 */
export function* rehearse(wish: RehearsalWish): Running {
  const twin = new Twin(wish)
  let work = 0
  for (let done = twin.step(); done > 0; done = twin.step()) {
    work += done
    if (work < workAtOnce) continue
    work = 0
    yield twin.progress
  }
  return twin.result()
}

class Twin {
  readonly #wish: RehearsalWish
  readonly #run: RolloutRun
  readonly #moments = new Heap<Moment>((a, b) => a.at < b.at)
  readonly #doing: readonly Doing[]
  readonly #random: () => number
  readonly #pauses: { atMs: number; reason: string }[] = []
  readonly #startsAt: number
  #now: number
  #lastChange: number
  #wakeAt = Infinity
  #loggedTo = 0
  #isSettled = false

  constructor(wish: RehearsalWish) {
    this.#wish = wish
    this.#random = randomNumbers(wish.seed)
    this.#startsAt = wish.startsAt
    this.#now = wish.startsAt
    this.#lastChange = wish.startsAt
    this.#doing = wish.devices.map(() => ({ lastSeenAt: wish.startsAt, outcome: "none" }))
    const multiplier = 1 + Math.floor(this.#random() * 1e9)
    const members = wish.devices.map(({ id, phase, zone, cost }) => ({
      phase,
      zone,
      cost,
      rank: rankOf(bucketOf(id), multiplier),
    }))
    this.#run = new RolloutRun(wish.plan, members, (device, now) => this.#offered(device, now))
    this.#run.book.approvedAt = wish.startsAt
    for (const [device, { isThere }] of wish.devices.entries()) {
      if (isThere) this.#run.take(device, "left-alone", wish.startsAt)
    }
  }

  get progress(): number {
    return Math.min(1, (this.#now - this.#startsAt) / this.#wish.horizonMs)
  }

  /** Lets the next thing happen, or the engine take its next step; about how many devices that was, 0 = there is nothing more. */
  step(): number {
    const { offered } = this.#run.book
    if (!this.#isSettled) {
      this.#settle()
      return 1 + this.#run.book.offered - offered
    }
    const moment = this.#moments.pop()
    const isOver = this.#run.end !== null
    if (moment === undefined || isOver || moment.at > this.#startsAt + this.#wish.horizonMs) return 0
    this.#now = moment.at
    if (moment.what === "contact") this.#contact(moment)
    else if (moment.what === "silence") this.#silence(moment)
    else if (moment.what === "resume") this.#run.resume(this.#now)
    if (moment.what === "wake") this.#wakeAt = Infinity
    this.#isSettled = false
    return 1
  }

  #settle(): void {
    const { isDone, wakeAt: wake } = this.#run.settleStep(this.#now)
    this.#isSettled = isDone
    if (isDone) this.#openGates()
    if (wake !== null && wake < this.#wakeAt) {
      this.#wakeAt = wake
      this.#moments.push({ at: wake, what: "wake", device: -1, tryNumber: 0 })
    }
    for (; this.#loggedTo < this.#run.log.length; this.#loggedTo++) {
      const decision = this.#run.log[this.#loggedTo]?.decision
      this.#lastChange = this.#now
      if (decision?.kind !== "pause" && decision?.kind !== "roll-back") continue
      this.#pauses.push({ atMs: Math.round(this.#now - this.#startsAt), reason: decision.reason })
      const { resumesAfterMs } = this.#wish
      if (resumesAfterMs !== null) {
        this.#moments.push({ at: this.#now + resumesAfterMs, what: "resume", device: -1, tryNumber: 0 })
      }
    }
  }

  /** In a rehearsal somebody opens every gate at once. */
  #openGates(): void {
    const gated = this.#run.book.phases.find(({ openedAt }) => openedAt === null)
    if (gated === undefined || gated.gateOpenedAt !== null) return
    gated.gateOpenedAt = this.#now
    this.#moments.push({ at: this.#now, what: "wake", device: -1, tryNumber: 0 })
  }

  #offered(device: number, now: number): void {
    const { rhythm, isImpossible } = this.#device(device)
    const doing = this.#doingOf(device)
    doing.lastSeenAt = now
    if (isImpossible) {
      this.#run.take(device, "offer-impossible", now)
      return
    }
    // Nobody knows where in its rhythm it is; one that has gone mute never comes.
    if (doing.outcome !== "mute") this.#meet(device, now + this.#random() * rhythm.medianMs)
    this.#watch(device, now)
  }

  #meet(device: number, at: number): void {
    this.#moments.push({ at, what: "contact", device, tryNumber: this.#tryOf(device) })
  }

  #watch(device: number, from: number): void {
    const { family, rhythm } = this.#device(device)
    const state = this.#run.stateOf(device)
    const limit = silenceLimitMs(this.#wish.plan, { state, family, rhythmMs: rhythm.medianMs })
    this.#moments.push({ at: from + limit, what: "silence", device, tryNumber: this.#tryOf(device) })
  }

  #silence({ device, at, tryNumber }: Moment): void {
    if (tryNumber !== this.#tryOf(device)) return
    const { family, rhythm } = this.#device(device)
    const { lastSeenAt } = this.#doingOf(device)
    const state = this.#run.stateOf(device)
    const dueAt = lastSeenAt + silenceLimitMs(this.#wish.plan, { state, family, rhythmMs: rhythm.medianMs })
    if (dueAt > at) this.#moments.push({ at: dueAt, what: "silence", device, tryNumber })
    else if (this.#run.take(device, "silence", at)) this.#lastChange = at
  }

  /** One contact: the device reads the offer and fetches it, or shows what came of installing it. */
  #contact({ device, at, tryNumber }: Moment): void {
    if (tryNumber !== this.#tryOf(device)) return
    const doing = this.#doingOf(device)
    doing.lastSeenAt = at
    const { rhythm } = this.#device(device)
    if (this.#run.stateOf(device) === "downloaded" && doing.outcome !== "none") {
      this.#run.take(device, doing.outcome === "good" ? "left-alone" : "install-failed", at)
      doing.outcome = "none"
      this.#lastChange = at
      return
    }
    // A paused rollout lets a device finish what it has begun and nothing else.
    const mayBegin = this.#run.book.state === "running" || this.#run.stateOf(device) === "downloading"
    if (mayBegin) this.#fetch(device, at)
    if (doing.outcome !== "mute") this.#meet(device, at + this.#gap(rhythm))
  }

  #fetch(device: number, at: number): void {
    const { kind, cost } = this.#device(device)
    const doing = this.#doingOf(device)
    const odds = this.#wish.odds[kind] ?? this.#wish.odds.any
    this.#lastChange = at
    this.#run.take(device, "offer-read", at)
    this.#run.take(device, "transfer-started", at)
    if (this.#random() < odds.cut) {
      this.#run.book.spend({ ...cost, bytes: Math.round(cost.bytes * this.#random()), sms: 0, money: 0 })
      this.#run.take(device, "transfer-cut", at)
      return
    }
    this.#run.book.spend(cost)
    this.#run.take(device, "transfer-finished", at)
    const luck = this.#random()
    doing.outcome = luck < odds.silence ? "mute" : luck < odds.silence + odds.failure ? "bad" : "good"
  }

  /** Time until the next contact: half of them within the spread, the others up to three times as far. */
  #gap({ medianMs, spreadMs }: TwinDevice["rhythm"]): number {
    const side = this.#random() < 0.5 ? -1 : 1
    const far = this.#random() < 0.5 ? this.#random() : 1 + 2 * this.#random()
    return Math.max(medianMs / 10, medianMs + side * far * spreadMs)
  }

  result(): Rehearsal {
    const { book, end, rows } = this.#run
    const count = (state: string): number => rows.filter(({ progress }) => progress.state === state).length
    const [succeeded, failed, noShow, declined] = ["succeeded", "failed", "no-show", "declined"].map(count) as [
      number,
      number,
      number,
      number,
    ]
    const stuck = rows.flatMap(({ progress }, device) =>
      progress.state === "succeeded" ? [] : [{ device: this.#device(device).id, state: progress.state }],
    )
    return {
      durationMs: Math.round((end?.at ?? this.#lastChange) - this.#startsAt),
      ...book.spent,
      succeeded,
      failed,
      noShow,
      unfinished: rows.length - succeeded - failed - noShow - declined,
      end: end?.state ?? (book.state === "paused" ? "paused" : "running"),
      pauses: this.#pauses,
      phasesOpenedMs: book.phases.map(({ openedAt }) =>
        openedAt === null ? null : Math.round(openedAt - this.#startsAt),
      ),
      stuck: stuck.slice(0, mostStuck),
    }
  }

  #device(device: number): TwinDevice {
    const found = this.#wish.devices[device]
    if (found === undefined) throw new Error(`the twin fleet has no device ${device}`)
    return found
  }

  #doingOf(device: number): Doing {
    const found = this.#doing[device]
    if (found === undefined) throw new Error(`the twin fleet has no device ${device}`)
    return found
  }

  #tryOf(device: number): number {
    return this.#run.rows[device]?.tryNumber ?? 0
  }
}

/** Numbers from 0 to 1 (mulberry32): the same seed gives the same ones. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The rehearsal whose duration is in the middle. */
export function typicalOf(all: readonly Rehearsal[]): Rehearsal {
  const sorted = [...all].sort((a, b) => a.durationMs - b.durationMs)
  const middle = sorted[sorted.length >> 1]
  if (middle === undefined) throw new Error("no rehearsal was run")
  return middle
}
