import type { Device } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isLive, isOver } from "./live-fleet.ts"

/** How many of the devices each other rollout is updating that would lose them to one of this priority, by its id. */
export function takenFrom(
  { live: fleet }: Pick<FleetNeeds, "live">,
  members: readonly { readonly device: Pick<Device, "id"> }[],
  priority: number,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { device } of members) {
    const update = fleet.devices.get(device.id)?.update ?? null
    if (update === null || isOver(update)) continue
    const rollout = fleet.rollouts.get(update.rolloutId)?.rollout
    if (rollout === undefined || !isLive(rollout.state) || rollout.plan.priority > priority) continue
    counts.set(rollout.id, (counts.get(rollout.id) ?? 0) + 1)
  }
  return counts
}

/** Refuses `take-over` where other rollouts are updating some of the devices. */
export function demandTakeOver(...wish: Parameters<typeof takenFrom>): void {
  const counts = takenFrom(...wish)
  if (counts.size === 0) return
  const count = [...counts.values()].reduce((sum, one) => sum + one, 0)
  const from = [...counts].map(([id, devices]) => `${devices} in ${id}`).join(", ")
  throw new Refusal("take-over", { count, from })
}
