import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import { pullFacts, pullStep } from "../../core/domain/pull.ts"
import type { PullContext, PullFact, PullFinding } from "../../core/domain/pull-facts.ts"
import type { SharingSign } from "../../core/domain/pull-rules.ts"
import { mayHaveImage, type PullState } from "../../core/domain/pull-state.ts"
import { spentMore } from "../../core/domain/marks.ts"
import type { Device, Update, UpdatePlace } from "../../core/domain/records.ts"
import { updateStates } from "../../core/domain/update.ts"
import { runsUnknown } from "../../core/domain/running.ts"
import type { Family, ImageFile } from "../../core/families/family.ts"
import { commit, eventOf } from "./commit.ts"
import { speedOf } from "./device-speed.ts"
import { familyOf } from "./families.ts"
import { advanceRollout } from "./advance-rollout.ts"
import { reopenRollout } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { withLock } from "./ledger/device-lock.ts"
import type { LiveDevice, Offered } from "./live-fleet.ts"
import { moveUpdate } from "./move-update.ts"
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
  return withLock(needs, wire.live, () => takeIn(needs, wire))
}

/** What is needed to draw conclusions about a device's update. */
export function pullContext(
  needs: Pick<Needs, "live" | "families">,
  { device }: LiveDevice,
  update: Update,
): PullContext {
  return {
    rules: familyOf(needs.families, device.family).pull,
    model: device.model,
    version: needs.live.releases.get(update.releaseId)?.version ?? "",
    offer: update.offer ?? {},
    sizeBytes: update.image?.sizeBytes ?? 0,
    speed: speedOf(needs.live, device),
  }
}

async function takeIn(needs: Needs, { live, offered, fact, file }: WireFact): Promise<void> {
  const { update } = live
  if (update === null || update.id !== offered.updateId) return takeInStale(needs, live, offered, fact)
  const family = familyOf(needs.families, live.device.family)
  const context = pullContext(needs, live, update)
  const step = pullStep(context, update.pull, fact)
  if (step.state === update.pull) return
  const evidence = step.findings.map((finding) => toEvidence(needs, context, step.state, finding))
  const move = moveUpdate({ ...update, pull: step.state, place: placeAfter(update, fact, needs.clock.now()) }, evidence)
  const { device, after } = deviceAfter(family, live.device, {
    before: update,
    after: move.update,
    fact,
    context,
    file,
  })
  // A read that taught nothing new is remembered in memory and saved with the next thing that counts.
  const isCounted = step.state.quiet !== update.pull.quiet || step.state.sharing !== update.pull.sharing
  const isQuiet = move.changes.length === 0 && device === live.device && !fact.kind.startsWith("image-") && !isCounted
  if (isQuiet) {
    needs.live.setUpdate(after)
    return
  }
  const changes: Change[] = [{ put: "update", update: after }, ...move.changes, ...doubtEvents(needs, update, after)]
  if (device !== live.device) changes.push({ put: "device", device })
  await commit(needs, deviceActor(live.device.id), changes)
  if (after.progress.state === update.progress.state) return
  const rollout = needs.live.rollouts.get(update.rolloutId)
  if (rollout === undefined) return
  if (!updateStates[after.progress.state].over) await reopenRollout(needs, rollout, live.device.id)
  await advanceRollout(needs, rollout)
}

/** What a transfer took is counted when it ends, however it ends. */
function placeAfter({ place }: Update, fact: PullFact, now: number): UpdatePlace {
  if (fact.kind !== "image-ended" || fact.sent <= fact.from) return place
  return spentMore(place, { bytes: fact.sent - fact.from, sms: 0, now })
}

function toEvidence(
  { clock }: Pick<Needs, "clock">,
  context: PullContext,
  state: PullState,
  { kind, basis, moment }: PullFinding,
): Evidence {
  return { kind, basis, at: clock.now(), sentence: context.rules.words[moment](pullFacts(context, state)) }
}

const sharingWords = {
  overlap: "contacts from two networks came at the same time",
  alternating: "contacts come from two networks by turns",
  rhythms: "what polls here keeps two rhythms, faster together than one device can be",
  versions: "it says by turns that it runs one version and another, and no update lies between",
} as const satisfies Record<SharingSign, string>

/** Why one login seems to be used by two devices, and what the operator can do about it. */
export function sharingSentence(deviceId: string, sign: SharingSign): string {
  return `Two devices seem to share this login: ${sharingWords[sign]}. Nothing is concluded until \`waft device set ${deviceId} --single\` says that it is one device, or \`--running VERSION\` what it runs; a second device gets a login of its own by \`waft device add\`.`
}

function doubtEvents({ clock }: Pick<Needs, "clock">, before: Update, { pull, deviceId, rolloutId }: Update): Change[] {
  if (pull.sharing === null || before.pull.sharing !== null) return []
  const sentence = sharingSentence(deviceId, pull.sharing)
  return [eventOf({ at: clock.now(), kind: "device.doubted", deviceId, rolloutId, basis: "concluded", sentence })]
}

interface Moved {
  readonly before: Update
  readonly after: Update
  readonly fact: PullFact
  readonly context: PullContext
  readonly file: ImageFile | undefined
}

/**
 * What is known of the device itself once the update moved. From its first byte of an image on nobody can say what it runs,
 * until that is concluded, or the transfer is known to have been cut.
 */
function deviceAfter(
  family: Family,
  device: Device,
  moved: Moved,
): { readonly device: Device; readonly after: Update } {
  const { before, after, fact, context, file } = moved
  if (fact.kind === "image-started") {
    const familyState = family.afterFetch(device.familyState, after.offer ?? {}, file)
    const begun = { ...device, familyState }
    if (!reportsNothing(family)) return { device: begun, after }
    const knownBefore = mayHaveImage(before.pull) ? before.pull.knownBefore : device.running.evidence
    return { device: runsUnknown(begun), after: { ...after, pull: { ...after.pull, knownBefore } } }
  }
  const { state, basis } = after.progress
  if (state === "succeeded" && before.progress.state !== "succeeded") {
    return { device: { ...device, running: { version: context.version, evidence: basis } }, after }
  }
  const { knownBefore } = after.pull
  if (
    fact.kind === "image-ended" &&
    !mayHaveImage(after.pull) &&
    knownBefore !== null &&
    after.pull.wholeFetches === 0
  ) {
    return { device: { ...device, running: { ...device.running, evidence: knownBefore } }, after }
  }
  if (before.progress.state === "succeeded" && state !== "succeeded") return { device: runsUnknown(device), after }
  return { device, after }
}

/** Whether what runs can only be concluded. */
function reportsNothing({ pull }: Family): boolean {
  return Number.isFinite(pull.quietContacts.whole)
}

/** A device still fetches what it read before its rollout ended or changed: it may run that now. */
async function takeInStale(needs: Needs, live: LiveDevice, offered: Offered, fact: PullFact): Promise<void> {
  if (fact.kind !== "image-started" && !(fact.kind === "image-ended" && fact.whole)) return
  const { version, evidence } = live.device.running
  // The end of a transfer is seen a moment after it: the device may have reported what it fetched by then.
  const isTold = evidence === "reported" && version === needs.live.releases.get(offered.releaseId)?.version
  if (fact.kind === "image-ended" && isTold) return
  const family = familyOf(needs.families, live.device.family)
  const device = { ...runsUnknown(live.device), familyState: family.afterFetch(live.device.familyState, offered.offer) }
  const release = needs.live.releases.get(offered.releaseId)
  const deed = fact.kind === "image-started" ? "began to fetch" : "fetched whole"
  const at = needs.clock.now()
  const event = eventOf({
    at,
    kind: fact.kind === "image-started" ? "device.late-fetch-started" : "device.late-fetch-finished",
    deviceId: live.device.id,
    releaseId: offered.releaseId,
    basis: "observed",
    sentence: `It ${deed} version ${release?.version ?? "?"}, which it had read as its offer before that was taken back; it may run it after its next restart.`,
  })
  // Whatever was concluded of what it runs is no longer so: the release that it should run is planned anew.
  const current = live.update
  const sentence = `It ${deed} version ${release?.version ?? "?"} after it was taken to run this release, so what it runs is not known; it is offered the release again.`
  const move = current === null ? null : moveUpdate(current, [{ kind: "late-fetch", basis: "observed", at, sentence }])
  const moved: Change[] =
    move === null || move.update === current ? [] : [{ put: "update", update: move.update }, ...move.changes]
  await commit(needs, deviceActor(live.device.id), [{ put: "device", device }, event, ...moved])
  const rollout = needs.live.rollouts.get(current?.rolloutId ?? "")
  if (moved.length === 0 || rollout === undefined) return
  needs.live.toReplan.add(live)
  await reopenRollout(needs, rollout, live.device.id)
}
