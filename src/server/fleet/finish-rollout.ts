import type { Rollout } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isLive, tally } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** What came of a rollout that is at its end. */
export function finishSentence(
  live: LiveRollout,
  { end, reason }: { readonly end: "succeeded" | "failed"; readonly reason: string | null },
): string {
  const { id } = live.rollout
  if (end === "succeeded") return `The rollout ${id} succeeded on all ${live.states.size} devices.`
  const why = reason === null ? "" : ` ${reason}.`
  return `The rollout ${id} ended without all devices: ${countWords(tally(live))}.${why}`
}

/** Ends a rollout and forgets its updates in memory: its devices are offered nothing any more. */
export async function endRollout(
  needs: Needs & OnBehalf,
  live: LiveRollout,
  end: {
    readonly state: "succeeded" | "failed" | "aborted"
    readonly sentence: string
    readonly reason?: string | null
  },
): Promise<void> {
  if (!isLive(live.rollout.state)) return
  const endedAt = needs.clock.now()
  const marks = { ...live.rollout.marks, reason: end.reason ?? null }
  const rollout: Rollout = { ...live.rollout, state: end.state, marks, endedAt }
  const event = eventOf({
    at: endedAt,
    kind: `rollout.${end.state}`,
    rolloutId: rollout.id,
    sentence: end.sentence,
    data: { counts: tally(live) },
  })
  await commit(needs, needs.actor, [{ put: "rollout", rollout }, event], () => {
    needs.live.setRollout(rollout)
    forgetUpdates(needs, rollout.id)
  })
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
