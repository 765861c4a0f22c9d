import type { Rollout } from "../../core/domain/records.ts"
import { type UpdateState, updateStates } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isLive, type LiveRollout, tally } from "./live-fleet.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** Ends a rollout all of whose updates are over: `succeeded` only if every device runs the release. */
export async function finishRollout(needs: Needs, live: LiveRollout): Promise<void> {
  if (live.rollout.state !== "running" || live.states.size === 0) return
  for (const state of live.states.values()) if (!updateStates[state].over) return
  const counts = tally(live)
  const isWhole = counts.succeeded === live.states.size
  await endRollout(needs, live, {
    state: isWhole ? "succeeded" : "failed",
    sentence: isWhole
      ? `The rollout ${live.rollout.id} succeeded on all ${live.states.size} devices.`
      : `The rollout ${live.rollout.id} ended without all devices: ${countWords(counts)}.`,
  })
}

/** Ends a rollout and forgets its updates in memory: its devices are offered nothing any more. */
export async function endRollout(
  needs: Needs,
  live: LiveRollout,
  end: { readonly state: Rollout["state"]; readonly sentence: string },
): Promise<void> {
  if (!isLive(live.rollout.state)) return
  const endedAt = needs.clock.now()
  const rollout: Rollout = { ...live.rollout, state: end.state, endedAt }
  // Set at once, so that two last devices do not end it twice.
  live.rollout = rollout
  const event = eventOf({
    at: endedAt,
    kind: `rollout.${end.state}`,
    rolloutId: rollout.id,
    sentence: end.sentence,
    data: { counts: tally(live) },
  })
  await commit(needs, [{ put: "rollout", rollout }, event], () => forgetUpdates(needs, rollout.id))
}

function forgetUpdates({ live }: Pick<FleetNeeds, "live">, rolloutId: string): void {
  for (const deviceId of live.rollouts.get(rolloutId)?.states.keys() ?? []) {
    const device = live.devices.get(deviceId)
    if (device?.update?.rolloutId !== rolloutId) continue
    live.forgetUpdate(device)
  }
}

/** "3 succeeded, 1 failed". */
export function countWords(counts: Partial<Record<UpdateState, number>>): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  return parts.length === 0 ? "no devices" : parts.join(", ")
}
