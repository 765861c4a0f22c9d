import type { Phase } from "../domain/plan.ts"
import { countOf, type PhaseTally, sizeOf, unfinished } from "./tally.ts"

/** What a phase's guards count: devices that left the rollout, and those that an operator pardoned, are no part of it. */
export interface Sample {
  /** Devices that count. */
  readonly members: number
  readonly succeeded: number
  /** Devices whose last try failed, whether there is another or not. */
  readonly failed: number
  readonly noShow: number
  readonly declined: number
  /** Devices that succeeded, or whose last try did not. */
  readonly decided: number
  /** Successes that let the next phase open; null = none are asked for. */
  readonly needed: number | null
  /** Successes that are still possible. */
  readonly possible: number
}

export function sampleOf({ guards }: Phase, tally: PhaseTally): Sample {
  const allFailed = countOf(tally, "failed") + tally.again.failed
  const allSilent = countOf(tally, "no-show") + tally.again.noShow
  const failed = allFailed - Math.min(tally.pardoned.failed, allFailed)
  const noShow = allSilent - Math.min(tally.pardoned.noShow, allSilent)
  const pardoned = allFailed - failed + (allSilent - noShow)
  const members = sizeOf(tally) - countOf(tally, "cancelled", "superseded") - pardoned
  const succeeded = countOf(tally, "succeeded")
  const declined = countOf(tally, "declined")
  return {
    members,
    succeeded,
    failed,
    noShow,
    declined,
    decided: succeeded + declined + failed + noShow,
    needed: guards.successAtLeast === null ? null : atLeast(members, guards.successAtLeast),
    possible: succeeded + unfinished(tally),
  }
}

/** The least whole number of `members` that is at least this share; forgives what binary fractions add. */
function atLeast(members: number, percent: number): number {
  return Math.ceil((members * percent) / 100 - 1e-9)
}

/** The most of `members` that this share allows. */
function atMost(members: number, percent: number): number {
  return Math.floor((members * percent) / 100 + 1e-9)
}

/** Why a phase is in trouble, as a sentence; null = it is not. */
export function brokenGuard(phase: Phase, tally: PhaseTally): string | null {
  const { guards, name } = phase
  const sample = sampleOf(phase, tally)
  const { members, decided, needed, possible } = sample
  const shares = [
    { count: sample.failed, percent: guards.failureAtMost, verb: "failed", guard: "failure-at-most" },
    { count: sample.noShow, percent: guards.noShowAtMost, verb: "fell silent", guard: "no-show-at-most" },
  ]
  for (const { count, percent, verb, guard } of shares) {
    if (percent === null || count === 0) continue
    if (count > atMost(members, percent)) {
      return `In phase ${name} ${count} of ${members} devices ${verb}; ${guard} ${percent} % allows ${atMost(members, percent)}.`
    }
    if (decided >= guards.minimumSample && count > atMost(decided, percent)) {
      return `In phase ${name} ${count} of the ${decided} devices at their end ${verb}; ${guard} ${percent} % allows ${atMost(decided, percent)} of so many.`
    }
  }
  if (needed !== null && possible < needed) {
    return `In phase ${name} ${needed} of ${members} devices must succeed (success-at-least ${guards.successAtLeast} %), and only ${possible} still can.`
  }
  return null
}

/** Whether enough devices of the phase have succeeded for the next one; without such a guard, whether all are at their end. */
export function hasEnough(phase: Phase, tally: PhaseTally): boolean {
  const { needed, succeeded } = sampleOf(phase, tally)
  return needed === null ? unfinished(tally) === 0 : succeeded >= needed
}
