import { durationText } from "../domain/duration.ts"
import type { UpdateState } from "../domain/update.ts"
import { capacityOf, nextPhase } from "./decide.ts"
import { sampleOf } from "./guards.ts"
import { pacedAfterMs } from "./pacing.ts"
import type { Phase, RolloutPlan } from "../domain/plan.ts"
import { countOf, inFlight, type PhaseTally, sizeOf, type Tally, unfinished } from "./tally.ts"
import { isWindowOpen, nextWindowChange } from "../domain/window.ts"

/** `closed`: not open yet. `soaking`: enough have succeeded, and the next phase waits for the time to pass. */
export type PhaseState = "closed" | "open" | "soaking" | "passed"

export function phaseState(plan: RolloutPlan, tally: Tally, index: number, now: number): PhaseState {
  const counters = tally.phases[index]
  if (counters === undefined || counters.openedAt === null) return "closed"
  if (counters.enoughAt === null) return "open"
  return now < counters.enoughAt + (plan.phases[index]?.soakMs ?? 0) && index < plan.phases.length - 1
    ? "soaking"
    : "passed"
}

/** What a phase does or waits for, in a sentence. */
export function explainPhase(plan: RolloutPlan, tally: Tally, index: number, now: number): string {
  const phase = plan.phases[index]
  const counters = tally.phases[index]
  if (phase === undefined || counters === undefined) return "There is no such phase."
  const state = phaseState(plan, tally, index, now)
  if (state === "closed") return `Phase ${phase.name} is not open: ${whyClosed(plan, tally, index, now)}.`
  const { needed, members } = sampleOf(phase, counters)
  const goal = needed === null ? "" : `, ${needed} of ${members} must`
  const parts = [
    `${countOf(counters, "succeeded")} have succeeded${goal}`,
    ...some(inFlight(counters), "under way"),
    ...some(countOf(counters, "waiting"), "wait"),
    ...some(countOf(counters, "failed"), "failed"),
    ...some(countOf(counters, "no-show"), "fell silent"),
  ]
  const head = { open: "is open", soaking: "soaks", passed: "is through" }[state]
  return `Phase ${phase.name} ${head}: ${parts.join("; ")}.`
}

const some = (count: number, words: string): readonly string[] => (count === 0 ? [] : [`${count} ${words}`])

/** Why the phase of that index is closed, without a full stop. */
function whyClosed(plan: RolloutPlan, tally: Tally, index: number, now: number): string {
  const next = nextPhase(plan, tally)
  if (next === null) return "nothing is known of it"
  if (next.index < index) return `phase ${plan.phases[next.index]?.name ?? ""} comes before it`
  const before = plan.phases[index - 1]
  const counters = tally.phases[index - 1]
  if (next.waitsFor === "devices" && before !== undefined && counters !== undefined)
    return waitsForDevices(before, counters)
  if (next.waitsFor === "gate") return "somebody has to open its gate: `waft rollout open-gate`"
  if (next.opensAt !== null && next.opensAt > now) {
    return `phase ${before?.name ?? ""} soaks for ${durationText(next.opensAt - now)} more, until ${timeText(next.opensAt)}`
  }
  if (plan.startsAt !== null && now < plan.startsAt) return `the rollout starts at ${timeText(plan.startsAt)}`
  return "it opens now"
}

function waitsForDevices(before: Phase, counters: PhaseTally): string {
  const { needed, members, succeeded } = sampleOf(before, counters)
  if (needed === null)
    return `it opens when all ${sizeOf(counters)} devices of phase ${before.name} are at their end; ${unfinished(counters)} are not`
  const quiet = countOf(counters, "no-show")
  const failed = countOf(counters, "failed")
  const lost = [...some(failed, "failed"), ...some(quiet, "fell silent")]
  return `it opens when ${needed} of ${members} devices of phase ${before.name} have succeeded; ${[`${succeeded} have`, ...lost].join(", ")}`
}

/** What a rollout does or waits for, in a sentence or two. */
export function explainRollout(
  plan: RolloutPlan,
  tally: Tally,
  now: number,
  ended: { readonly state: string; readonly reason: string | null },
): string {
  if (tally.state === "over") return `It is over: ${ended.state}${ended.reason === null ? "" : `. ${ended.reason}`}`
  if (tally.state === "paused")
    return `It is paused: nothing new is offered. ${ended.reason ?? "An operator paused it."}`
  const hindrance = whyNothingStarts(plan, tally, now)
  if (hindrance !== null) return `It waits: ${hindrance}.`
  const open = tally.phases.flatMap(({ openedAt, enoughAt }, index) =>
    openedAt !== null && enoughAt === null ? [index] : [],
  )
  const next = nextPhase(plan, tally)
  const sentences = open.map((index) => explainPhase(plan, tally, index, now))
  if (next !== null) sentences.push(explainPhase(plan, tally, next.index, now))
  if (sentences.length > 0) return sentences.join(" ")
  return explainPhase(plan, tally, plan.phases.length - 1, now)
}

function whyNothingStarts(plan: RolloutPlan, tally: Tally, now: number): string | null {
  if (plan.approval && tally.approvedAt === null) return "somebody else has to approve it: `waft rollout approve`"
  if (plan.startsAt !== null && now < plan.startsAt) return `the plan starts at ${timeText(plan.startsAt)}`
  return null
}

/** What the engine knows of a device beside the counters. */
export interface ExplainedDevice {
  readonly phase: number
  readonly state: UpdateState
  /** Time zone of its windows. */
  readonly zone: string
  /** When its next try may begin; null = it is not between two tries. */
  readonly retryAt: number | null
  /** What is known of its update itself. */
  readonly sentence: string
}

/** Why a device is, or is not, updating: one sentence, from the data that decides. */
export function explainDevice(plan: RolloutPlan, tally: Tally, device: ExplainedDevice, now: number): string {
  if (device.state !== "waiting") return device.sentence
  if (tally.state === "over") return "The rollout ended before it came to this device."
  const hindrance = whyNothingStarts(plan, tally, now)
  if (hindrance !== null) return `It waits: ${hindrance}.`
  const name = plan.phases[device.phase]?.name ?? ""
  if (tally.phases[device.phase]?.openedAt === null) {
    return `It waits for phase ${name}: ${whyClosed(plan, tally, device.phase, now)}.`
  }
  if (tally.state === "paused") return "The rollout is paused: it is offered nothing before `waft rollout resume`."
  if (device.retryAt !== null && device.retryAt > now) {
    return `Its last try did not succeed; the next may begin at ${timeText(device.retryAt)}.`
  }
  if (!isWindowOpen(plan.windows, device.zone, now)) {
    const opensAt = nextWindowChange(plan.windows, device.zone, now)
    return `Its maintenance window is closed${opensAt === null ? "" : ` until ${timeText(opensAt)}`} (${device.zone}).`
  }
  return `It waits for its turn in phase ${name}${whyNoTurn(plan, tally, now)}.`
}

function whyNoTurn(plan: RolloutPlan, tally: Tally, now: number): string {
  const { count, bound, cap } = capacityOf(plan, tally, now)
  if (count > 0) return ""
  if (bound === "end") return ": the plan's end has come, nothing new begins"
  if (bound === "in-flight") return `: ${plan.maxInFlight} devices are under way, which is the most at once`
  if (bound === "budget") return `: the budget of ${cap ?? ""} is promised to those that are under way`
  if (bound !== "pace" || plan.pace === null || tally.paceFrom === null) return ""
  const at = tally.paceFrom.at + pacedAfterMs(plan.pace, tally.offered - tally.paceFrom.offered + 1)
  return `: the pace lets the next one begin at ${timeText(at)}`
}

/** A moment for people, UTC to the minute. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`
}
