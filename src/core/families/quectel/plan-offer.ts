import { findChain } from "../../domain/chain.ts"
import type { JsonObject } from "../../kit/json.ts"
import type { OfferPlan, OfferSituation } from "../family.ts"
import { moduleProfile } from "./models.ts"

/** One hop on a module's way to a release. */
export interface HopOffer {
  readonly from: string
  readonly to: string
  /** Hops from here to the release, this one included. */
  readonly hops: number
  readonly transport: "ftp" | "http"
}

/** The first hop of the cheapest way from what the module itself says that it runs. */
export function planOffer({ device, release, packages = [] }: OfferSituation): OfferPlan {
  const { runningVersion: from } = device
  if (from === null || !device.isReported) {
    const sentence =
      "It waits for its agent to say what it runs: a package fits exactly one firmware, so nothing is planned on hearsay."
    return { ok: false, isLater: true, sentence }
  }
  const way = findChain(packages, from, release.version)
  if (way === null) return { ok: false, sentence: noWay(packages, from, release.version) }
  const [first] = way
  if (first === undefined) return { ok: false, sentence: `It runs ${from} already.` }
  const transport = transportOf(device.model, release.details)
  const offer: HopOffer = { from, to: first.to, hops: way.length, transport }
  const sizes = way.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const stations = [from, ...way.map(({ to }) => to)].join(" → ")
  const reason = way.length > 1 ? `Its way has ${way.length} hops (${stations}), ${sizes} bytes in all.` : undefined
  return { ok: true, offer: { ...offer }, packageId: first.id, ...(reason === undefined ? {} : { reason }) }
}

function noWay(packages: OfferSituation["packages"] & object, from: string, to: string): string {
  const starts = new Set(packages.map((hop) => hop.from))
  const hint = starts.has(from)
    ? `the packages from ${from} lead to ${listed(packages.filter((hop) => hop.from === from).map((hop) => hop.to))}`
    : "no package starts from there"
  return `No package leads from ${from}, which it runs, to ${to} (${hint}), so nothing is sent; get the package for this pair from the vendor, publish it, and start the rollout again.`
}

function listed(versions: readonly string[]): string {
  const unique = [...new Set(versions)].sort()
  return unique.length > 4 ? `${unique.slice(0, 4).join(", ")} and others` : unique.join(", ")
}

function transportOf(model: string, details: JsonObject): HopOffer["transport"] {
  const wanted = details["transport"]
  if (wanted === "ftp" || wanted === "http") return wanted
  return moduleProfile(model).schemes.includes("ftp") ? "ftp" : "http"
}

/** The offer as this file wrote it. */
export function readOffer(offer: JsonObject): HopOffer {
  const { from, to, hops, transport } = offer
  if (typeof from !== "string" || typeof to !== "string" || typeof hops !== "number") {
    throw new TypeError("this is no offer of a package")
  }
  return { from, to, hops, transport: transport === "http" ? "http" : "ftp" }
}
