import { deviceActor } from "../../core/domain/actor.ts"
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
  { end, reason }: { readonly end: "succeeded" | "failed" | "superseded"; readonly reason: string | null },
): string {
  const { id } = live.rollout
  if (end === "succeeded") return `The rollout ${id} succeeded on all ${live.states.size} devices.`
  if (end === "superseded") return `The rollout ${id} was superseded: ${countWords(tally(live))}.`
  const why = reason === null ? "" : ` ${reason}.`
  return `The rollout ${id} ended without all devices: ${countWords(tally(live))}.${why}`
}

/** Ends a rollout: its devices are offered nothing any more. */
export async function endRollout(
  needs: Needs & OnBehalf,
  live: LiveRollout,
  end: {
    readonly state: "succeeded" | "failed" | "aborted" | "superseded"
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
  await commit(needs, needs.actor, [{ put: "rollout", rollout }, event])
}

/** Takes a rollout up again that had ended by itself: a device has taken back what was concluded of it. */
export async function reopenRollout(needs: Needs, live: LiveRollout, deviceId: string): Promise<void> {
  const { state, id } = live.rollout
  if (state !== "succeeded" && state !== "failed") return
  // After a restart only the devices that are still watched are in memory.
  for (const update of await needs.store.updatesOfRollout(id)) {
    if (live.states.has(update.deviceId)) continue
    const { labels = {}, model } = needs.live.devices.get(update.deviceId)?.device ?? {}
    live.setUpdate(update, { labels, model, imageBytes: update.image?.sizeBytes ?? 0 })
  }
  const rollout: Rollout = { ...live.rollout, state: "running", endedAt: null }
  const sentence = `The rollout ${id} goes on: ${deviceId} has taken back what was concluded of it.`
  const event = eventOf({ at: needs.clock.now(), kind: "rollout.reopened", rolloutId: id, deviceId, sentence })
  await commit(needs, deviceActor(deviceId), [{ put: "rollout", rollout }, event])
}

/** "3 succeeded, 1 failed". */
export function countWords(counts: Partial<Record<UpdateState, number>>): string {
  const parts = Object.entries(counts).map(([state, count]) => `${count} ${state}`)
  return parts.length === 0 ? "no devices" : parts.join(", ")
}
