import type { JsonObject } from "../../../kit/json.ts"
import { type Hop, planHop, readHop } from "../../delta-package.ts"
import type { OfferPlan, OfferSituation } from "../../family.ts"
import { moduleProfile } from "../models.ts"

/** One hop on a module's way to a release. */
export interface HopOffer extends Hop {
  readonly transport: "ftp" | "http"
}

/** The first hop of the cheapest way from what the module itself says that it runs. */
export function planOffer(situation: OfferSituation): OfferPlan {
  const { device, release } = situation
  const { runningVersion: from } = device
  if (from === null || !device.isReported) {
    const sentence =
      "It waits for its agent to say what it runs: a package fits exactly one firmware, so nothing is planned on hearsay."
    return { ok: false, isLater: true, sentence }
  }
  return planHop(from, situation, { transport: transportOf(device.model, release.details) })
}

function transportOf(model: string, details: JsonObject): HopOffer["transport"] {
  const wanted = details["transport"]
  if (wanted === "ftp" || wanted === "http") return wanted
  return moduleProfile(model).schemes.includes("ftp") ? "ftp" : "http"
}

/** The offer as this file wrote it. */
export function readOffer(offer: JsonObject): HopOffer {
  return { ...readHop(offer), transport: offer["transport"] === "http" ? "http" : "ftp" }
}
