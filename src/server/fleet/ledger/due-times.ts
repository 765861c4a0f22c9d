import { silenceLimitMs } from "../../../core/domain/plan.ts"
import type { Device, Rollout, Update } from "../../../core/domain/records.ts"
import { updateStates } from "../../../core/domain/update.ts"
import type { Change } from "../needs.ts"

/** What of the fleet in memory decides it. */
interface DueNeeds {
  readonly devices: ReadonlyMap<string, { readonly device: Device; readonly update: Update | null }>
  readonly rollouts: ReadonlyMap<string, { readonly rollout: Rollout }>
  readonly uptime: () => number
}

/**
 * Changes whose updates say when their device counts as silent at the earliest. It is a moment of the server's uptime, so that a
 * restart forgets no silence and an outage of the server accuses nobody. Contacts move it in memory only, and are saved as such.
 */
export function withDueTimes(fleet: DueNeeds, changes: readonly Change[]): readonly Change[] {
  return changes.map((change) => {
    if (!("put" in change) || change.put !== "update") return change
    const update = withDueTime(fleet, change.update)
    return update === change.update ? change : { ...change, update }
  })
}

/** An update with that moment; one that is not waited for has none. */
export function withDueTime(fleet: DueNeeds, update: Update): Update {
  const live = fleet.devices.get(update.deviceId)
  const plan = fleet.rollouts.get(update.rolloutId)?.rollout.plan
  const { state } = update.progress
  if (live === undefined || plan === undefined || state === "waiting" || updateStates[state].over) {
    if (update.dueAt === undefined) return update
    const { dueAt: _, ...rest } = update
    return rest
  }
  // What is planned anew for a device asks nothing new of it.
  const isMove = live.update?.id !== update.id || live.update.progress !== update.progress
  if (!isMove && update.dueAt !== undefined) return update
  const limit = silenceLimitMs({ silence: plan.silence }, { state, family: live.device.family, rhythmMs: null })
  return { ...update, dueAt: Math.round(fleet.uptime() + limit) }
}
