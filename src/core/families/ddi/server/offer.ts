import { sha256 } from "../../../kit/sha256.ts"
import { latin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { OfferPlan, OfferSituation } from "../../family.ts"
import { clientModel } from "../models.ts"

/** One file of a release. The files of all chunks stand one behind another in the release's image. */
export interface Artifact {
  readonly filename: string
  readonly offset: number
  readonly sizeBytes: number
  readonly sha1: string
  readonly md5: string
  readonly sha256: string
}

/** How hard a device is asked: `forced` at once, `attempt` when its own application lets it. */
export type Handling = "forced" | "attempt"

/** What hawkBit calls a software module: a part of the device with the files that are installed there. */
export interface Chunk {
  /** Its type: `os`, `bApp` … */
  readonly part: string
  readonly name: string
  readonly version: string
  readonly artifacts: readonly Artifact[]
}

/** What a device is offered. */
export interface DdiOffer {
  readonly handling: Handling
  /** At least one, in the order in which they were published. */
  readonly chunks: readonly Chunk[]
}

/** Decides what a device is offered. Versions are not compared: going back is an offer like any other. */
export function planOffer({ release, device }: OfferSituation): OfferPlan {
  const offer = { ...release.details, version: release.version }
  const { mostArtifacts, title } = clientModel(device.model)
  const count = readOffer(offer).chunks.reduce((sum, { artifacts }) => sum + artifacts.length, 0)
  if (count <= mostArtifacts) return { ok: true, offer }
  const most = mostArtifacts === 1 ? "one file" : `${mostArtifacts} files`
  const sentence = `${title} takes a release of ${most}, and ${release.version} has ${count}: publish one of its own for this model.`
  return { ok: false, sentence }
}

/** An offer as it was stored. */
export function readOffer(offer: JsonObject): DdiOffer {
  const text = (key: string, fallback: string): string => {
    const value = offer[key]
    return typeof value === "string" ? value : fallback
  }
  const { chunks, artifacts } = offer
  const handling = text("handling", "forced") === "attempt" ? "attempt" : "forced"
  if (Array.isArray(chunks)) return { handling, chunks }
  // Releases of earlier servers are one chunk, and say so without a list.
  const only = { part: text("part", "os"), name: text("name", "firmware"), version: text("version", "") }
  return { handling, chunks: [{ ...only, artifacts: Array.isArray(artifacts) ? artifacts : [] }] }
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

/** The software module that a chunk of an image is, by its place among the chunks. */
export function moduleOf(image: { readonly sha256: string }, index: number): string {
  return String(numberOf(index === 0 ? image.sha256 : `${image.sha256} ${index}`))
}
