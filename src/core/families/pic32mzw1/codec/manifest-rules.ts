import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { asInt, type CJson, member, parseCJson } from "./cjson.ts"

/** What a board knows when it reads a manifest. */
export interface ManifestContext {
  /** The constant compiled into the running program, 0..255. */
  readonly runningVersion: number
  /** Set by `EraseVer: true`, cleared only by a later `false` (pic32mzw1.md 2.2 M2). Lives in RAM. */
  readonly stickyErase: boolean
  /** A build without patches does not look at `Patch`. */
  readonly ignoresPatches?: boolean
  /** Whether the device's database holds that version (as it reads it back) with that digest text. */
  readonly holds: (version: number, digest: string) => boolean
}

export type ManifestDecision =
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "erase"; readonly version: number }
  | { readonly kind: "not-newer"; readonly version: number }
  | { readonly kind: "update"; readonly version: number; readonly url: string; readonly digest: string }
  | {
      readonly kind: "patch"
      readonly version: number
      readonly baseVersion: number
      readonly baseDigest: string
      readonly url: string
      readonly patchDigest: string
      readonly targetDigest: string
    }

/** Decides as SYS_OTA_ParseJsonContent does: on the last element of `ota` alone, in the order of 2.3. */
export function decideManifest(
  text: string,
  context: ManifestContext,
): { readonly decision: ManifestDecision; readonly stickyErase: boolean } {
  const last = lastEntry(text)
  const erase = member(last, "EraseVer")
  if (erase !== undefined && erase.kind !== "bool") return keep(context, refused("EraseVer is no bool"))
  const stickyErase = erase === undefined ? context.stickyErase : erase.value
  const version = member(last, "Version")
  const known = version?.kind === "number" ? asInt(version.value) : 0
  if (stickyErase) {
    const decision: ManifestDecision =
      known === 0 ? refused("an erase needs a Version that is a number and not 0") : { kind: "erase", version: known }
    return { decision, stickyErase }
  }
  return { decision: decideUpdate(last, known, context), stickyErase }
}

function decideUpdate(entry: CJson | undefined, version: number, context: ManifestContext): ManifestDecision {
  const url = member(entry, "URL")
  const digest = member(entry, "Digest")
  if (member(entry, "Version") === undefined || url === undefined || digest === undefined) {
    return refused("mandatory fields do not exist")
  }
  if (version === 0) return refused("Version must be a number and not 0")
  const patch = context.ignoresPatches === true ? null : choosePatch(member(entry, "Patch"), version, context)
  if (patch !== null) return patch
  if (url.kind !== "string" || digest.kind !== "string") return refused("URL and Digest must be strings")
  if (context.runningVersion >= version) return { kind: "not-newer", version }
  return { kind: "update", version, url: url.value, digest: digest.value.slice(0, 64) }
}

/** Rule 4: from last to first; the first whose base is held wins and skips the version comparison. */
function choosePatch(patches: CJson | undefined, version: number, context: ManifestContext): ManifestDecision | null {
  if (patches?.kind !== "array") return null
  for (const patch of [...patches.items].reverse()) {
    const baseVersion = member(patch, "BaseVersion")
    const baseDigest = member(patch, "BaseVerDigest")
    if (baseVersion?.kind !== "number" || baseDigest?.kind !== "string") {
      return refused("a Patch entry has no BaseVersion or no BaseVerDigest")
    }
    const base = asInt(baseVersion.value)
    if (!context.holds(base, baseDigest.value)) continue
    const url = text(member(patch, "PatchURL"))
    const patchDigest = text(member(patch, "PatchDigest"))
    const targetDigest = text(member(patch, "TargetDigest"))
    if (url === null || patchDigest === null || targetDigest === null) {
      return refused("a Patch entry has no PatchURL, PatchDigest or TargetDigest")
    }
    return {
      kind: "patch",
      version,
      baseVersion: base,
      baseDigest: baseDigest.value,
      url,
      patchDigest: patchDigest.slice(0, 64),
      targetDigest: targetDigest.slice(0, 64),
    }
  }
  return null
}

function lastEntry(json: string): CJson | undefined {
  let root: CJson
  try {
    root = parseCJson(json).value
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
  const ota = member(root, "ota")
  return ota?.kind === "array" ? ota.items.at(-1) : undefined
}

function text(value: CJson | undefined): string | null {
  return value?.kind === "string" ? value.value : null
}

function refused(why: string): ManifestDecision {
  return { kind: "refused", why }
}

function keep(
  context: ManifestContext,
  decision: ManifestDecision,
): { readonly decision: ManifestDecision; readonly stickyErase: boolean } {
  return { decision, stickyErase: context.stickyErase }
}
