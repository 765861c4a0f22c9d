import { freshPull } from "../../core/domain/pull.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import type { DeviceAccess, Release, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { commit } from "./commit.ts"
import { familyOf, ticketSide } from "./families.ts"
import { finishRollout } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice, LiveRollout } from "./live-fleet.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/** Length of each half of a ticket. */
export const ticketChars = 12

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

/**
 * Plans one device's offer anew: its way to the release has come a hop further, or it runs something else than was
 * thought. Nothing happens to a device that has begun what it was offered.
 */
export async function offerAgain(needs: Needs, live: LiveDevice): Promise<void> {
  const rollout = needs.live.rollouts.get(live.update?.rolloutId ?? "")
  if (rollout?.rollout.state !== "running") return
  await takeTurns([live], () => offerToAll(needs, new OfferPlanner(needs), rollout, [live]))
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

const notBegun: ReadonlySet<UpdateState> = new Set(["waiting", "offered"])

async function offerTo(needs: Needs, planner: OfferPlanner, rollout: LiveRollout, live: LiveDevice) {
  const { update } = live
  if (update === null || update.rolloutId !== rollout.rollout.id || !notBegun.has(update.progress.state)) return null
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
    const kind = planned.isLater === true ? "not-yet" : "offer-impossible"
    const none = { ...update, offer: null, image: null, packageId: null, ticket: null }
    return { update: none, evidence: { kind, basis: "concluded", at, sentence: planned.sentence } }
  }
  const family = familyOf(needs.families, release.family)
  const { words } = family.pull
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
    update: {
      ...update,
      offer: planned.offer,
      image: planned.image,
      offerReason: planned.reason,
      packageId: planned.packageId,
      pull: freshPull,
      ticket: ticketSide(family) === null ? null : makeTicket(needs),
    },
    evidence: {
      kind: "offer-made",
      basis: "observed",
      at,
      sentence: planned.reason === null ? sentence : `${sentence} ${planned.reason}`,
    },
  }
}

/** Credentials for one offer, or one order: 59 bits each half, in letters and digits that every device's URL parser takes. */
export function makeTicket({ randomText }: Pick<Needs, "randomText">): DeviceAccess {
  return { user: randomText(ticketChars), secret: randomText(ticketChars) }
}
