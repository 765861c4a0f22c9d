import { fromLatin1 } from "../../../kit/bytes.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { EraseSide } from "../../family.ts"
import { type HttpSide, notFound, type RouteAnswer, type RouteRequest, type RouteSituation } from "../../routes.ts"
import { longestUrl, type ManifestPatch, writeManifest } from "../codec/manifest.ts"
import { versionToErase } from "../versions.ts"
import { offeredPatches, type OfferedPatch, storedVersions } from "./plan-offer.ts"

/** Name of the manifest in a board's directory. */
const manifestName = "ota.json"
/** `v99-01234567.bin`, `v99-012345.patch`: a name of its own for every version and content, for the board stores under the last segment. */
const longestFileName = 16
/** `url-` and 20 characters. */
const keyChars = 24

/** The path of a board's or channel's manifest. The key is its alone and cannot be guessed. */
export function manifestPath(key: string): string {
  return `/d/${key}/${manifestName}`
}

const byKey = ({ params }: RouteRequest) => ({ by: "login", user: params["key"] ?? "" }) as const

/** What a manifest URL answers, and the images that it names. */
export const httpSide: HttpSide = {
  longestOrigin: {
    chars: longestUrl - `/d/${"k".repeat(keyChars)}/`.length - longestFileName,
    why: `boards keep an image's whole URL in ${longestUrl} characters`,
  },
  routes: [
    { method: "GET", path: manifestPath(":key"), isPoll: true, caller: byKey, answer: manifest },
    { method: "GET", path: "/d/:key/v:name", caller: byKey, answer: image },
  ],
}

function manifest({ device, offered, origin }: RouteSituation, { params }: RouteRequest): RouteAnswer {
  const directoryUrl = `${origin}/d/${params["key"]}/`
  const familyState = device?.familyState ?? {}
  const erase = familyState["erase"]
  if (typeof erase === "number") {
    // All four keys although only two are needed: the same form always.
    const order = writeManifest({ version: versionToErase(erase), ...placeholder(directoryUrl), erase: true })
    return { ...json(order), afterRead: eraseRead(device?.id ?? "", familyState) }
  }
  if (offered === null) return json(writeManifest({ version: 1, ...placeholder(directoryUrl), erase: false }))
  const { version, fileName } = offered.offer as { version: number; fileName: string }
  const isPatched = familyState["patched"] === version
  const patches = isPatched ? [] : offeredPatches(offered.offer).map((patch) => manifestPatch(patch, directoryUrl))
  const url = `${directoryUrl}${fileName}`
  return json(writeManifest({ version, url, digest: offered.image.sha256, erase: false, patches }))
}

function json(content: Uint8Array): RouteAnswer {
  return { status: 200, body: { type: "application/json", text: fromLatin1(content) }, isNotice: true }
}

function image({ offered }: RouteSituation, { params }: RouteRequest): RouteAnswer {
  if (offered === null) return notFound
  const name = `v${params["name"]}`
  const files = [{ fileName: offered.offer["fileName"], image: offered.image }, ...offeredPatches(offered.offer)]
  const found = files.find(({ fileName }) => fileName === name)
  if (found === undefined) return notFound
  const entityTag = found.image.sha256.slice(0, 32)
  return { status: 200, body: { type: "application/octet-stream", image: found.image, entityTag } }
}

/** Once a board has read the order to delete, it waits for a reset and is told so no more. */
function eraseRead(id: string, familyState: JsonObject): NonNullable<RouteAnswer["afterRead"]> {
  const { erase, ...rest } = familyState
  return {
    familyState: { ...rest, stored: storedVersions(familyState).filter((version) => version !== erase) },
    notes: [
      {
        kind: "device.erase-read",
        basis: "observed",
        sentence: `${id} has read the order to delete an image from its store; it now waits for a reset and polls again after that.`,
      },
    ],
  }
}

export const erase: EraseSide = {
  order: (familyState, version) => {
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

function manifestPatch(patch: OfferedPatch, directoryUrl: string): ManifestPatch {
  return {
    baseVersion: versionToErase(patch.baseVersion),
    baseDigest: patch.baseSha256,
    url: `${directoryUrl}${patch.fileName}`,
    patchDigest: patch.image.sha256,
    targetDigest: patch.targetSha256,
  }
}
