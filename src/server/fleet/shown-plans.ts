import type { RolloutPlan } from "../../core/domain/plan.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { releaseById } from "./find-release.ts"
import type { PlannedMember, PlannedRollout, RolloutMember } from "./plan-rollout.ts"

/** A plan that somebody was shown, so that just this one can be started. */
export interface ShownPlan extends PlannedRollout {
  readonly id: string
  readonly plan: RolloutPlan
  /** Offers the release also to devices that are believed to run it. */
  readonly again: boolean
  /** Ms since 1970 UTC. */
  readonly expiresAt: number
}

/** So long a plan can be started, ms: after that the fleet is another. */
const keptMs = 15 * 60_000
/** Plans that are kept, and their devices together; the oldest leave. */
const mostPlans = 32
const mostDevices = 2_000_000

/** The plans that were shown lately. They are looked at and started, and forgotten; a restart forgets them all. */
export class ShownPlans {
  readonly #plans = new Map<string, ShownPlan & { readonly endsAt: number }>()
  readonly #needs: Pick<FleetNeeds, "clock" | "randomText">

  constructor(needs: Pick<FleetNeeds, "clock" | "randomText">) {
    this.#needs = needs
  }

  keep(planned: PlannedRollout & Pick<ShownPlan, "plan" | "again">): ShownPlan {
    const { clock, randomText } = this.#needs
    const shown = { ...planned, id: `plan-${randomText(12)}`, expiresAt: clock.now() + keptMs }
    this.#plans.set(shown.id, { ...shown, endsAt: clock.monotonic() + keptMs })
    this.#forget()
    return shown
  }

  /** Refuses `plan-expired`: also what was never there. */
  byId(id: string): ShownPlan {
    this.#forget()
    const found = this.#plans.get(id)
    if (found === undefined) throw new Refusal("plan-expired", { plan: id })
    return found
  }

  #forget(): void {
    const now = this.#needs.clock.monotonic()
    let devices = 0
    const newestFirst = [...this.#plans.values()].reverse()
    for (const [age, { id, endsAt, rows }] of newestFirst.entries()) {
      devices += rows.length
      if (endsAt <= now || age >= mostPlans || (age > 0 && devices > mostDevices)) this.#plans.delete(id)
    }
  }
}

/**
 * The members of a plan that was shown, as they can be started now: devices that were removed since are gone, and no other came.
 * Refuses a plan whose releases were withdrawn since.
 */
export function membersOf(
  { live }: Pick<FleetNeeds, "live">,
  { plan, members }: Pick<ShownPlan, "plan" | "members">,
): readonly RolloutMember[] {
  for (const id of plan.releases) {
    if (releaseById({ live }, id).state === "withdrawn") throw new Refusal("release-withdrawn", { release: id })
  }
  const left = members.filter(({ device }) => live.devices.has(device.id))
  if (left.length === 0) throw new Refusal("empty-rollout", { detail: "every device of the plan was removed since" })
  return left
}

/** Of each outcome so many devices stand in the plan's answer itself. */
const samples = 5

/** What a plan does, in numbers, and a few devices for each outcome. */
export function summaryOf({ rows, members }: PlannedRollout) {
  const counts: Record<PlannedMember["outcome"], number> = {
    update: 0,
    supersedes: 0,
    "already-there": 0,
    impossible: 0,
  }
  const some: PlannedMember[] = []
  for (const row of rows) {
    counts[row.outcome] += 1
    if (counts[row.outcome] <= samples) some.push(row)
  }
  const models = new Map<string, { readonly family: string; readonly model: string; devices: number }>()
  for (const { device } of members) {
    const key = `${device.family} ${device.model}`
    const found = models.get(key)
    if (found === undefined) models.set(key, { family: device.family, model: device.model, devices: 1 })
    else found.devices += 1
  }
  return { devices: rows.length, counts, models: [...models.values()], samples: some }
}
