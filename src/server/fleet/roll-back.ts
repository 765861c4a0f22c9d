import { engine } from "../../core/domain/actor.ts"
import { simplePlan } from "../../core/domain/plan.ts"
import type { Release, Update } from "../../core/domain/records.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isLive } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"
import type { RolloutMember } from "./plan-rollout.ts"
import { startWith } from "./start-rollout.ts"
import { rolloutById } from "./find-rollout.ts"
import { abortRollout } from "./steer-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/**
 * Takes a rollout back: it is ended, and every device that had begun gets what it ran before, by its family's own means. A
 * device that had not begun is left alone; one that cannot go back fails with the reason. Gives the rollout of the way
 * back, or the ended one where nobody had begun. Refuses `no-such-rollout`.
 */
export async function rollBackRollout(
  needs: Needs & OnBehalf,
  id: string,
  { mustBeApproved = false }: { readonly mustBeApproved?: boolean } = {},
): Promise<LiveRollout> {
  return rollBack(needs, rolloutById(needs, id), { reason: null, mustBeApproved })
}

/** Takes back what the engine wants taken back. */
export async function rollBackDue(needs: Needs): Promise<void> {
  for (const [live, reason] of needs.live.goingBack) {
    needs.live.goingBack.delete(live)
    if (isLive(live.rollout.state)) await rollBack({ ...needs, actor: engine }, live, { reason, mustBeApproved: false })
  }
}

interface Wish {
  /** Why the engine wants it; null = a person does. */
  readonly reason: string | null
  /** The rollout ends at once; its way back waits for a second person. */
  readonly mustBeApproved: boolean
}

async function rollBack(
  needs: Needs & OnBehalf,
  live: LiveRollout,
  { reason, mustBeApproved }: Wish,
): Promise<LiveRollout> {
  const { rollout } = live
  const members = await waysBack(needs, rollout.id)
  if (members.length === 0) {
    if (isLive(rollout.state)) await abortRollout(needs, rollout.id, reason ?? "It was rolled back; nobody had begun")
    return live
  }
  const releases = [...new Set(members.flatMap(({ way }) => ("release" in way ? [way.release.id] : [])))]
  const plan = {
    ...simplePlan({ releases, group: null, silenceMs: rollout.silenceTimeoutMs }),
    name: `back from ${rollout.id}`,
    approval: mustBeApproved,
    silence: rollout.plan.silence,
    windows: rollout.plan.windows,
    budget: { ...rollout.plan.budget, bytes: null, sms: null, money: null },
  }
  if (isLive(rollout.state)) await abortRollout(needs, rollout.id, reason ?? "It was rolled back")
  return startWith(needs, {
    plan,
    members: members.map(({ device, way }) => toMember(needs, device, way)),
    rollbackOf: rollout.id,
  })
}

/** The devices of a rollout that have begun, on their way back. */
export async function membersBack(needs: Needs, rolloutId: string): Promise<readonly RolloutMember[]> {
  return (await waysBack(needs, rolloutId)).map(({ device, way }) => toMember(needs, device, way))
}

async function waysBack(needs: Needs, rolloutId: string) {
  const updates = newestOf(await needs.store.updatesOfRollout(rolloutId))
  const begun = updates.flatMap((update) => current(needs, update) ?? []).filter(({ place }) => place.hasBegun)
  return begun.flatMap((update) => memberOf(needs, update) ?? [])
}

/** The newest try of each device. */
function newestOf(updates: readonly Update[]): readonly Update[] {
  const newest = new Map<string, Update>()
  for (const update of updates) {
    const known = newest.get(update.deviceId)
    if (known === undefined || known.place.tryNumber < update.place.tryNumber) newest.set(update.deviceId, update)
  }
  return [...newest.values()]
}

/** The update as it stands in memory; null = the device is gone, or a later rollout has it. */
function current({ live }: Needs, update: Update): Update | null {
  const device = live.devices.get(update.deviceId)
  if (device === undefined) return null
  if (device.update === null) return update
  if (device.update.id === update.id) return device.update
  const later = live.rollouts.get(device.update.rolloutId)?.rollout.number ?? 0
  return later > (live.rollouts.get(update.rolloutId)?.rollout.number ?? 0) ? null : update
}

type Way = { readonly release: Release } | { readonly obstacle: string; readonly releaseId: string }

function memberOf({ live }: Needs, update: Update): { readonly device: string; readonly way: Way } | null {
  const { from } = update.place
  const wanted = live.releases.get(update.releaseId)
  const live_ = live.devices.get(update.deviceId)
  if (wanted === undefined || live_ === undefined || from === wanted.version) return null
  const releaseId = update.releaseId
  if (from === null) {
    const obstacle = "Nobody knows what it ran before, so it cannot be brought back to that."
    return { device: update.deviceId, way: { obstacle, releaseId } }
  }
  const release = releaseBefore([...live.releases.values()], {
    family: wanted.family,
    model: live_.device.model,
    version: from,
  })
  if (release !== null) return { device: update.deviceId, way: { release } }
  const obstacle = `It ran version ${from} before, and there is no release of that for its model: publish one, or a package that leads back to it.`
  return { device: update.deviceId, way: { obstacle, releaseId } }
}

/** A release of that version for that model, a full image before a package. */
function releaseBefore(
  releases: readonly Release[],
  { family, model, version }: { readonly family: string; readonly model: string; readonly version: string },
): Release | null {
  const fits = releases.filter(
    (release) =>
      release.family === family &&
      release.version === version &&
      release.state === "active" &&
      (release.models.length === 0 || release.models.includes(model)),
  )
  return fits.find(({ source }) => source === null) ?? fits[0] ?? null
}

function toMember({ live }: Needs, deviceId: string, way: Way): RolloutMember {
  const device = live.devices.get(deviceId)?.device
  const release = "release" in way ? way.release : live.releases.get(way.releaseId)
  if (device === undefined || release === undefined) throw new Error(`${deviceId} or its release is gone`)
  const { version, evidence } = device.running
  const isThere = "release" in way && version === release.version && evidence === "reported"
  return { device, release, isThere, obstacle: "obstacle" in way ? way.obstacle : null }
}
