import { type UpdateState, updateStates } from "../domain/update.ts"
import { inMillionths, nothingSpent, type PhaseTally, type Spent, type Tally } from "./tally.ts"

/** What the counters know of one device in a rollout: its newest try. */
export interface Entry {
  readonly phase: number
  readonly state: UpdateState
  /** Time zone of its windows; `""` without windows. */
  readonly zone: string
  /** How the try before ended; null = this is the first. */
  readonly lastEnd: "failed" | "no-show" | null
  /** It may not be offered the update before, ms since 1970 UTC; null = it may. */
  readonly retryAt: number | null
  /** What one try may spend. */
  readonly cost: Spent
  /** What it has spent; absent = that is told by `spend`. */
  readonly spent?: Spent
  /** Its SIM plan, where the plan's tariffs name it. */
  readonly simPlan?: string | null
  /** Offers made to it; absent = that is counted by who makes them. */
  readonly offers?: number
}

interface PlanCounters {
  spent: Spent
  reserved: Spent
  dearest: Spent
  waiting: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface PhaseCounters extends Mutable<PhaseTally> {
  counts: Partial<Record<UpdateState, number>>
  ready: Record<string, number>
  again: { failed: number; noShow: number }
}

/** A rollout's counters: every move of a device changes them by one, nothing is ever counted anew. */
export class RolloutBook implements Tally {
  state: Tally["state"] = "running"
  approvedAt: number | null = null
  readonly phases: readonly PhaseCounters[]
  offered = 0
  paceFrom: Tally["paceFrom"] = null
  spent: Spent = nothingSpent
  dearest: Spent = nothingSpent
  readonly simPlans: Record<string, PlanCounters> = {}
  #reserved: Spent = nothingSpent

  constructor(phases: number) {
    this.phases = Array.from({ length: phases }, () => ({
      counts: {},
      ready: {},
      again: { failed: 0, noShow: 0 },
      nextRetryAt: null,
      openedAt: null,
      enoughAt: null,
      gateOpenedAt: null,
      pardoned: { failed: 0, noShow: 0 },
    }))
  }

  get reserved(): Spent {
    return this.#reserved
  }

  /** Takes in that a device moved: null before = it joined, null after = it left. */
  move(before: Entry | null, after: Entry | null): void {
    if (before !== null) this.#count(before, -1)
    if (after !== null) this.#count(after, 1)
  }

  /** What devices really spent, beside what is reserved for them. */
  spend({ bytes, sms, money }: Spent): void {
    this.spent = sum(this.spent, { bytes, sms, money }, 1)
  }

  /** Takes a counter as it was kept elsewhere. */
  count(phase: number, name: UpdateState | "offers" | keyof Spent, by: number): void {
    if (name === "offers") this.offered += by
    else if (name === "bytes" || name === "sms" || name === "money") this.spend({ ...nothingSpent, [name]: by })
    else {
      const counters = this.phases[phase]
      if (counters === undefined) throw new Error(`the rollout has no phase ${phase}`)
      counters.counts[name] = (counters.counts[name] ?? 0) + by
    }
  }

  #countPlan({ simPlan = null, state, cost, spent = nothingSpent }: Entry, by: 1 | -1): void {
    if (simPlan === null) return
    const plan = this.simPlans[simPlan] ?? {
      spent: nothingSpent,
      reserved: nothingSpent,
      dearest: nothingSpent,
      waiting: 0,
    }
    this.simPlans[simPlan] = plan
    plan.spent = sum(plan.spent, spent, by)
    if (state === "waiting") plan.waiting += by
    else if (!updateStates[state].over) plan.reserved = sum(plan.reserved, cost, by)
    if (state === "waiting" && by === 1) plan.dearest = dearer(plan.dearest, cost)
  }

  #count(entry: Entry, by: 1 | -1): void {
    const { phase, state, zone, lastEnd, retryAt, cost, spent, offers = 0 } = entry
    this.offered += by * offers
    this.#countPlan(entry, by)
    if (spent !== undefined) this.spend({ bytes: by * spent.bytes, sms: by * spent.sms, money: by * spent.money })
    const counters = this.phases[phase]
    if (counters === undefined) throw new Error(`the rollout has no phase ${phase}`)
    counters.counts[state] = (counters.counts[state] ?? 0) + by
    if (state === "waiting") {
      if (retryAt === null) counters.ready[zone] = (counters.ready[zone] ?? 0) + by
      if (lastEnd === "failed") counters.again.failed += by
      if (lastEnd === "no-show") counters.again.noShow += by
      if (by === 1) this.dearest = dearer(this.dearest, cost)
    } else if (!updateStates[state].over) {
      this.#reserved = sum(this.#reserved, cost, by)
    }
  }
}

function sum(a: Spent, b: Spent, by: 1 | -1): Spent {
  return { bytes: a.bytes + by * b.bytes, sms: a.sms + by * b.sms, money: inMillionths(a.money + by * b.money) }
}

function dearer(a: Spent, b: Spent): Spent {
  if (a.bytes >= b.bytes && a.sms >= b.sms && a.money >= b.money) return a
  return { bytes: Math.max(a.bytes, b.bytes), sms: Math.max(a.sms, b.sms), money: Math.max(a.money, b.money) }
}

/** Goes on after a pause: the devices that brought the rollout to a halt are pardoned, and the pace begins anew. */
export function resumeBook(book: RolloutBook, now: number): void {
  book.state = "running"
  book.paceFrom = book.paceFrom === null ? null : { at: now, offered: book.offered }
  for (const phase of book.phases) {
    phase.pardoned = {
      failed: (phase.counts.failed ?? 0) + phase.again.failed,
      noShow: (phase.counts["no-show"] ?? 0) + phase.again.noShow,
    }
  }
}
