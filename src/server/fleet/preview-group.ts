import type { FleetNeeds } from "./fleet-needs.ts"
import { findRelease, isThere, releasesOf } from "./plan-rollout.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"

type Needs = Pick<FleetNeeds, "live" | "families" | "images" | "clock">

interface Counted {
  readonly devices: number
}

export interface GroupPreview {
  readonly devices: number
  /** The first of them. */
  readonly ids: readonly string[]
  readonly models: readonly ({ readonly family: string; readonly model: string } & Counted)[]
  readonly versions: readonly ({ readonly family: string; readonly version: string | null } & Counted)[]
  /** Who cannot take the releases, by the reason. */
  readonly cannot: readonly { readonly sentence: string; readonly devices: number; readonly ids: readonly string[] }[]
  /** Devices that none of the releases is for. */
  readonly without: number
}

const namesShown = 50
const namesOfReason = 10
/** Reasons told apart; what comes later is counted with the last. */
const mostReasons = 100
const devicesAtOnce = 200

/** Who is in a group, and who of it cannot take the releases and why. Refuses what `chooseMembers` refuses of releases. */
export async function previewGroup(
  needs: Needs,
  wish: { readonly group: string | null; readonly releaseIds: readonly string[] },
): Promise<GroupPreview> {
  const releases = releasesOf(needs, wish.releaseIds)
  const matches = wish.group === null ? () => true : fleetGroup(needs, wish.group)
  const planner = new OfferPlanner(needs)
  const models = new Map<string, { family: string; model: string; devices: number }>()
  const versions = new Map<string, { family: string; version: string | null; devices: number }>()
  const reasons = new Map<string, { sentence: string; devices: number; ids: string[] }>()
  const ids: string[] = []
  let [devices, without, looked] = [0, 0, 0]
  for (const live of needs.live.devices.values()) {
    if (++looked % devicesAtOnce === 0) await needs.clock.breathe()
    const { device } = live
    if (device.admission === "pending" || !matches(groupMember(live))) continue
    const { id, family, model, running } = device
    devices++
    if (ids.length < namesShown) ids.push(id)
    add(models, `${family} ${model}`, { family, model })
    add(versions, `${family} ${running.version ?? ""}`, { family, version: running.version })
    if (releases.length === 0) continue
    const release = findRelease(releases, device)
    if (release === null) without++
    if (release === null || isThere(live, release, {})) continue
    const planned = await planner.plan(release, offerTarget(device))
    if (planned.ok || planned.isLater === true) continue
    const sentence = reasons.size < mostReasons ? planned.sentence : "For other reasons."
    const reason = reasons.get(sentence) ?? { sentence, devices: 0, ids: [] }
    reasons.set(sentence, reason)
    reason.devices++
    if (reason.ids.length < namesOfReason) reason.ids.push(id)
  }
  const most = (a: Counted, b: Counted): number => b.devices - a.devices
  return {
    devices,
    ids,
    models: [...models.values()].sort(most),
    versions: [...versions.values()].sort(most).slice(0, mostReasons),
    cannot: [...reasons.values()].sort(most),
    without,
  }
}

function add<Kind extends object>(counts: Map<string, Kind & { devices: number }>, key: string, kind: Kind): void {
  const known = counts.get(key)
  if (known === undefined) counts.set(key, { ...kind, devices: 1 })
  else known.devices++
}
