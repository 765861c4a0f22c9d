import { type UpdateState, updateStates } from "../domain/update.ts"

/** What was spent, or would be: bytes on the wire, messages, and what both cost by the tariffs. */
export interface Spent {
  readonly bytes: number
  readonly sms: number
  readonly money: number
}

/** Money to the millionth: sums of many small amounts stay what they are. */
export function inMillionths(money: number): number {
  return Math.round(money * 1e6) / 1e6 + 0
}

export const nothingSpent: Spent = { bytes: 0, sms: 0, money: 0 }

/** What the devices of one SIM plan took in a rollout, may still take, and what the dearest that waits would take. */
export interface PlanTally {
  readonly spent: Spent
  readonly reserved: Spent
  readonly dearest: Spent
  /** Devices that wait. */
  readonly waiting: number
}

export type Counts = Readonly<Partial<Record<UpdateState, number>>>

/** What is known of a phase: counters, and the moments that opened it. */
export interface PhaseTally {
  /** Its devices by the state of each one's newest try. */
  readonly counts: Counts
  /** Those of them that wait and may be offered the update as far as their last try is concerned, by time zone (`""` without windows). */
  readonly ready: Readonly<Record<string, number>>
  /** Those that wait for another try, by how the last one ended. */
  readonly again: { readonly failed: number; readonly noShow: number }
  /** When the first of those may be tried again, ms since 1970 UTC; null = none waits. */
  readonly nextRetryAt: number | null
  readonly openedAt: number | null
  /** When enough of its devices had succeeded. */
  readonly enoughAt: number | null
  /** When somebody opened its gate by hand. */
  readonly gateOpenedAt: number | null
  /** Devices that an operator who resumed the rollout took note of: guards count those that came after. */
  readonly pardoned: { readonly failed: number; readonly noShow: number }
}

/** Everything about a rollout that the engine decides by: it never looks at a device. */
export interface Tally {
  readonly state: "running" | "paused" | "over"
  /** When somebody else approved it, ms since 1970 UTC. */
  readonly approvedAt: number | null
  /** One for each phase of the plan, in its order. */
  readonly phases: readonly PhaseTally[]
  /** Offers made, retries among them. */
  readonly offered: number
  /** The pace is counted from here: when the first phase opened or the rollout was last resumed, and what was offered by then. */
  readonly paceFrom: { readonly at: number; readonly offered: number } | null
  readonly spent: Spent
  /** What the devices that have been offered the update may still spend. */
  readonly reserved: Spent
  /** What the dearest device that waits would spend. */
  readonly dearest: Spent
  /** By the SIM plans that the plan's tariffs name; absent = none. */
  readonly simPlans?: Readonly<Record<string, PlanTally>>
}

export const newPhaseTally: PhaseTally = {
  counts: {},
  ready: {},
  again: { failed: 0, noShow: 0 },
  nextRetryAt: null,
  openedAt: null,
  enoughAt: null,
  gateOpenedAt: null,
  pardoned: { failed: 0, noShow: 0 },
}

const states = Object.keys(updateStates) as UpdateState[]

export function countOf({ counts }: Pick<PhaseTally, "counts">, ...of: readonly UpdateState[]): number {
  return of.reduce((sum, state) => sum + (counts[state] ?? 0), 0)
}

/** All devices of a phase. */
export function sizeOf(phase: Pick<PhaseTally, "counts">): number {
  return countOf(phase, ...states)
}

const underWay = states.filter((state) => state !== "waiting" && !updateStates[state].over)

/** Devices that have been offered the update and are not at its end. */
export function inFlight(phase: Pick<PhaseTally, "counts">): number {
  return countOf(phase, ...underWay)
}

/** Devices that are not at their end. */
export function unfinished(phase: Pick<PhaseTally, "counts">): number {
  return countOf(phase, "waiting") + inFlight(phase)
}
