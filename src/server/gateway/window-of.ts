import type { Update } from "../../core/domain/records.ts"
import { isWindowOpen } from "../../core/domain/window.ts"
import type { LiveFleet } from "../fleet/live-fleet.ts"

/** Whether the maintenance window of the update's plan is open where its device is; null = the plan has none. */
export function windowOf(live: LiveFleet, { rolloutId, deviceId }: Update, now: number): "open" | "closed" | null {
  const rollout = live.rollouts.get(rolloutId)
  const windows = rollout?.rollout.plan.windows ?? null
  const zone = rollout?.entryOf(deviceId)?.zone
  if (windows === null || zone === undefined) return null
  return isWindowOpen(windows, zone, now) ? "open" : "closed"
}
