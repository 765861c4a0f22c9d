import type { PhaseMarks, Rollout, Update } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { rolloutById } from "./find-rollout.ts"
import { isLive, type LiveDevice } from "./live-fleet.ts"
import { byTry, inTurn, type LiveRollout } from "./live-rollout.ts"
import { makeOffers } from "./make-offers.ts"
import type { Change } from "./needs.ts"
import { withLocks } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText"> & OnBehalf

/**
 * Lets every device that failed or fell silent in a rollout try again, beside what the plan's retries allow: each try is an update
 * of its own. A rollout that had ended goes on. What has failed until now is taken note of: guards count what comes after.
 * Refuses `no-such-rollout`, `nothing-to-retry`, and `rollout-over` for one that was aborted or superseded.
 */
export async function retryFailed(needs: Needs, id: string): Promise<LiveRollout> {
  const live = rolloutById(needs, id)
  const { state } = live.rollout
  if (state === "aborted" || state === "superseded") {
    throw new Refusal("rollout-over", { rollout: id, state, deed: "tried again" })
  }
  const wanted = await unsuccessful(needs, live)
  if (wanted.length === 0) throw new Refusal("nothing-to-retry", { rollout: id })
  const devices = wanted.flatMap(({ deviceId }) => needs.live.devices.get(deviceId) ?? [])
  await withLocks(needs, devices, () => inTurn(live, () => letTryAgain(needs, live, devices)))
  await makeOffers(needs, live)
  return live
}

/** They are locked: what they did since somebody looked counts. */
async function letTryAgain(needs: Needs, live: LiveRollout, devices: readonly LiveDevice[]): Promise<void> {
  const locked = new Set(devices.map(({ device }) => device.id))
  const wanted = (await unsuccessful(needs, live)).filter(({ deviceId }) => locked.has(deviceId))
  const { id, state } = live.rollout
  const updates = wanted.map(
    (update): Change => ({
      put: "update",
      update: { ...update, place: { ...update.place, isWantedAgain: true } },
    }),
  )
  const kind = isLive(state) ? ("rollout.retried" as const) : ("rollout.reopened" as const)
  const sentence = `In the rollout ${id} ${wanted.length} devices that did not succeed may try again.`
  const event = eventOf({ at: needs.clock.now(), kind, rolloutId: id, sentence })
  await commit(needs, needs.actor, [{ put: "rollout", rollout: goingOn(live) }, ...updates, event])
}

/** The newest tries that did not succeed, of devices that no later rollout has had. */
async function unsuccessful({ live: fleet, store }: Needs, live: LiveRollout): Promise<readonly Update[]> {
  const newest = new Map<string, Update>()
  const updates = await store.updatesOfRollout(live.rollout.id)
  for (const update of [...updates].sort(byTry)) newest.set(update.deviceId, update)
  fleet.completeRollout(live, updates)
  const lost = new Set(await store.overtakenDevices(live.rollout.id))
  return [...newest.values()].filter(({ deviceId, progress, place }) => {
    const isBad = progress.state === "failed" || progress.state === "no-show"
    return isBad && place.isWantedAgain !== true && !lost.has(deviceId) && fleet.devices.has(deviceId)
  })
}

function goingOn({ rollout, book }: LiveRollout): Rollout {
  const pardoned = (phase: LiveRollout["book"]["phases"][number] | undefined): PhaseMarks["pardoned"] => ({
    failed: (phase?.counts.failed ?? 0) + (phase?.again.failed ?? 0),
    noShow: (phase?.counts["no-show"] ?? 0) + (phase?.again.noShow ?? 0),
  })
  const phases = rollout.marks.phases.map((marks, at) => ({ ...marks, pardoned: pardoned(book.phases[at]) }))
  const marks = { ...rollout.marks, phases }
  return isLive(rollout.state)
    ? { ...rollout, marks }
    : { ...rollout, state: "running", endedAt: null, marks: { ...marks, reason: null } }
}
