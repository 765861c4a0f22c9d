import { mayHaveImage } from "../../core/domain/pull-state.ts"
import type { Device, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { releaseById } from "./find-release.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"

export interface RolloutWish {
  readonly releaseIds: readonly string[]
  /** Group expression; null = every device that a release fits. */
  readonly group: string | null
  /** Offers the release also to devices that are believed to run it. */
  readonly again?: boolean | undefined
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

/**
 * Finds the devices of a rollout and each one's release. Refuses unknown and withdrawn releases, two releases for the
 * same device, and a rollout without a device.
 */
export function chooseMembers(needs: Needs, wish: RolloutWish): readonly RolloutMember[] {
  const releases = [...new Set(wish.releaseIds)].map((id) => releaseById(needs, id))
  if (releases.length === 0) throw new Refusal("bad-request", { detail: "a rollout needs at least one release" })
  for (const release of releases) {
    if (release.state === "withdrawn") throw new Refusal("release-withdrawn", { release: release.id })
  }
  const group = wish.group === null ? () => true : fleetGroup(needs, wish.group)
  const members: RolloutMember[] = []
  for (const live of needs.live.devices.values()) {
    const { device } = live
    if (device.admission === "pending" || !group(groupMember(live))) continue
    const release = releaseFor(releases, device)
    if (release !== null) members.push({ device, release, isThere: isThere(live, release, wish), obstacle: null })
  }
  if (members.length === 0) throw new Refusal("empty-rollout", { detail: whyEmpty(releases, wish.group) })
  return members
}

function releaseFor(releases: readonly Release[], device: Device): Release | null {
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

/** Says what a rollout would do with each device, and does nothing. */
export async function planRollout(
  needs: Pick<FleetNeeds, "live" | "families" | "images" | "clock">,
  wish: RolloutWish,
): Promise<readonly PlannedMember[]> {
  const planner = new OfferPlanner(needs)
  return Promise.all(chooseMembers(needs, wish).map((member) => planMember(needs, planner, member)))
}

async function planMember(
  { live }: Pick<FleetNeeds, "live">,
  planner: OfferPlanner,
  { device, release, isThere }: RolloutMember,
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
  const planned = await planner.plan(release, offerTarget(device))
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
