import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence, EvidenceKind } from "../../core/domain/evidence.ts"
import type { Device, DeviceAccess, Update } from "../../core/domain/records.ts"
import type { Family } from "../../core/families/family.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf, ticketSide } from "./families.ts"
import { givenUp, isGivenUp } from "./given-up.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice, offeredTo } from "./live-fleet.ts"
import { offerAgain } from "./make-offers.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { withLock } from "./ledger/device-lock.ts"
import { sharingSentence } from "./record-fact.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText"> & {
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

/** Work that stands for a device: what it is offered, and the credentials for just that. */
export interface Work {
  /** Names the order in reports: another offer is another order. */
  readonly order: string
  readonly offer: JsonObject
  readonly sizeBytes: number
  readonly ticket: DeviceAccess
}

/** An agent says what its device runs. What follows from that is durable when this resolves. */
export async function sayRunning(needs: Needs, live: LiveDevice, version: string): Promise<void> {
  const { running } = live.device
  const isNews = running.version !== version || running.evidence !== "reported"
  if (!isNews && !mayPlanAnew(needs, live)) return
  if (isNews && !maySpeak(needs, live)) return
  const mustPlan = await withLock(needs, live, () => takeInVersion(needs, live, version, isNews))
  if (mustPlan) await offerAgain(needs, live)
}

interface Spoken {
  readonly minuteAt: number
  news: number
  unheard: number
}

/** Versions that each device said in its last minute. */
const spoken = new WeakMap<LiveDevice, Spoken>()

/** Whether what a device says of itself is taken in: who says something new too often is heard again in a minute. */
function maySpeak({ clock, hit }: Needs, live: LiveDevice): boolean {
  const now = clock.monotonic()
  const before = spoken.get(live)
  const isOver = before === undefined || now - before.minuteAt >= 60_000
  const minute = isOver ? { minuteAt: now, news: 0, unheard: before?.unheard ?? 0 } : before
  spoken.set(live, minute)
  if (++minute.news <= limits["device.events"].most) return true
  minute.unheard++
  hit?.("device.events")
  return false
}

/** How often a device was not heard since its last event, in words for that. */
function takeUnheard(live: LiveDevice): string {
  const minute = spoken.get(live)
  const { unheard = 0 } = minute ?? {}
  if (minute !== undefined) minute.unheard = 0
  return unheard === 0 ? "" : ` It said ${unheard} other versions before, too often to be taken in.`
}

/** The work that stands for a device whose version is known from itself; null = nothing. */
export function workFor(needs: Pick<Needs, "live" | "families">, live: LiveDevice): Work | null {
  const { device, update } = live
  const { agent } = familyOf(needs.families, device.family)
  if (agent === undefined || device.admission === "pending" || update?.ticket == null) return null
  const offered = offeredTo(needs.live, live)
  if (offered === null || isOver(update)) return null
  // The wrong pair is never handed out: a package is for exactly one version.
  if (device.running.evidence !== "reported" || agent.goal(offered.offer).from !== device.running.version) return null
  return { order: orderName(update), offer: offered.offer, sizeBytes: offered.image.sizeBytes, ticket: update.ticket }
}

/** The order that an update stands for now. */
export function orderName({ id, ticket }: Update): string {
  return `${id}/${ticket?.user ?? ""}`
}

/** The agent has been handed its order. */
export async function noteHandedOut(needs: Needs, live: LiveDevice, work: Work): Promise<void> {
  if (live.update?.progress.state !== "offered" && live.update?.progress.state !== "no-show") return
  await withLock(needs, live, async () => {
    const { update } = live
    if (update === null || orderName(update) !== work.order) return
    const sentence = "Its agent has the order and is about to type the command."
    const read: Evidence = { kind: "offer-read", basis: "observed", at: needs.clock.now(), sentence }
    const move = moveUpdate(update, [read])
    if (move.changes.length === 0) return
    await commit(needs, deviceActor(live.device.id), [{ put: "update", update: move.update }, ...move.changes])
  })
}

/**
 * Whether an update has to be planned: it waits for the version, its package was withdrawn before it was begun, or what is
 * offered does not start from what runs.
 */
export function mayPlanAnew(
  { live: fleet, families }: Pick<Needs, "live" | "families">,
  { device, update }: LiveDevice,
): boolean {
  if (update === null) return false
  const { state } = update.progress
  if (state === "waiting") return true
  if (state !== "offered" || update.offer === null) return false
  if (update.packageId !== null && fleet.releases.get(update.packageId)?.state !== "active") return true
  const side = ticketSide(familyOf(families, device.family))
  return side !== null && device.running.version !== null && side.goal(update.offer).from !== device.running.version
}

async function takeInVersion(needs: Needs, live: LiveDevice, version: string, isNews: boolean): Promise<boolean> {
  const at = needs.clock.now()
  const family = familyOf(needs.families, live.device.family)
  const device: Device = { ...live.device, running: { version, evidence: "reported" } }
  // Of a rollout that is over only a late success is news.
  const late = isNews ? await givenUp(needs, live) : null
  const before = live.update ?? late
  const found = before === null || isClosed(before) ? null : conclude(needs, family, before, version)
  const isTaken = found !== null && (late === null || found.kind === "installed")
  const move = isTaken && before !== null ? moveUpdate(before, [{ ...found, at }]) : null
  const update = move === null ? null : closed(move.update)
  const changes: Change[] = []
  if (isNews) changes.push({ put: "device", device }, versionEvent(live, version, at))
  if (update !== null && move !== null) changes.push({ put: "update", update }, ...move.changes)
  if (move !== null) live.saidVersions = [version]
  const doubt = move === null && late === null ? doubtOfVersions(live, version) : null
  if (doubt !== null) changes.push({ put: "update", update: doubt }, doubted(doubt, at))
  await commit(needs, deviceActor(live.device.id), changes)
  if (late !== null) needs.live.forgetUpdate(live.device.id, late.rolloutId)
  else if (update !== null) await finishOf(needs, update)
  return mayPlanAnew(needs, live)
}

/** The update with the doubt that a version raises which takes turns with another, without an update between; null = none. */
function doubtOfVersions(live: LiveDevice, version: string): Update | null {
  const said = live.saidVersions.at(-1) === version ? live.saidVersions : [...live.saidVersions, version].slice(-4)
  live.saidVersions = said
  const { update } = live
  if (update === null || update.pull.sharing !== null || said.length < 4 || new Set(said).size > 2) return null
  return { ...update, pull: { ...update.pull, sharing: "versions" } }
}

function doubted({ deviceId, rolloutId }: Update, at: number): Change {
  const sentence = sharingSentence(deviceId, "versions")
  return eventOf({ at, kind: "device.doubted", deviceId, rolloutId, basis: "concluded", sentence })
}

function versionEvent(live: LiveDevice, version: string, at: number): Change {
  const { device } = live
  return eventOf({
    at,
    kind: "device.version-reported",
    deviceId: device.id,
    basis: "reported",
    sentence: `${device.id} says that it runs ${version}.${takeUnheard(live)}`,
    data: { version, before: device.running.version },
  })
}

/** What a version that a device says of itself means for its update; null = nothing. */
function conclude(
  needs: Pick<Needs, "live">,
  family: Family,
  update: Update,
  version: string,
): Omit<Evidence, "at"> | null {
  const release = needs.live.releases.get(update.releaseId)
  const meaning = (kind: EvidenceKind, sentence: string) => ({ kind, basis: "reported" as const, sentence })
  if (release?.version === version) return meaning("installed", `It says that it runs ${version}.`)
  const side = ticketSide(family)
  if (update.offer === null || side === null || isOver(update)) return null
  const { from, to } = side.goal(update.offer)
  if (version === to) return meaning("hop-installed", `It says that it runs ${version}, one hop on its way.`)
  if (version === from || notBegun.has(update.progress.state)) return null
  return meaning("install-failed", `It says that it runs ${version}, which is neither ${from} nor ${to}.`)
}

/** A failure can be corrected: what was given up may have been installed late, and says so by its version. */
function isClosed(update: Update): boolean {
  return isOver(update) && !isGivenUp(update)
}

const notBegun: ReadonlySet<string> = new Set(["waiting", "offered", "no-show"])

/** An update that has come to an end, or to the end of a hop, gives its credentials back. */
export function closed(update: Update): Update {
  if (isOver(update)) return { ...update, ticket: null }
  if (update.progress.state !== "waiting") return update
  return { ...update, offer: null, image: null, offerReason: null, packageId: null, ticket: null }
}

async function finishOf(needs: Needs, update: Update): Promise<void> {
  const rollout = needs.live.rollouts.get(update.rolloutId)
  if (rollout !== undefined && isOver(update)) await advanceRollout(needs, rollout)
}
