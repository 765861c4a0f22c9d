import type { Update } from "../../core/domain/records.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"

/**
 * The update that a device was given up with, when its rollout is over: a module that was thought to have refused may have
 * installed late, and says so by what it runs. Null = it has one that stands, or did not end so.
 */
export async function givenUp(
  { store, live: fleet }: Pick<FleetNeeds, "store" | "live">,
  { device, update }: LiveDevice,
): Promise<Update | null> {
  if (update !== null) return null
  const [last] = await store.updatesOfDevice(device.id, 1)
  if (last === undefined || !isGivenUp(last)) return null
  fleet.rollouts.get(last.rolloutId)?.recall(last, fleet.factsOf(last))
  return last
}

/** Ended without the device having said so: what it says later may take that back. */
export function isGivenUp({ progress: { state } }: Update): boolean {
  return state === "failed" || state === "no-show"
}
