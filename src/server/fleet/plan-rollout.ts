import { mayHaveImage } from "../../core/domain/pull-state.ts"
import type { Device, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { releaseById, usableRelease } from "./find-release.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { isVirtual, unrehearsed } from "./rehearsed-models.ts"

export interface RolloutWish {
  readonly releaseIds: readonly string[]
  /** Group expression; null = every device that a release fits. */
  readonly group: string | null
  /** Offers the release also to devices that are believed to run it. */
  readonly again?: boolean | undefined
  /** Whether a device may get an older version than it runs. */
  readonly allowsDowngrade?: boolean | undefined
}

export interface RolloutMember {
  readonly device: Device
  readonly release: Release
  /** It runs the release already, as far as is known beyond the operator's word. */
  readonly isThere: boolean
  /** Why it cannot take the release; null = nothing is known against it. */
  readonly obstacle: string | null
}

type Needs = Pick<FleetNeeds, "live" | "families" | "clock">
type PlanNeeds = Pick<FleetNeeds, "store" | "live" | "families" | "images" | "clock">

/** Devices that are looked at before the others have their turn. */
const atOnce = 200

/** Devices that are looked at without a breath. */
const sliceSize = 2000

/**
 * Finds the devices of a rollout and each one's release. Refuses unknown and withdrawn releases, two releases for the
 * same device, and a rollout without a device.
 */
export async function chooseMembers(needs: Needs, wish: RolloutWish): Promise<readonly RolloutMember[]> {
  const releases = releasesOf(needs, wish.releaseIds)
  if (releases.length === 0) throw new Refusal("bad-request", { detail: "a rollout needs at least one release" })
  const members = await membersAmong(needs, wish, releases)
  if (members.length === 0) throw emptyRollout(needs, wish)
  return members
}

/** The devices that a rollout is for, and each one's release; none is no mistake here, nor a release that may not be offered now. */
export async function findMembers(needs: Needs, wish: RolloutWish): Promise<readonly RolloutMember[]> {
  const releases = [...new Set(wish.releaseIds)].map((id) => releaseById(needs, id))
  return membersAmong(needs, wish, releases)
}

async function membersAmong(
  needs: Needs,
  wish: RolloutWish,
  releases: readonly Release[],
): Promise<readonly RolloutMember[]> {
  const group = wish.group === null ? () => true : fleetGroup(needs, wish.group)
  const members: RolloutMember[] = []
  let looked = 0
  for (const id of needs.live.deviceIds.after(null)) {
    if (++looked % sliceSize === 0) await needs.clock.breathe()
    const live = needs.live.devices.get(id)
    if (live === undefined) continue
    const { device } = live
    if (device.admission === "pending" || !group(groupMember(live))) continue
    const release = findRelease(releases, device)
    if (release !== null) members.push({ device, release, isThere: isThere(live, release, wish), obstacle: null })
  }
  return members
}

/** Releases by their ids. Refuses unknown and withdrawn ones. */
export function releasesOf(needs: Pick<Needs, "live">, ids: readonly string[]): readonly Release[] {
  return [...new Set(ids)].map((id) => usableRelease(needs, id))
}

/** The one of the releases that is for a device; null = none is. Refuses two of them. */
export function findRelease(releases: readonly Release[], device: Device): Release | null {
  const [release, ...more] = releases.filter(
    ({ family, models }) => family === device.family && (models.length === 0 || models.includes(device.model)),
  )
  if (release === undefined) return null
  // Two packages that lead to one version are one wish: the way there is found among all packages anyway.
  const other = more.find(({ version, source }) => source === null || version !== release.version)
  if (other !== undefined) throw new Refusal("release-repeated", { release: release.id, other: other.id })
  return release
}

/**
 * Whether a device is believed to run a release, so that it need not be offered it. Not while an update to another release is
 * open that it has read of: it may be fetching that.
 */
export function isThere(
  { device, update }: LiveDevice,
  release: Release,
  { again = false }: Pick<RolloutWish, "again">,
): boolean {
  const { running } = device
  if (again || running.version !== release.version || !["concluded", "reported"].includes(running.evidence))
    return false
  const isElsewhere = update !== null && update.releaseId !== release.id && !isOver(update)
  return !isElsewhere || (update.pull.contact === null && !mayHaveImage(update.pull))
}

function emptyRollout(needs: Needs, { releaseIds, group }: RolloutWish): Refusal {
  const releases = [...new Set(releaseIds)].map((id) => releaseById(needs, id))
  return new Refusal("empty-rollout", { detail: whyEmpty(releases, group) })
}

function whyEmpty(releases: readonly Release[], group: string | null): string {
  const kinds = releases.map(({ family, models }) => (models.length === 0 ? family : `${family} ${models.join("/")}`))
  const among = group === null ? "" : ` and matches ${group}`
  return `no device is ${kinds.join(" or ")}${among}; add devices with \`waft device add\``
}

export interface PlannedMember {
  readonly deviceId: string
  readonly model: string
  readonly releaseId: string
  readonly from: string | null
  readonly to: string
  readonly outcome: "update" | "already-there" | "impossible" | "supersedes"
  readonly sentence: string
}

/** What a rollout would do. */
export interface PlannedRollout {
  readonly members: readonly RolloutMember[]
  /** One for each member, in the same order: by device. */
  readonly rows: readonly PlannedMember[]
}

/** Says what a rollout would do with each device, and does nothing. */
export async function planRollout(needs: PlanNeeds, wish: RolloutWish): Promise<PlannedRollout> {
  const planner = new OfferPlanner(needs)
  const members = await chooseMembers(needs, wish)
  const without = await unrehearsed(needs, members)
  const rows: PlannedMember[] = []
  for (const [index, member] of members.entries()) {
    if (index % atOnce === atOnce - 1) await needs.clock.breathe()
    const rehearsal = without.get(member.release.id)
    const isBarred = rehearsal?.models.has(member.device.model) === true && !isVirtual(member.device)
    const barred = isBarred ? { ...member, obstacle: rehearsal.sentence } : member
    rows.push(await planMember(needs, planner, barred, wish))
  }
  return { members, rows }
}

async function planMember(
  { live }: Pick<FleetNeeds, "live">,
  planner: OfferPlanner,
  { device, release, isThere, obstacle }: RolloutMember,
  wish: Pick<RolloutWish, "allowsDowngrade">,
): Promise<PlannedMember> {
  const common = {
    deviceId: device.id,
    model: device.model,
    releaseId: release.id,
    from: device.running.version,
    to: release.version,
  }
  if (isThere) {
    return { ...common, outcome: "already-there", sentence: `It runs version ${release.version} already.` }
  }
  if (obstacle !== null) return { ...common, outcome: "impossible", sentence: obstacle }
  const planned = await planner.plan(release, offerTarget(device), wish)
  if (!planned.ok) {
    return { ...common, outcome: planned.isLater === true ? "update" : "impossible", sentence: planned.sentence }
  }
  const current = live.devices.get(device.id)?.update ?? null
  if (current !== null && !isOver(current)) {
    const sentence = `It would leave rollout ${current.rolloutId}, in which it is ${current.progress.state}.`
    return { ...common, outcome: "supersedes", sentence }
  }
  const sentence = planned.reason ?? `It would be offered version ${release.version} at its next contact.`
  return { ...common, outcome: "update", sentence }
}
