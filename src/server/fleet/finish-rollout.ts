import { deviceActor } from "../../core/domain/actor.ts"
import type { Rollout } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { tally } from "./live-fleet.ts"
import { inTurn, type LiveRollout } from "./live-rollout.ts"
import type { Change } from "./needs.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** What came of a rollout that is at its end. */
export function finishSentence(
  live: LiveRollout,
  { end, reason }: { readonly end: "succeeded" | "failed" | "superseded"; readonly reason: string | null },
): string {
  const { id } = live.rollout
  if (end === "succeeded") return `The rollout ${id} succeeded on all ${live.size} devices.`
  if (end === "superseded") return `The rollout ${id} was superseded: ${countWords(tally(live))}.`
  const why = reason === null ? "" : ` ${reason}.`
  return `The rollout ${id} ended without all devices: ${countWords(tally(live))}.${why}`
}

/** How a rollout ends. */
export interface RolloutEnd {
  readonly state: "succeeded" | "failed" | "aborted" | "superseded"
  readonly sentence: string
  readonly reason?: string | null
  readonly at: number
  readonly counts: Partial<Record<UpdateState, number>>
}

/** What ends a rollout: its devices are offered nothing any more. */
export function endChanges(
  { rollout: before }: LiveRollout,
  { state, sentence, reason = null, at, counts }: RolloutEnd,
): readonly Change[] {
  const rollout: Rollout = { ...before, state, marks: { ...before.marks, reason }, endedAt: at }
  const event = eventOf({ at, kind: `rollout.${state}`, rolloutId: rollout.id, sentence, data: { counts } })
  return [{ put: "rollout", rollout }, event]
}

/** Takes a rollout up again that had ended by itself: a device has taken back what was concluded of it. */
export async function reopenRollout(needs: Needs, live: LiveRollout, deviceId: string): Promise<void> {
  await inTurn(live, async () => {
    const { state, id } = live.rollout
    if (state !== "succeeded" && state !== "failed") return
    needs.live.completeRollout(live, await needs.store.updatesOfRollout(id))
    const rollout: Rollout = { ...live.rollout, state: "running", endedAt: null }
    const sentence = `The rollout ${id} goes on: ${deviceId} has taken back what was concluded of it.`
    const event = eventOf({ at: needs.clock.now(), kind: "rollout.reopened", rolloutId: id, deviceId, sentence })
    await commit(needs, deviceActor(deviceId), [{ put: "rollout", rollout }, event])
  })
}

/** "3 succeeded, 1 failed". */
export function countWords(counts: Partial<Record<UpdateState, number>>): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  return parts.length === 0 ? "no devices" : parts.join(", ")
}
