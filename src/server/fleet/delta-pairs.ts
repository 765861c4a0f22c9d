import type { Release } from "../../core/domain/records.ts"
import type { DeltaRecipe, Family, ReadyDelta } from "../../core/families/family.ts"
import { familyOf } from "./families.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

/** A patch that a release may have: from what stands on devices to the release. */
export interface DeltaPair {
  /** Names both images and the recipe: the same key is the same patch. */
  readonly key: string
  readonly from: Release
  readonly to: Release
  readonly recipe: DeltaRecipe
  /** How many devices run `from`, as far as is known. */
  readonly devices: number
}

/** Patches to one release at most: from the versions that most devices run. */
const mostPairs = 16
/** Releases before this one that get a patch even when no device is known to run them. */
const newestAnyway = 2

type Needs = Pick<FleetNeeds, "live" | "families">

/** The patches worth making for a release: the versions that its devices run, the most frequent first. */
export function deltaPairs(needs: Needs, to: Release): readonly DeltaPair[] {
  const family = familyOf(needs.families, to.family)
  if (family.deltas === undefined || to.state === "withdrawn" || isPackage(to)) return []
  const running = installedVersions(needs, to)
  const older = [...needs.live.releases.values()]
    .filter((from) => from.family === to.family && from.image.sha256 !== to.image.sha256 && !isPackage(from))
    .sort((a, b) => family.versions.compare(b.version, a.version))
  const pairs = new Map<string, DeltaPair>()
  let anyway = newestAnyway
  for (const from of older) {
    const pair = pairOf(family, from, to)
    const devices = running.get(from.version) ?? 0
    if (pair === null || pairs.has(pair.key) || (devices === 0 && anyway-- <= 0)) continue
    pairs.set(pair.key, { ...pair, devices })
  }
  return [...pairs.values()].sort((a, b) => b.devices - a.devices).slice(0, mostPairs)
}

function pairOf(family: Family, from: Release, to: Release): Omit<DeltaPair, "devices"> | null {
  const recipe = family.deltas?.recipe(from, to) ?? null
  if (recipe === null) return null
  return { key: `${from.image.sha256}-${to.image.sha256}-${recipeText(recipe)}`, from, to, recipe }
}

/** A vendor's package is no image: nothing can be made from it or to it. */
function isPackage({ source }: Release): boolean {
  return source !== null
}

function recipeText(recipe: DeltaRecipe): string {
  if (recipe.format === "jojodiff") return `jojodiff-${recipe.leastBytes}`
  return `waft-${recipe.profile}-${recipe.sectorBytes ?? "stream"}`
}

function installedVersions({ live }: Needs, { family, models }: Release): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { device } of live.devices.values()) {
    const { version } = device.running
    if (device.family !== family || version === null) continue
    if (models.length > 0 && !models.includes(device.model)) continue
    counts.set(version, (counts.get(version) ?? 0) + 1)
  }
  return counts
}

/** The patches to a release that are made and smaller than its image. */
export function readyDeltas({ live, families }: Needs, to: Release): readonly ReadyDelta[] {
  const family = familyOf(families, to.family)
  if (family.deltas === undefined || live.deltas.size === 0 || isPackage(to)) return []
  return [...live.releases.values()].flatMap((from) => {
    if (from.family !== to.family || from.image.sha256 === to.image.sha256 || isPackage(from)) return []
    const pair = pairOf(family, from, to)
    const patch = pair === null ? null : (live.deltas.get(pair.key)?.patch ?? null)
    return patch === null || patch.sizeBytes >= to.image.sizeBytes ? [] : [{ from, patch }]
  })
}
