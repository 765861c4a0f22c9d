import type { RolloutPlan } from "../../core/domain/plan.ts"
import { zoneOf } from "../../core/domain/window.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { priced, tariffOf } from "../../core/rollout/budget.ts"
import { type Odds, rehearse, type Rehearsal, type TwinDevice, typicalOf } from "../../core/rollout/rehearse.ts"
import { rhythmOf } from "../../core/rollout/rhythm.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { chooseMembers, type RolloutMember } from "./plan-rollout.ts"
import { phasesOf } from "./enrol-devices.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "families">

export interface RehearsalOrder {
  readonly plan: RolloutPlan
  /** How many times, each with another luck. */
  readonly seeds: number
  readonly horizonMs: number
  /** What is not said is taken from history. */
  readonly odds: Partial<Odds>
  /** Of devices whose rhythm nobody knows, ms. */
  readonly rhythmMs: number
}

export interface RehearsalReport {
  readonly typical: Rehearsal
  readonly all: readonly Rehearsal[]
  readonly devices: number
  /** Devices whose own rhythm is known. */
  readonly known: number
  readonly odds: Odds
}

/** Where history says nothing. */
const usualOdds: Odds = { cut: 0.02, failure: 0.01, silence: 0.005 }

/**
 * Runs a plan against a twin of this fleet: its devices, what they run and when they come, the sizes of what each would be
 * offered. Nothing is changed but for the prediction, which `startPlan` finds again when this plan is started. Refuses what
 * `chooseMembers` refuses.
 */
export async function rehearsePlan(needs: Needs, order: RehearsalOrder): Promise<RehearsalReport> {
  const { plan } = order
  const members = await chooseMembers(needs, { releaseIds: plan.releases, group: plan.group })
  const phases = await phasesOf(needs, { plan, rankMultiplier: 7919 }, members)
  const planner = new OfferPlanner(needs)
  const devices: TwinDevice[] = []
  let known = 0
  for (const [index, member] of members.entries()) {
    if (index % 200 === 199) await needs.clock.breathe()
    const live = needs.live.devices.get(member.device.id)
    const rhythm = live === undefined ? null : rhythmOf(live.rhythm)
    if (rhythm !== null) known++
    const usual = { medianMs: order.rhythmMs, spreadMs: order.rhythmMs / 10 }
    devices.push({
      ...(await twinOf(planner, plan, member)),
      rhythm: rhythm ?? usual,
      phase: phases.get(member.device.id) ?? 0,
    })
  }
  const odds = { ...(await oddsFromHistory(needs)), ...order.odds }
  const all: Rehearsal[] = []
  for (let seed = 1; seed <= order.seeds; seed++) {
    const running = rehearse({
      plan,
      devices,
      odds: { any: odds },
      seed,
      startsAt: needs.clock.now(),
      horizonMs: order.horizonMs,
      resumesAfterMs: null,
    })
    for (let next = running.next(); ; next = running.next()) {
      if (next.done === true) {
        all.push(next.value)
        break
      }
      await needs.clock.breathe()
    }
  }
  const report = { typical: typicalOf(all), all, devices: devices.length, known, odds }
  remember(needs, plan, report)
  return report
}

async function twinOf(
  planner: OfferPlanner,
  plan: RolloutPlan,
  { device, release, isThere }: RolloutMember,
): Promise<Omit<TwinDevice, "rhythm" | "phase">> {
  const { id, family, model, labels } = device
  const planned = isThere ? null : await planner.plan(release, offerTarget(device), plan)
  const bytes = planned?.ok === true ? planned.image.sizeBytes : release.image.sizeBytes
  return {
    id,
    kind: `${family} ${model}`,
    family,
    zone: zoneOf(plan.windows, labels),
    cost: priced(
      { bytes, sms: planner.messagesFor(release.family, device.familyState) },
      tariffOf(plan.budget, labels),
    ),
    isThere,
    isImpossible: planned?.ok === false && planned.isLater !== true,
  }
}

/** Rollouts that are looked at for what usually goes wrong. */
const lookedBack = 3
/** Devices below which history says nothing. */
const leastHistory = 20

/** What went wrong in the last rollouts that ended. */
async function oddsFromHistory({ live, store }: Needs): Promise<Odds> {
  const ended = [...live.rollouts.values()].filter(({ rollout }) => rollout.endedAt !== null).slice(-lookedBack)
  let [begun, failed, silent] = [0, 0, 0]
  for (const { rollout } of ended) {
    for (const { place, progress } of await store.updatesOfRollout(rollout.id)) {
      if (!place.hasBegun) continue
      begun++
      if (progress.state === "failed") failed++
      if (progress.state === "no-show") silent++
    }
  }
  if (begun < leastHistory) return usualOdds
  return { cut: usualOdds.cut, failure: failed / begun, silence: silent / begun }
}

/** Predictions that wait for their plan to be started. */
const mostPredictions = 50

function remember({ live, clock }: Needs, plan: RolloutPlan, { typical, all }: RehearsalReport): void {
  const { durationMs, bytes, sms, succeeded, failed, noShow } = typical
  const prediction: JsonObject = {
    rehearsedAt: clock.now(),
    durationMs,
    leastDurationMs: Math.min(...all.map((one) => one.durationMs)),
    mostDurationMs: Math.max(...all.map((one) => one.durationMs)),
    bytes,
    sms,
    succeeded,
    failed,
    noShow,
  }
  const [oldest] = live.predictions.keys()
  if (live.predictions.size >= mostPredictions && oldest !== undefined) live.predictions.delete(oldest)
  live.predictions.set(JSON.stringify(plan), prediction)
}
