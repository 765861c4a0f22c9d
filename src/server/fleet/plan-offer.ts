import type { Device, ImageRef, Release } from "../../core/domain/records.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { familyOf } from "./families.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

export type PlannedOffer =
  | { readonly ok: true; readonly offer: JsonObject; readonly image: ImageRef; readonly reason: string | null }
  | { readonly ok: false; readonly sentence: string }

type Needs = Pick<FleetNeeds, "images" | "families">

/** The device as `Family.planOffer` sees it. */
export type OfferTarget = Pick<Device, "id" | "model" | "familyState"> & {
  readonly runningVersion: string | null
  /** The version is the operator's own choice and announced as it is. */
  readonly exact?: boolean
}

export function offerTarget(device: Device): OfferTarget {
  const { id, model, familyState, running } = device
  return { id, model, familyState, runningVersion: running.version }
}

/** Makes offers of releases to devices; an image that must be edited for a device is edited once for all that need it. */
export class OfferPlanner {
  readonly #needs: Needs
  readonly #edited = new Map<string, Promise<ImageRef>>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  async plan(release: Release, target: OfferTarget): Promise<PlannedOffer> {
    const family = familyOf(this.#needs.families, release.family)
    const { exact = false, ...device } = target
    const plan = family.planOffer({
      device,
      exact,
      release: { version: release.version, details: release.details },
      image: release.image,
    })
    if (!plan.ok) return plan
    const image = plan.edit === undefined ? release.image : await this.#edit(release.image, plan.edit)
    return { ok: true, offer: plan.offer, image, reason: plan.reason ?? null }
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
