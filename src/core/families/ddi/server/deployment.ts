import type { JsonObject } from "../../../kit/json.ts"
import { queryOf, type RouteUpdate } from "../../routes.ts"
import type { DdiContact } from "./contact.ts"
import { link } from "./contact.ts"
import type { KnownAction } from "./memory.ts"
import { type Artifact, type Chunk, moduleOf, readOffer } from "./offer.ts"

interface Shown {
  readonly offer: JsonObject
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
}

/**
 * What there is to do for an offer, as `deploymentBase`, `installedBase` and `confirmationBase` show it. Outside the plan's
 * window a device fetches what it has begun to fetch, and does not install it yet.
 */
export function deploymentOf({ base }: DdiContact, shown: Shown, window: RouteUpdate["window"] = null): JsonObject {
  const { handling, chunks } = readOffer(shown.offer)
  return {
    download: handling,
    update: window === "closed" ? "skip" : handling,
    chunks: chunks.map((chunk, i) => chunkOf(base, chunk, moduleOf(shown.image, i))),
    ...(window === null ? {} : { maintenanceWindow: window === "open" ? "available" : "unavailable" }),
  }
}

function chunkOf(base: string, { part, version, name, artifacts }: Chunk, module: string): JsonObject {
  return { part, version, name, artifacts: artifacts.map((artifact) => artifactView(base, module, artifact)) }
}

/** An artifact with its links. */
export function artifactView(base: string, module: string, artifact: Artifact): JsonObject {
  const { filename, sizeBytes, sha1, md5, sha256 } = artifact
  const file = link(`${base}/softwaremodules/${module}/artifacts/${encodeURIComponent(filename)}`)
  const sum = link(`${file["href"] as string}.MD5SUM`)
  return {
    filename,
    hashes: { sha1, md5, sha256 },
    size: sizeBytes,
    _links: { download: file, "download-http": file, "md5sum-http": sum, md5sum: sum },
  }
}

/** What the device itself has said of the action, newest first, as far as it asks for that (`?actionHistory=N`). */
export function historyOf({ request }: DdiContact, action: KnownAction | null, status: string): JsonObject {
  const wanted = Number(queryOf(request.query)["actionHistory"] ?? 0)
  if (!Number.isInteger(wanted) || wanted === 0 || action === null) return {}
  const messages = [...action.messages].reverse()
  return { actionHistory: { status, messages: wanted < 0 ? messages : messages.slice(0, wanted) } }
}
