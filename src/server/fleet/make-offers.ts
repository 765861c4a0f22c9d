import type { Evidence } from "../../core/domain/evidence.ts"
import type { Release, Update } from "../../core/domain/records.ts"
import { commit } from "./commit.ts"
import { familyOf } from "./families.ts"
import { finishRollout } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice, LiveRollout } from "./live-fleet.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families">

/** Offers made in one transaction. */
const chunkSize = 500

/** Offers its release to every device of a running rollout that still waits. Safe to repeat after a crash. */
export async function makeOffers(needs: Needs, rollout: LiveRollout): Promise<void> {
  const planner = new OfferPlanner(needs)
  const waiting = [...rollout.states].filter(([, state]) => state === "waiting").map(([deviceId]) => deviceId)
  for (let from = 0; from < waiting.length; from += chunkSize) {
    if (rollout.rollout.state !== "running") return
    const chunk = waiting.slice(from, from + chunkSize).flatMap((deviceId) => needs.live.devices.get(deviceId) ?? [])
    await takeTurns(chunk, () => offerToAll(needs, planner, rollout, chunk))
  }
  await finishRollout(needs, rollout)
}

async function offerToAll(
  needs: Needs,
  planner: OfferPlanner,
  rollout: LiveRollout,
  devices: readonly LiveDevice[],
): Promise<void> {
  const moves = await Promise.all(devices.map((live) => offerTo(needs, planner, rollout, live)))
  const made = moves.filter((move) => move !== null)
  const changes = made.flatMap((move): Change[] => [{ put: "update", update: move.update }, ...move.changes])
  await commit(needs, changes, () => {
    for (const { update } of made) {
      needs.live.setUpdate(update)
      const live = needs.live.devices.get(update.deviceId)
      if (live !== undefined) live.quietSince = needs.clock.monotonic()
    }
  })
}

async function offerTo(needs: Needs, planner: OfferPlanner, rollout: LiveRollout, live: LiveDevice) {
  const { update } = live
  if (update === null || update.rolloutId !== rollout.rollout.id || update.progress.state !== "waiting") return null
  const release = needs.live.releases.get(update.releaseId)
  if (release === undefined) return null
  const evidence = await plan(needs, planner, live, update, release)
  return moveUpdate(evidence.update, [evidence.evidence])
}

async function plan(
  needs: Needs,
  planner: OfferPlanner,
  live: LiveDevice,
  update: Update,
  release: Release,
): Promise<{ readonly update: Update; readonly evidence: Evidence }> {
  const at = needs.clock.now()
  const planned = await planner.plan(release, offerTarget(live.device))
  if (!planned.ok) {
    return { update, evidence: { kind: "offer-impossible", basis: "concluded", at, sentence: planned.sentence } }
  }
  const { words } = familyOf(needs.families, release.family).pull
  const sentence = words.offered({
    version: release.version,
    model: live.device.model,
    offer: planned.offer,
    sizeBytes: planned.image.sizeBytes,
    takenBytes: 0,
    wholeFetches: 0,
    reads: 0,
  })
  return {
    update: { ...update, offer: planned.offer, image: planned.image, offerReason: planned.reason },
    evidence: {
      kind: "offer-made",
      basis: "observed",
      at,
      sentence: planned.reason === null ? sentence : `${sentence} ${planned.reason}`,
    },
  }
}
