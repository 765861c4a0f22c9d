import { hex } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import { sha256 } from "../../../kit/sha256.ts"
import type {
  DeltaSide,
  Fault,
  HttpSide,
  ImageFile,
  OfferedFile,
  OfferPlan,
  OfferSituation,
  Publication,
  Upload,
} from "../../family.ts"
import { imageFaults, slotOf } from "../codec/image.ts"
import { makeImage } from "../image-tool.ts"
import { looksLikeIntelHex } from "../codec/intel-hex.ts"
import { longestUrl, type ManifestPatch, writeManifest } from "../codec/manifest.ts"
import { address, boardModel, boardModels, sectorBytes } from "../models.ts"
import { versions, versionToErase } from "../versions.ts"

/** Name of the manifest in a board's directory. */
export const manifestName = "ota.json"
/** `v99-01234567.bin`, `v99-012345.patch`: a name of its own for every version and content, for the board stores under the last segment. */
const longestFileName = 16

/**
 * Takes a `.bin` of the vendor's hex2bin step or the linker's HEX. The option `compiled-version` states the constant
 * compiled into the program, which no header carries (pic32mzw1.md 2.6).
 */
export function publish(upload: Upload): Publication {
  const faults: Fault[] = []
  const version = versions.parse(upload.version ?? "")
  if (upload.version === undefined) {
    faults.push({
      rule: "version-missing",
      sentence: "A release of this family needs --version: 1 to 99, the same number that is compiled into the program.",
    })
  } else if ("fault" in version) faults.push(version.fault)
  const made = looksLikeIntelHex(upload.bytes)
    ? makeImage(upload, {})
    : ({ ok: true, bytes: upload.bytes, notes: [] } as const)
  if (!made.ok) return { ok: false, faults: [...faults, ...made.faults] }
  faults.push(...imageFaults(made.bytes), ...slotFaults(made.bytes, upload.models))
  const number = "version" in version ? Number(version.version) : 0
  const stated = compiledVersion(upload.options["compiled-version"], number)
  if ("fault" in stated) faults.push(stated.fault)
  if (faults.length > 0 || !("compiled" in stated)) return { ok: false, faults }
  return {
    ok: true,
    image: made.bytes,
    version: String(number),
    details: {
      compiledVersion: stated.compiled,
      compiledVersionStated: upload.options["compiled-version"] !== undefined,
      bootAddress: slotOf(made.bytes)?.bootAddress ?? 0,
    },
    notes: [...made.notes, `"Digest":"${hex(sha256(made.bytes))}"`, ...versionNotes(number, stated.compiled, upload)],
  }
}

function compiledVersion(
  text: string | undefined,
  version: number,
): { readonly compiled: number } | { readonly fault: Fault } {
  if (text === undefined) return { compiled: version }
  const compiled = /^\d{1,3}$/.test(text) ? Number(text) : -1
  if (compiled < 0 || compiled > 255) {
    return {
      fault: {
        rule: "compiled-version",
        sentence: "The version constant compiled into a program is a number from 0 to 255.",
      },
    }
  }
  if (compiled >= version) return { compiled }
  return {
    fault: {
      rule: "compiled-version-low",
      sentence: `The program is compiled as version ${compiled} and would be published as ${version}: a board would fetch it, restart, find ${version} newer than ${compiled} and fetch it again, for ever. Build it with the version constant ${version}, or publish it as ${compiled}.`,
    },
  }
}

function versionNotes(version: number, compiled: number, upload: Upload): readonly string[] {
  const notes: string[] = []
  if (upload.options["compiled-version"] === undefined) {
    notes.push(
      `The program's own version constant is taken to be ${version}; if it is lower, boards fetch the image again after every restart, and the third fetch ends their update.`,
    )
  }
  if (compiled > version) {
    notes.push(`Boards will run as version ${compiled}: the next release must be above ${compiled}.`)
  }
  if (version >= 10) {
    notes.push(
      `Boards write version ${version} in decimal and read it as hexadecimal (${versionToErase(version)}); orders to delete it are corrected for that.`,
    )
  }
  return notes
}

/** An image for another slot than a model's would be programmed where it cannot run. */
function slotFaults(image: Uint8Array, models: readonly string[]): readonly Fault[] {
  const slot = slotOf(image)
  return boardModels
    .filter((model) => models.includes(model.id) && slot !== null && model.slot !== slot)
    .map((model) => ({
      rule: "wrong-slot",
      sentence: `The image is linked for ${address(slot?.startAddress ?? 0)}, but the slot of ${model.id} begins at ${address(model.slot.startAddress)}.`,
    }))
}

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

function storedVersions(familyState: JsonObject): readonly number[] {
  const stored = familyState["stored"]
  return Array.isArray(stored) ? stored.filter((version) => typeof version === "number") : []
}

/** What a manifest URL answers. */
export const httpSide: HttpSide = {
  noticeName: manifestName,
  urlChars: longestUrl,
  nameChars: longestFileName,
  files: ({ offered, familyState, directoryUrl }) => {
    const erase = familyState["erase"]
    if (typeof erase === "number") {
      // All four keys although only two are needed: the same form always.
      return [notice(writeManifest({ version: versionToErase(erase), ...placeholder(directoryUrl), erase: true }))]
    }
    if (offered === null) return [notice(writeManifest({ version: 1, ...placeholder(directoryUrl), erase: false }))]
    const { version, fileName } = offered.offer as { version: number; fileName: string }
    const patches = offeredPatches(offered.offer)
    const manifest = writeManifest({
      version,
      url: `${directoryUrl}${fileName}`,
      digest: offered.image.sha256,
      erase: false,
      patches: familyState["patched"] === version ? [] : patches.map((patch) => manifestPatch(patch, directoryUrl)),
    })
    return [
      notice(manifest),
      { name: fileName, role: "image", image: offered.image },
      ...patches.map((patch): OfferedFile => ({ name: patch.fileName, role: "image", image: patch.image })),
    ]
  },
  afterRead: (familyState) => {
    if (typeof familyState["erase"] !== "number") return familyState
    const { erase, ...rest } = familyState
    return { ...rest, stored: storedVersions(familyState).filter((version) => version !== erase) }
  },
  orderErase: (familyState, version) => {
    const number = Number(version)
    if (!storedVersions(familyState).includes(number)) return null
    const written = versionToErase(number)
    const corrected = written === number ? "" : ` (as ${written}, which is how the board reads ${number} back)`
    return {
      familyState: { ...familyState, erase: number },
      sentence: `At its next poll the board is told to delete version ${number} from its store${corrected}; after that the board waits for a reset, and what runs goes on running.`,
    }
  },
}

/**
 * "Nothing for you": version 1 is above no program's constant but 0, and `EraseVer: false` clears the sticky flag, which
 * an empty array would not (2.2 M2, 2.3).
 */
function placeholder(directoryUrl: string): { readonly url: string; readonly digest: string } {
  return { url: `${directoryUrl}none.bin`, digest: "0".repeat(64) }
}

function notice(content: Uint8Array): OfferedFile {
  return { name: manifestName, role: "notice", content }
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

function offeredPatches(offer: JsonObject): readonly OfferedPatch[] {
  const patches = offer["patches"]
  return Array.isArray(patches) ? patches : []
}

function manifestPatch(patch: OfferedPatch, directoryUrl: string): ManifestPatch {
  return {
    baseVersion: versionToErase(patch.baseVersion),
    baseDigest: patch.baseSha256,
    url: `${directoryUrl}${patch.fileName}`,
    patchDigest: patch.image.sha256,
    targetDigest: patch.targetSha256,
  }
}
