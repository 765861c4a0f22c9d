import { manifestOf, manifestText, type SignedRelease } from "../core/domain/release-manifest.ts"
import { isSignedBy, type ReleaseKey } from "./release-keys.ts"

/** Whose signatures a release needs before a byte of it reaches a device. */
export class ReleaseTrust {
  readonly #keys: ReadonlyMap<string, ReleaseKey>
  readonly #threshold: number
  /** What was found of a record; a record never changes. */
  readonly #found = new WeakMap<SignedRelease, string>()

  /** `threshold` = signatures by different keys that are needed; no keys = none is. */
  constructor(keys: readonly ReleaseKey[], threshold: number) {
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    this.#threshold = keys.length === 0 ? 0 : threshold
  }

  /** Why devices may not have the release, naming what is missing; null = they may. */
  whyNot(release: SignedRelease): string | null {
    if (this.#threshold === 0) return null
    const known = this.#found.get(release)
    if (known !== undefined) return known === "" ? null : known
    const found = this.#examine(release) ?? ""
    this.#found.set(release, found)
    return found === "" ? null : found
  }

  #examine(release: SignedRelease): string | null {
    const payload = manifestText(manifestOf(release))
    const good = new Set<string>()
    const remarks: string[] = []
    for (const signature of release.signatures ?? []) {
      const key = this.#keys.get(signature.keyId)
      if (key === undefined) remarks.push(`${signature.keyId} is no key of this server`)
      else if (!isSignedBy(key, payload, signature))
        remarks.push(`the one by ${signature.keyId} is not for this release`)
      else good.add(key.id)
    }
    if (good.size >= this.#threshold) return null
    const missing = [...this.#keys.keys()].filter((id) => !good.has(id))
    const remark = remarks.length === 0 ? "" : ` (${remarks.join("; ")})`
    const wanted = this.#threshold - good.size
    const which = wanted === missing.length ? missing.join(" and ") : `${wanted} of ${missing.join(", ")}`
    return `it carries ${good.size} of ${this.#threshold} signatures${remark}; missing: ${which}`
  }
}
