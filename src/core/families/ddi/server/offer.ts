import { sha256 } from "../../../kit/sha256.ts"
import { latin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { OfferPlan, OfferSituation } from "../../family.ts"

/** One file of a release. The files stand one behind another in the release's image. */
export interface Artifact {
  readonly filename: string
  readonly offset: number
  readonly sizeBytes: number
  readonly sha1: string
  readonly md5: string
  readonly sha256: string
}

/** How hard a device is asked: `forced` at once, `attempt` when its own application lets it, `skip` not now. */
export type Handling = "forced" | "attempt" | "skip"

/** What a device is offered: one chunk. */
export interface DdiOffer {
  readonly version: string
  /** Type of the chunk: `os`, `bApp` … */
  readonly part: string
  readonly name: string
  readonly handling: Handling
  readonly artifacts: readonly Artifact[]
}

/** Decides what a device is offered. Versions are not compared: going back is an offer like any other. */
export function planOffer({ release }: OfferSituation): OfferPlan {
  return { ok: true, offer: { ...release.details, version: release.version } }
}

/** An offer as it was stored. */
export function readOffer(offer: JsonObject): DdiOffer {
  const text = (key: string, fallback: string): string => {
    const value = offer[key]
    return typeof value === "string" ? value : fallback
  }
  const artifacts = offer["artifacts"]
  return {
    version: text("version", ""),
    part: text("part", "os"),
    name: text("name", "firmware"),
    handling: text("handling", "forced") === "attempt" ? "attempt" : "forced",
    artifacts: Array.isArray(artifacts) ? artifacts : [],
  }
}

/**
 * A number that names something for good: the first 31 bits of its SHA-256, never 0. Clients read the ids of actions and
 * modules as numbers, and some of them in 32 bits.
 */
export function numberOf(text: string): number {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(latin1(text))
  return Math.max(1, (((a & 0x7f) << 24) | (b << 16) | (c << 8) | d) >>> 0)
}

/** The action that an update is for its device: another offer is another action. */
export function actionOf(updateId: string, image: { readonly sha256: string }): string {
  return String(numberOf(`${updateId} ${image.sha256}`))
}

/** The software module that an image is. */
export function moduleOf(image: { readonly sha256: string }): string {
  return String(numberOf(image.sha256))
}
