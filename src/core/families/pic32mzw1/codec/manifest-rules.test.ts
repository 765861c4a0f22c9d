import { describe, expect, it } from "vitest"
import { readFileSync } from "node:fs"
import { decideManifest, type ManifestContext } from "./manifest-rules.ts"

interface Vector {
  readonly says: string
  readonly section: string
  readonly manifest: string
  readonly running: number
  readonly sticky?: boolean
  readonly rows?: readonly (readonly [number, string])[]
  readonly decision: Record<string, unknown>
  readonly stickyAfter?: boolean
}

const vectors = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8")) as {
  readonly manifests: readonly Vector[]
}

describe("the manifest rules", () => {
  it.each(vectors.manifests.map((vector) => ({ ...vector })))("$section: $says", (vector) => {
    const context: ManifestContext = {
      runningVersion: vector.running,
      stickyErase: vector.sticky ?? false,
      holds: (version, digest) => (vector.rows ?? []).some((row) => row[0] === version && row[1] === digest),
    }
    const { decision, stickyErase } = decideManifest(vector.manifest, context)
    expect(decision).toMatchObject(vector.decision)
    expect(stickyErase).toBe(vector.stickyAfter ?? vector.sticky ?? false)
  })
})
