import { engine } from "../../core/domain/actor.ts"
import { pullFacts } from "../../core/domain/pull.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import { waitingProgress } from "../../core/domain/marks.ts"
import type { DeviceAccess, Release, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { commit } from "./commit.ts"
import { familyOf, ticketSide } from "./families.ts"
import { decide } from "../../core/rollout/decide.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { withLock, withLocks } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/** Length of each half of a ticket. */
export const ticketChars = 12

/** Offers made in one transaction. */
const chunkSize = 500

/** Lets a rollout go on now: what it may offer is offered when this resolves. Safe to repeat after a crash. */
export async function makeOffers(needs: Needs, rollout: LiveRollout): Promise<void> {
  await advanceRollout(needs, rollout)
  while (needs.live.stirred.delete(rollout)) await offerAlone(needs, rollout)
}

/** Offers what the engine wants offered now, in every rollout, until only a device or time can change more. */
export async function makeDueOffers(needs: Needs): Promise<void> {
  for (const rollout of [...needs.live.stirred]) {
    while (needs.live.stirred.delete(rollout)) await offerAlone(needs, rollout)
  }
}

/** One round of offers of a rollout at a time: the counters know of an offer when it is made. */
async function offerAlone(needs: Needs, rollout: LiveRollout): Promise<void> {
  const done = rollout.offering.then(() => offerNext(needs, rollout))
  rollout.offering = done.catch(() => undefined)
  await done
}

/** After a round that failed, or came to nothing, the next one waits so long, ms. */
const restMs = 5000

async function offerNext(needs: Needs, rollout: LiveRollout): Promise<void> {
  const planner = new OfferPlanner(needs)
  const now = needs.clock.now()
  for (const decision of decide(rollout.rollout.plan, rollout.book, now)) {
    if (decision.kind === "roll-back") {
      needs.live.goingBack.set(rollout, decision.reason)
      return
    }
    if (decision.kind !== "offer") continue
    const next = rollout.takeNext(decision.phase, decision.zones, Math.min(decision.count, chunkSize))
    const devices = next.flatMap((deviceId) => needs.live.devices.get(deviceId) ?? [])
    rollout.wakeAt = now + restMs
    let made = 0
    try {
      made = await withLocks(needs, devices, () => offerToAll(needs, planner, rollout, devices))
    } finally {
      for (const deviceId of next) rollout.putBack(deviceId)
    }
    if (made === 0) return
  }
  await advanceRollout(needs, rollout)
}

/**
 * Plans one device's offer anew: its way to the release has come a hop further, or it runs something else than was
 * thought. Nothing happens to a device that has begun what it was offered.
 */
export async function offerAgain(needs: Needs, live: LiveDevice): Promise<void> {
  const rollout = needs.live.rollouts.get(live.update?.rolloutId ?? "")
  if (rollout?.rollout.state !== "running") return
  if (live.update?.progress.state === "offered") {
    await withLock(needs, live, () => offerToAll(needs, new OfferPlanner(needs), rollout, [live]))
  } else await withLock(needs, live, () => letGo(needs, live))
  await makeOffers(needs, rollout)
}

/** A device that waited for what it says waits for its turn now. */
async function letGo(needs: Needs, { update }: LiveDevice): Promise<void> {
  if (update === null || update.progress.state !== "waiting" || !update.place.isHeld) return
  const ready: Update = { ...update, place: { ...update.place, isHeld: false } }
  await commit(needs, engine, [{ put: "update", update: ready }])
}

/** Plans anew what is offered to devices that did something that nobody expected. */
export async function replanOffers(needs: Needs): Promise<void> {
  const waiting = [...needs.live.toReplan]
  needs.live.toReplan.clear()
  for (const live of waiting) await offerAgain(needs, live)
}

async function offerToAll(
  needs: Needs,
  planner: OfferPlanner,
  rollout: LiveRollout,
  devices: readonly LiveDevice[],
): Promise<number> {
  const moves = await Promise.all(devices.map((live) => offerTo(needs, planner, rollout, live)))
  const made = moves.filter((move) => move !== null)
  const changes = made.flatMap((move): Change[] => [{ put: "update", update: move.update }, ...move.changes])
  await commit(needs, engine, changes)
  return made.length
}

const notBegun: ReadonlySet<UpdateState> = new Set(["waiting", "offered"])

async function offerTo(needs: Needs, planner: OfferPlanner, rollout: LiveRollout, live: LiveDevice) {
  const update = nextTry(rollout, live.update, needs.clock.now())
  if (update === null || rollout.rollout.state !== "running") return null
  const release = needs.live.releases.get(update.releaseId)
  if (release === undefined) return null
  const { allowsDowngrade } = rollout.rollout.plan
  const evidence = await plan(needs, planner, live, { update, release, allowsDowngrade })
  // A second try comes from how the first one ended: who follows the events counts the device once.
  return moveUpdate(evidence.update, [evidence.evidence], update === live.update ? null : update.place.lastEnd)
}

/** The update that an offer is made for: the device's own, or the next one where its last try did not succeed. */
function nextTry(rollout: LiveRollout, update: Update | null, now: number): Update | null {
  if (update === null || update.rolloutId !== rollout.rollout.id) return null
  const { state } = update.progress
  if (notBegun.has(state)) return update
  const entry = rollout.entryOf(update.deviceId)
  if ((state !== "failed" && state !== "no-show") || entry?.state !== "waiting" || entry.retryAt !== null) return null
  const tryNumber = update.place.tryNumber + 1
  const { version: _, ...rest } = update
  return {
    ...rest,
    id: `${rollout.rollout.id}/${update.deviceId}/${tryNumber}`,
    progress: { ...waitingProgress, since: now },
    place: { ...update.place, tryNumber, lastEnd: state, isHeld: false, isWantedAgain: false },
    pull: freshPull,
  }
}

async function plan(
  needs: Needs,
  planner: OfferPlanner,
  live: LiveDevice,
  {
    update,
    release,
    allowsDowngrade,
  }: { readonly update: Update; readonly release: Release; readonly allowsDowngrade: boolean },
): Promise<{ readonly update: Update; readonly evidence: Evidence }> {
  const at = needs.clock.now()
  const planned = await planner.plan(release, offerTarget(live.device), { allowsDowngrade })
  if (!planned.ok) {
    const kind = planned.isLater === true ? "not-yet" : "offer-impossible"
    const place = { ...update.place, isHeld: planned.isLater === true }
    const none = { ...update, place, offer: null, image: null, packageId: null, ticket: null }
    return { update: none, evidence: { kind, basis: "concluded", at, sentence: planned.sentence } }
  }
  const family = familyOf(needs.families, release.family)
  const context = {
    rules: family.pull,
    version: release.version,
    model: live.device.model,
    offer: planned.offer,
    sizeBytes: planned.image.sizeBytes,
  }
  const sentence = family.pull.words.offered(pullFacts(context, freshPull))
  return {
    update: {
      ...update,
      offer: planned.offer,
      image: planned.image,
      offerReason: planned.reason,
      packageId: planned.packageId,
      pull: { ...freshPull, sharing: update.pull.sharing },
      place: {
        ...update.place,
        isHeld: false,
        offers: update.place.offers + 1,
        from: update.place.from ?? live.device.running.version,
      },
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
