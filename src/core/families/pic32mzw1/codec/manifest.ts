import { latin1 } from "../../../kit/bytes.ts"

/** One element of the manifest's `ota` array, as this server writes it: always all four keys (pic32mzw1.md 2.2 M2). */
export interface ManifestEntry {
  readonly version: number
  readonly url: string
  /** SHA-256 of the served bytes, 64 lower-case hexadecimal digits. */
  readonly digest: string
  /** True orders the deletion of the stored image with that version. */
  readonly erase: boolean
  /** Patches that may replace the full image, best first: a board walks the array from its end (2.3 rule 4). */
  readonly patches?: readonly ManifestPatch[]
}

export interface ManifestPatch {
  /** As the board's database reads it back (2.7). */
  readonly baseVersion: number
  readonly baseDigest: string
  readonly url: string
  /** SHA-256 of the patch file. */
  readonly patchDigest: string
  /** SHA-256 of the image the patch makes. */
  readonly targetDigest: string
}

/** The longest manifest that every release line accepts, bytes; ours stay below. */
export const largestManifestBytes = 990
/** The device keeps a URL in 100 bytes and checks nothing (2.2 M7). */
export const longestUrl = 99

/**
 * The manifest's bytes: one element, all four keys, under 990 bytes. As many patches as fit are written, the best last.
 * A URL or digest that no board can take is a bug of the caller and throws `RangeError`.
 */
export function writeManifest(entry: ManifestEntry): Uint8Array {
  check(entry.url, entry.digest)
  const patches = [...(entry.patches ?? [])]
  for (const patch of patches) {
    check(patch.url, patch.patchDigest)
    check(patch.url, patch.targetDigest)
    check(patch.url, patch.baseDigest)
  }
  for (;;) {
    const bytes = latin1(text(entry, patches))
    if (bytes.length < largestManifestBytes) return bytes
    if (patches.pop() === undefined) throw new RangeError(`a manifest of ${bytes.length} bytes fits no board`)
  }
}

function text(entry: ManifestEntry, patches: readonly ManifestPatch[]): string {
  const element = {
    Version: entry.version,
    URL: entry.url,
    Digest: entry.digest,
    EraseVer: entry.erase,
    ...(patches.length === 0
      ? {}
      : {
          Patch: [...patches].reverse().map((patch) => ({
            BaseVersion: patch.baseVersion,
            BaseVerDigest: patch.baseDigest,
            PatchURL: patch.url,
            PatchDigest: patch.patchDigest,
            TargetDigest: patch.targetDigest,
          })),
        }),
  }
  return JSON.stringify({ ota: [element] })
}

function check(url: string, digest: string): void {
  if (url.length > longestUrl || !/^https?:\/\/[!-~]+\/[!-~]*\.[!-~]+$/.test(url) || /[?#]/.test(url)) {
    throw new RangeError(`no board can fetch ${url}`)
  }
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new RangeError(`${digest} is no digest`)
}
