import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import { type PullFact, type PullFacts, type PullFinding, pullStep } from "../../core/domain/pull.ts"
import { spentMore } from "../../core/domain/marks.ts"
import type { Device, Update, UpdatePlace } from "../../core/domain/records.ts"
import type { Family, ImageFile } from "../../core/families/family.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice, Offered } from "./live-fleet.ts"
import { moveUpdate, runsUnknown } from "./move-update.ts"
import type { Change } from "./needs.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families">

/** One fact that the wire showed about a device and the offer it concerns. */
export interface WireFact {
  readonly live: LiveDevice
  /** The offer that was read or fetched. */
  readonly offered: Offered
  readonly fact: PullFact
  /** The file of a transfer: the offer's image, or a patch. */
  readonly file?: ImageFile
}

/**
 * Takes in one fact about a device. Resolves when everything that follows from it is durable. The facts of one device
 * are taken in one after another, so that no two of them start from the same state.
 */
export function recordFact(needs: Needs, wire: WireFact): Promise<void> {
  const { live } = wire
  const done = live.turn.then(() => takeIn(needs, wire))
  // The next fact waits for this one but does not fail with it: the caller of this one hears of the failure.
  live.turn = done.catch(() => undefined)
  return done
}

async function takeIn(needs: Needs, { live, offered, fact, file }: WireFact): Promise<void> {
  const { update } = live
  if (update === null || update.id !== offered.updateId) return takeInStale(needs, live, offered, fact)
  const family = familyOf(needs.families, live.device.family)
  const version = needs.live.releases.get(update.releaseId)?.version ?? ""
  const sizeBytes = offered.image.sizeBytes
  const context = { rules: family.pull, model: live.device.model, version, offer: offered.offer, sizeBytes }
  const step = pullStep(context, update.pull, fact)
  if (step.state === update.pull) return
  const wantedBytes = step.state.patchBytes ?? sizeBytes
  const evidence = step.findings.map((finding) =>
    toEvidence(needs, family, { update, fact, finding, version, live, wantedBytes }),
  )
  const move = moveUpdate({ ...update, pull: step.state, place: placeAfter(update, fact, needs.clock.now()) }, evidence)
  const device = deviceAfter(family, live.device, { before: update, after: move.update, fact, version, file })
  // A read that taught nothing new is remembered in memory and saved with the next thing that counts.
  const isQuiet = move.changes.length === 0 && device === live.device && !fact.kind.startsWith("image-")
  if (isQuiet) {
    needs.live.setUpdate(move.update)
    return
  }
  const changes: Change[] = [{ put: "update", update: move.update }, ...move.changes]
  if (device !== live.device) changes.push({ put: "device", device })
  await commit(needs, deviceActor(live.device.id), changes, () => {
    live.device = device
    needs.live.setUpdate(move.update)
  })
  const rollout = needs.live.rollouts.get(update.rolloutId)
  if (rollout !== undefined && move.update.progress.state !== update.progress.state)
    await advanceRollout(needs, rollout)
}

/** What a transfer took is counted when it ends, however it ends. */
function placeAfter({ place }: Update, fact: PullFact, now: number): UpdatePlace {
  if (fact.kind !== "image-ended" || fact.sent <= fact.from) return place
  return spentMore(place, { bytes: fact.sent - fact.from, sms: 0, now })
}

interface Found {
  readonly update: Update
  readonly fact: PullFact
  readonly finding: PullFinding
  readonly version: string
  readonly live: LiveDevice
  /** Size of the file that the device fetches. */
  readonly wantedBytes: number
}

function toEvidence(
  needs: Needs,
  family: Family,
  { update, fact, finding, version, live, wantedBytes }: Found,
): Evidence {
  const facts: PullFacts = {
    version,
    model: live.device.model,
    offer: update.offer ?? {},
    sizeBytes: wantedBytes,
    takenBytes: fact.kind === "image-ended" ? fact.to : 0,
    wholeFetches: update.pull.wholeFetches,
    reads: update.pull.idleReads + 1,
  }
  return {
    kind: finding.kind,
    basis: finding.basis,
    at: needs.clock.now(),
    sentence: family.pull.words[finding.moment](facts),
  }
}

interface Moved {
  readonly before: Update
  readonly after: Update
  readonly fact: PullFact
  readonly version: string
  readonly file: ImageFile | undefined
}

/** What is known of the device itself once the update moved. */
function deviceAfter(family: Family, device: Device, { before, after, fact, version, file }: Moved): Device {
  if (fact.kind === "image-started") {
    const familyState = family.afterFetch(device.familyState, after.offer ?? {}, file)
    const wasConcluded = before.progress.state === "succeeded" && after.progress.state !== "succeeded"
    return wasConcluded ? { ...runsUnknown(device), familyState } : { ...device, familyState }
  }
  const { state, basis } = after.progress
  if (state !== "succeeded" || before.progress.state === "succeeded") return device
  return { ...device, running: { version, evidence: basis } }
}

/** A device still fetches what it read before its rollout ended or changed: it may run that now. */
async function takeInStale(needs: Needs, live: LiveDevice, offered: Offered, fact: PullFact): Promise<void> {
  if (fact.kind !== "image-started" && !(fact.kind === "image-ended" && fact.whole)) return
  const family = familyOf(needs.families, live.device.family)
  const device = { ...runsUnknown(live.device), familyState: family.afterFetch(live.device.familyState, offered.offer) }
  const release = needs.live.releases.get(offered.releaseId)
  const deed = fact.kind === "image-started" ? "began to fetch" : "fetched whole"
  const event = eventOf({
    at: needs.clock.now(),
    kind: fact.kind === "image-started" ? "device.late-fetch-started" : "device.late-fetch-finished",
    deviceId: live.device.id,
    releaseId: offered.releaseId,
    basis: "observed",
    sentence: `It ${deed} version ${release?.version ?? "?"}, which it had read as its offer before that was taken back; it may run it after its next restart.`,
  })
  await commit(needs, deviceActor(live.device.id), [{ put: "device", device }, event], () => {
    live.device = device
  })
}
