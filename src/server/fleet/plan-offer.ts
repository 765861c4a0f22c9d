import type { Hop } from "../../core/domain/chain.ts"
import { noRules } from "../../core/domain/marks.ts"
import type { Device, ImageRef, Release } from "../../core/domain/records.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import type { ReadyDelta } from "../../core/families/family.ts"
import { forbiddenUpgrade } from "../../core/rollout/compatibility.ts"
import { readyDeltas } from "./delta-pairs.ts"
import { familyOf } from "./families.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

export type PlannedOffer =
  | {
      readonly ok: true
      readonly offer: JsonObject
      readonly image: ImageRef
      readonly reason: string | null
      readonly packageId: string | null
    }
  | { readonly ok: false; readonly sentence: string; readonly isLater?: true }

type Needs = Pick<FleetNeeds, "images" | "families" | "live">

/** The device as `Family.planOffer` sees it. */
export type OfferTarget = Pick<Device, "id" | "model" | "familyState"> & {
  readonly runningVersion: string | null
  /** The device itself says that it runs that version. */
  readonly isReported: boolean
  /** The version is the operator's own choice and announced as it is. */
  readonly exact?: boolean
}

export function offerTarget(device: Device): OfferTarget {
  const { id, model, familyState, running } = device
  const runningVersion = running.evidence === "unknown" ? null : running.version
  return { id, model, familyState, runningVersion, isReported: running.evidence === "reported" }
}

/** Makes offers of releases to devices as things stand now: not to be kept. An image that must be edited for a device is edited once for all that need it. */
export class OfferPlanner {
  readonly #needs: Needs
  readonly #edited = new Map<string, Promise<ImageRef>>()
  readonly #packages = new Map<string, readonly Hop[]>()
  /** Patches by release, as they stood when the planner was made: one round of offers sees the same. */
  readonly #deltas = new Map<string, readonly ReadyDelta[]>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** `allowsDowngrade`: whether the device may get an older version than it runs. */
  async plan(
    release: Release,
    target: OfferTarget,
    { allowsDowngrade = true }: { readonly allowsDowngrade?: boolean | undefined } = {},
  ): Promise<PlannedOffer> {
    const family = familyOf(this.#needs.families, release.family)
    const unsigned = this.#needs.live.whyNotOffered(release)
    if (unsigned !== null) return { ok: false, sentence: `The release ${release.id} may not be offered: ${unsigned}.` }
    const { exact = false, ...device } = target
    const upgrade = {
      running: target.runningVersion,
      target: release.version,
      rules: release.rules ?? noRules,
      allowsDowngrade,
      compare: family.versions.compare,
    }
    // What a package leads over is said by its path: a way around what is forbidden is a way.
    const rules = release.source === null ? upgrade.rules : noRules
    const refusal = exact ? null : forbiddenUpgrade({ ...upgrade, rules })
    if (refusal !== null) {
      return { ok: false, sentence: refusal, ...(target.runningVersion === null ? { isLater: true } : {}) }
    }
    const plan = family.planOffer({
      device,
      exact,
      release: { version: release.version, details: release.details },
      image: release.image,
      packages: this.#packagesFor(release.family, device.model),
      deltas: this.#deltasTo(release),
    })
    if (!plan.ok) return { ...plan, sentence: forbiddenUpgrade(upgrade) ?? plan.sentence }
    const chosen = plan.packageId === undefined ? release.image : this.#needs.live.releases.get(plan.packageId)?.image
    if (chosen === undefined) throw new Error(`the package ${plan.packageId} is no release`)
    const image = plan.edit === undefined ? chosen : await this.#edit(chosen, plan.edit)
    return { ok: true, offer: plan.offer, image, reason: plan.reason ?? null, packageId: plan.packageId ?? null }
  }

  /** Messages that an update of a device may take, as its family says. */
  messagesFor(family: string, familyState: JsonObject): number {
    return familyOf(this.#needs.families, family).conversation?.messagesOfUpdate(familyState) ?? 0
  }

  #packagesFor(family: string, model: string): readonly Hop[] {
    const key = `${family}/${model}`
    const known = this.#packages.get(key)
    if (known !== undefined) return known
    const found = [...this.#needs.live.releases.values()].flatMap((release): Hop[] => {
      const { id, source, version, models, image, state } = release
      const isOpen = state === "active" && this.#needs.live.whyNotOffered(release) === null
      const isFit = release.family === family && isOpen && (models.length === 0 || models.includes(model))
      if (!isFit || source === null) return []
      const { compare } = familyOf(this.#needs.families, family).versions
      const hop = { running: source, target: version, rules: release.rules ?? noRules, allowsDowngrade: true, compare }
      return forbiddenUpgrade(hop) === null ? [{ id, from: source, to: version, sizeBytes: image.sizeBytes }] : []
    })
    this.#packages.set(key, found)
    return found
  }

  #deltasTo(release: Release): readonly ReadyDelta[] {
    const known = this.#deltas.get(release.id) ?? readyDeltas(this.#needs, release)
    this.#deltas.set(release.id, known)
    return known
  }

  #edit(image: ImageRef, edit: { readonly offset: number; readonly bytes: Uint8Array }): Promise<ImageRef> {
    const key = `${image.sha256}:${edit.offset}:${edit.bytes.join()}`
    const known = this.#edited.get(key) ?? editImage(this.#needs, image, edit)
    this.#edited.set(key, known)
    return known
  }
}

async function editImage(
  { images }: Needs,
  image: ImageRef,
  edit: { readonly offset: number; readonly bytes: Uint8Array },
): Promise<ImageRef> {
  const hold = await images.open(image)
  try {
    const bytes = Uint8Array.from(await hold.read(0, hold.sizeBytes))
    bytes.set(edit.bytes, edit.offset)
    return await images.put(bytes)
  } finally {
    hold.release()
  }
}
