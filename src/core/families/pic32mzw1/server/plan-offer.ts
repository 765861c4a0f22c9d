import type { JsonObject } from "../../../kit/json.ts"
import type { DeltaSide, ImageFile, OfferPlan, OfferSituation } from "../../family.ts"
import { address, boardModel, sectorBytes } from "../models.ts"

/** Decides what a board is offered; a board takes nothing but a version above its own (2.3 rule 7). */
export function planOffer(situation: OfferSituation): OfferPlan {
  const { device, release, image } = situation
  const version = Number(release.version)
  const slot = boardModel(device.model).slot
  // A channel is for whoever comes; its operator knows which boards have its URL.
  if (device.model !== "any" && release.details["bootAddress"] !== slot.bootAddress) {
    return {
      ok: false,
      sentence: `The image is not linked for the slot of ${device.model} at ${address(slot.startAddress)}.`,
    }
  }
  if (device.runningVersion !== null && Number(device.runningVersion) >= version) {
    return {
      ok: false,
      sentence: `The board runs version ${device.runningVersion} and takes only a higher one; publish the program again, compiled with a version above ${device.runningVersion}.`,
    }
  }
  const offer = { version, fileName: `v${version}-${image.sha256.slice(0, 8)}.bin` }
  const patch = patchFor(situation)
  if (patch === null) return { ok: true, offer }
  return {
    ok: true,
    offer: { ...offer, patches: [{ ...patch, image: { ...patch.image } }] },
    reason: `Beside the image of ${image.sizeBytes} bytes it is shown a patch of ${patch.image.sizeBytes} bytes from version ${patch.baseVersion}, which it takes if it still holds that in its store.`,
  }
}

/**
 * The patch from what the board runs. Not for a channel: whoever comes there would be shown it for ever, and a board
 * that does not compare versions before a patch would take it at every poll.
 */
function patchFor({ device, release, image, deltas = [], exact }: OfferSituation): OfferedPatch | null {
  if (exact === true || device.model === "any" || boardModel(device.model).patches !== "applied") return null
  const found = deltas.find(({ from }) => from.version === device.runningVersion)
  if (found === undefined || found.patch.sizeBytes >= image.sizeBytes) return null
  return {
    baseVersion: Number(found.from.version),
    baseSha256: found.from.image.sha256,
    targetSha256: image.sha256,
    fileName: `v${release.version}-${found.patch.sha256.slice(0, 6)}.patch`,
    image: found.patch,
  }
}

/** Boards go forward only, and take no file of one sector or less (pic32mzw1.md 2.5). */
export const deltas: DeltaSide = {
  recipe: (from, to) =>
    Number(from.version) < Number(to.version) && from.details["bootAddress"] === to.details["bootAddress"]
      ? { format: "jojodiff", leastBytes: sectorBytes + 1 }
      : null,
}

/** A patch that an offer shows beside the image (2.3 rule 4). */
export interface OfferedPatch {
  /** The version the base was published as. */
  readonly baseVersion: number
  readonly baseSha256: string
  readonly targetSha256: string
  readonly fileName: string
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}

export function offeredPatches(offer: JsonObject): readonly OfferedPatch[] {
  const patches = offer["patches"]
  return Array.isArray(patches) ? patches : []
}

/**
 * Versions that a board may hold in its store, newest last: what it began to fetch. And the version whose patch it began
 * to fetch: it is shown a patch once, whatever comes of it.
 */
export function afterFetch(familyState: JsonObject, offer: JsonObject, file?: ImageFile): JsonObject {
  const version = offer["version"]
  if (typeof version !== "number") return familyState
  const stored = storedVersions(familyState).filter((known) => known !== version)
  const isPatch = offeredPatches(offer).some(({ image }) => image.sha256 === file?.sha256)
  return { ...familyState, stored: [...stored, version].slice(-8), ...(isPatch ? { patched: version } : {}) }
}

export function storedVersions(familyState: JsonObject): readonly number[] {
  const stored = familyState["stored"]
  return Array.isArray(stored) ? stored.filter((version) => typeof version === "number") : []
}
