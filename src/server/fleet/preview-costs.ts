import type { RolloutPlan } from "../../core/domain/plan.ts"
import { brokenBudget, brokenPlan, priced, sumOf, tariffOf } from "../../core/rollout/budget.ts"
import { nothingSpent, type PlanTally, type Spent } from "../../core/rollout/tally.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { chooseMembers } from "./plan-rollout.ts"
import { phasesOf } from "./enrol-devices.ts"

type Needs = Pick<FleetNeeds, "live" | "families" | "images" | "clock">

/** What a phase is expected to take. */
export interface PhaseCosts extends Spent {
  readonly name: string
  readonly devices: number
  readonly alreadyThere: number
  /** Devices that cannot take the release. */
  readonly impossible: number
}

export interface CostPreview {
  readonly phases: readonly PhaseCosts[]
  readonly total: Spent
  /** Devices that no tariff is known for, where the plan has tariffs. */
  readonly withoutTariff: number
  /** Which cap the whole would exceed, as a sentence; null = none. */
  readonly exceeds: string | null
}

const devicesAtOnce = 200

/**
 * What a plan is expected to take before anything is started, phase by phase: the sizes of what each device would be offered, with
 * as many repeated bytes as its last update took. Refuses what `chooseMembers` refuses.
 */
export async function previewCosts(needs: Needs, plan: RolloutPlan): Promise<CostPreview> {
  const members = await chooseMembers(needs, { releaseIds: plan.releases, group: plan.group })
  const phaseOf = await phasesOf(needs, { plan, rankMultiplier: 7919 }, members)
  const planner = new OfferPlanner(needs)
  const phases = plan.phases.map(({ name }) => ({ name, devices: 0, alreadyThere: 0, impossible: 0, ...nothingSpent }))
  const simPlans: Record<string, PlanTally> = {}
  let withoutTariff = 0
  for (const [index, { device, release, isThere }] of members.entries()) {
    if (index % devicesAtOnce === devicesAtOnce - 1) await needs.clock.breathe()
    const phase = phases[phaseOf.get(device.id) ?? 0]
    if (phase === undefined) continue
    phase.devices++
    if (isThere) phase.alreadyThere++
    if (isThere) continue
    const planned = await planner.plan(release, offerTarget(device), plan)
    if (!planned.ok && planned.isLater !== true) phase.impossible++
    if (!planned.ok && planned.isLater !== true) continue
    const sizeBytes = planned.ok ? planned.image.sizeBytes : release.image.sizeBytes
    const bytes = Math.round(sizeBytes * repetition(needs.live.devices.get(device.id)))
    const tariff = tariffOf(plan.budget, device.labels)
    if (tariff === null) withoutTariff++
    const cost = priced({ bytes, sms: planner.messagesFor(device.family, device.familyState) }, tariff)
    Object.assign(phase, sumOf(phase, cost))
    const simPlan = tariff === null ? undefined : device.labels[plan.budget.tariffs?.label ?? ""]
    if (simPlan === undefined) continue
    simPlans[simPlan] = { ...noPlan, spent: sumOf(simPlans[simPlan]?.spent ?? nothingSpent, cost) }
  }
  const total = phases.reduce<Spent>(sumOf, nothingSpent)
  const state = { spent: total, dearest: nothingSpent, isWanted: false }
  const exceeds = brokenBudget(plan.budget, state) ?? brokenPlan(plan.budget, simPlans, false)
  return {
    phases,
    total,
    withoutTariff: plan.budget.tariffs === null ? 0 : withoutTariff,
    exceeds:
      exceeds === null
        ? null
        : exceeds.replace("It has spent", "The whole takes").replace("it has spent", "the whole takes"),
  }
}

const noPlan: PlanTally = { spent: nothingSpent, reserved: nothingSpent, dearest: nothingSpent, waiting: 0 }

/** So many times the image a device's last update took on the wire, from 1; a device that nobody has updated takes it once. */
function repetition(live: LiveDevice | undefined): number {
  const update = live?.update ?? null
  if (update?.image == null || update.progress.state !== "succeeded") return 1
  return Math.min(10, Math.max(1, update.place.spentBytes / update.image.sizeBytes))
}
