import type { Device, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

type Needs = Pick<FleetNeeds, "live" | "store">

/** Whether a device is one in software: `waft virtual swarm` labels those that it adds. */
export function isVirtual({ labels }: Pick<Device, "labels">): boolean {
  return labels["virtual"] === "yes"
}

/** A device of a rollout. */
interface Member {
  readonly device: Device
  readonly release: Release
  readonly isThere: boolean
}

/** Models on which a release has to succeed in software first. */
interface Unrehearsed {
  readonly models: ReadonlySet<string>
  readonly sentence: string
}

/** Of the releases that demand a rehearsal: the members' models on which they have not succeeded in software, by their ids. */
export async function unrehearsed(needs: Needs, members: readonly Member[]): Promise<ReadonlyMap<string, Unrehearsed>> {
  const wanted = new Map<string, { readonly release: Release; readonly models: Set<string> }>()
  for (const { device, release, isThere } of members) {
    if (release.rules?.mustBeRehearsed !== true || isThere || isVirtual(device)) continue
    const known = wanted.get(release.id) ?? { release, models: new Set<string>() }
    wanted.set(release.id, known)
    known.models.add(device.model)
  }
  const found = new Map<string, Unrehearsed>()
  for (const [id, { release, models }] of wanted) {
    for (const model of await rehearsedModels(needs, id)) models.delete(model)
    if (models.size === 0) continue
    const sentence = `The release ${id} (${release.family} version ${release.version}) has to succeed on a virtual device of each model first, and has not on ${[...models].sort().join(", ")}; \`waft virtual swarm --family ${release.family}\` adds some.`
    found.set(id, { models, sentence })
  }
  return found
}

/** Models of virtual devices on which a release has succeeded. */
async function rehearsedModels({ live, store }: Needs, releaseId: string): Promise<ReadonlySet<string>> {
  const models = new Set<string>()
  for (const { rollout } of live.rollouts.values()) {
    if (!rollout.releaseIds.includes(releaseId)) continue
    for (const update of await store.updatesOfRollout(rollout.id)) {
      const device = live.devices.get(update.deviceId)?.device
      const isProof = update.releaseId === releaseId && update.progress.state === "succeeded"
      if (isProof && device !== undefined && isVirtual(device)) models.add(device.model)
    }
  }
  return models
}

/** Refuses `not-rehearsed` where a release demands a rehearsal that has not been. */
export async function demandRehearsal(needs: Needs, members: readonly Member[]): Promise<void> {
  const [first] = (await unrehearsed(needs, members)).values()
  if (first !== undefined) throw new Refusal("not-rehearsed", { detail: first.sentence })
}
