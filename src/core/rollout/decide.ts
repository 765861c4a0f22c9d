import { brokenBudget, brokenPlan, roomFor, roomOfPlans } from "./budget.ts"
import { brokenGuard, hasEnough } from "./guards.ts"
import { pacedAfterMs, pacedCount } from "./pacing.ts"
import type { RolloutPlan } from "../domain/plan.ts"
import { countOf, inFlight, type PhaseTally, sizeOf, type Tally, unfinished } from "./tally.ts"
import { isWindowOpen, nextWindowChange } from "../domain/window.ts"

/** What is to be done with a rollout now. */
export type Decision =
  | { readonly kind: "open-phase"; readonly phase: number; readonly sentence: string }
  /** Enough of the phase's devices have succeeded: the soak begins. */
  | { readonly kind: "note-enough"; readonly phase: number; readonly sentence: string }
  /** To the next `count` devices of the phase, by rank, that wait in those time zones. */
  | { readonly kind: "offer"; readonly phase: number; readonly count: number; readonly zones: readonly string[] }
  | { readonly kind: "pause"; readonly reason: string }
  | { readonly kind: "roll-back"; readonly reason: string }
  | { readonly kind: "finish"; readonly end: "succeeded" | "failed" | "superseded"; readonly reason: string | null }
  /** Nothing changes by itself before that moment, ms since 1970 UTC. */
  | { readonly kind: "wake"; readonly at: number }

/**
 * The rollout engine: what a plan wants done when the counters stand like this, at this time (ms since 1970 UTC). Pure: the
 * server and the rehearsal run the same function. What it says is carried out, then it is asked again, until it answers
 * with nothing but `wake`.
 */
export function decide(plan: RolloutPlan, tally: Tally, now: number): readonly Decision[] {
  if (tally.state !== "running") return []
  const end = finish(plan, tally, now)
  if (end !== null) return [end]
  if (plan.approval && tally.approvedAt === null) return []
  const trouble = troubleOf(plan, tally)
  if (trouble !== null) return [trouble]
  if (plan.startsAt !== null && now < plan.startsAt) return [{ kind: "wake", at: plan.startsAt }]
  const step = enoughOf(plan, tally) ?? opening(plan, tally, now)
  if (step !== null) return [step]
  const offers = offersOf(plan, tally, now)
  return offers.length > 0 ? offers : wakeOf(plan, tally, now)
}

function hasEnded(plan: RolloutPlan, now: number): boolean {
  return plan.endsAt !== null && now >= plan.endsAt
}

function finish(plan: RolloutPlan, tally: Tally, now: number): Decision | null {
  const size = tally.phases.reduce((sum, phase) => sum + sizeOf(phase), 0)
  if (size === 0) return null
  const open = tally.phases.reduce((sum, phase) => sum + unfinished(phase), 0)
  const flying = tally.phases.reduce((sum, phase) => sum + inFlight(phase), 0)
  const isOut = hasEnded(plan, now) && flying === 0
  if (open > 0 && !isOut) return null
  const succeeded = tally.phases.reduce((sum, phase) => sum + countOf(phase, "succeeded"), 0)
  const superseded = tally.phases.reduce((sum, phase) => sum + countOf(phase, "superseded"), 0)
  const reason = open > 0 ? `The plan's end came while ${open} devices still waited` : null
  // Others took what was left of it: nothing went wrong here.
  const isTaken = superseded > 0 && succeeded + superseded === size
  return { kind: "finish", end: succeeded === size ? "succeeded" : isTaken ? "superseded" : "failed", reason }
}

/** What a broken guard or budget leads to. */
function troubleOf(plan: RolloutPlan, tally: Tally): Decision | null {
  for (const [index, phase] of plan.phases.entries()) {
    const counters = tally.phases[index]
    if (counters === undefined || counters.openedAt === null) continue
    const reason = brokenGuard(phase, counters)
    if (reason !== null) return { kind: plan.onTrouble, reason }
  }
  const isWanted = tally.phases.some((phase) => phase.openedAt !== null && readyCount(phase, null) > 0)
  const isIdle = tally.phases.every((phase) => inFlight(phase) === 0)
  const reason =
    brokenBudget(plan.budget, { ...tally, isWanted: isWanted && isIdle }) ??
    brokenPlan(plan.budget, tally.simPlans, isWanted && isIdle)
  return reason === null ? null : { kind: "pause", reason }
}

function enoughOf(plan: RolloutPlan, tally: Tally): Decision | null {
  for (const [index, phase] of plan.phases.entries()) {
    const counters = tally.phases[index]
    if (counters === undefined || counters.openedAt === null || counters.enoughAt !== null) continue
    if (!hasEnough(phase, counters)) continue
    const size = sizeOf(counters)
    const sentence = `Of the ${size} devices of phase ${phase.name} ${countOf(counters, "succeeded")} have succeeded: enough.`
    return { kind: "note-enough", phase: index, sentence }
  }
  return null
}

/** The first phase that is not open, and since when it may be; null = all are open. */
export function nextPhase(
  plan: RolloutPlan,
  tally: Tally,
): {
  readonly index: number
  readonly waitsFor: "devices" | "soak" | "gate" | null
  readonly opensAt: number | null
} | null {
  const index = tally.phases.findIndex(({ openedAt }) => openedAt === null)
  const phase = plan.phases[index]
  if (phase === undefined) return null
  const before = tally.phases[index - 1]
  const soakMs = plan.phases[index - 1]?.soakMs ?? 0
  if (before !== undefined && before.enoughAt === null) return { index, waitsFor: "devices", opensAt: null }
  // A phase without a device shows nothing that could soak.
  const opensAt =
    before === undefined || before.enoughAt === null || sizeOf(before) === 0 ? null : before.enoughAt + soakMs
  const isGated = phase.gate === "manual" && tally.phases[index]?.gateOpenedAt === null
  return { index, waitsFor: isGated ? "gate" : soakMs > 0 && opensAt !== null ? "soak" : null, opensAt }
}

function opening(plan: RolloutPlan, tally: Tally, now: number): Decision | null {
  const next = nextPhase(plan, tally)
  if (next === null || next.waitsFor === "devices" || next.waitsFor === "gate" || hasEnded(plan, now)) return null
  if (next.opensAt !== null && now < next.opensAt) return null
  const name = plan.phases[next.index]?.name ?? ""
  const size = sizeOf(tally.phases[next.index] ?? { counts: {} })
  return { kind: "open-phase", phase: next.index, sentence: `Phase ${name} was opened for ${size} devices.` }
}

/** Devices of the phase that may be offered the update; `now` null = whatever their windows say. */
function readyCount({ ready }: PhaseTally, open: ((zone: string) => boolean) | null): number {
  return Object.entries(ready).reduce((sum, [zone, count]) => sum + (open === null || open(zone) ? count : 0), 0)
}

/** What bounds the number of new offers now, and by how much. */
export function capacityOf(
  plan: RolloutPlan,
  tally: Tally,
  now: number,
): {
  readonly count: number
  readonly bound: "in-flight" | "pace" | "budget" | "end" | null
  readonly cap: string | null
} {
  if (hasEnded(plan, now)) return { count: 0, bound: "end", cap: null }
  const flying = tally.phases.reduce((sum, phase) => sum + inFlight(phase), 0)
  const [all, plans] = [roomFor(plan.budget, tally), roomOfPlans(plan.budget, tally.simPlans)]
  const room = plans.devices < all.devices ? plans : all
  const bounds = [
    { bound: "in-flight", count: plan.maxInFlight === null ? Infinity : plan.maxInFlight - flying },
    { bound: "pace", count: paceRoom(plan, tally, now) },
    { bound: "budget", count: room.devices },
  ] as const
  let least: { readonly count: number; readonly bound: (typeof bounds)[number]["bound"] | null } = {
    count: Infinity,
    bound: null,
  }
  for (const one of bounds) if (one.count < least.count) least = one
  return { ...least, count: Math.max(0, least.count), cap: room.cap }
}

function paceRoom({ pace }: RolloutPlan, { paceFrom, offered }: Tally, now: number): number {
  if (pace === null || paceFrom === null) return Infinity
  return Math.floor(pacedCount(pace, Math.max(0, now - paceFrom.at)) + 1e-9) - (offered - paceFrom.offered)
}

function offersOf(plan: RolloutPlan, tally: Tally, now: number): readonly Decision[] {
  let { count: left } = capacityOf(plan, tally, now)
  const isOpen = (zone: string): boolean => isWindowOpen(plan.windows, zone, now)
  const offers: Decision[] = []
  for (const [phase, counters] of tally.phases.entries()) {
    if (counters.openedAt === null) continue
    const count = Math.min(left, readyCount(counters, isOpen))
    if (count <= 0) continue
    const zones = Object.keys(counters.ready).filter((zone) => isOpen(zone) && (counters.ready[zone] ?? 0) > 0)
    offers.push({ kind: "offer", phase, count, zones })
    left -= count
  }
  return offers
}

/** The next moment at which time alone changes the answer; nothing = only a device or an operator can. */
function wakeOf(plan: RolloutPlan, tally: Tally, now: number): readonly Decision[] {
  const open = tally.phases.filter(({ openedAt }) => openedAt !== null)
  const zones = new Set(open.flatMap(({ ready }) => Object.keys(ready).filter((zone) => (ready[zone] ?? 0) > 0)))
  const { bound } = capacityOf(plan, tally, now)
  const { pace } = plan
  const { paceFrom, offered } = tally
  const isPaced = pace !== null && paceFrom !== null && bound === "pace" && zones.size > 0
  const moments = [
    nextPhase(plan, tally)?.opensAt ?? null,
    plan.endsAt,
    isPaced ? paceFrom.at + pacedAfterMs(pace, offered - paceFrom.offered + 1) : null,
    ...open.map(({ nextRetryAt }) => nextRetryAt),
    ...[...zones].map((zone) => nextWindowChange(plan.windows, zone, now)),
  ]
  const later = moments.filter((moment) => moment !== null && moment > now)
  return later.length === 0 ? [] : [{ kind: "wake", at: Math.min(...(later as number[])) }]
}
