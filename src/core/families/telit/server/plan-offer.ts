import type { JsonObject } from "../../../kit/json.ts"
import { type Hop, planHop, readHop } from "../../delta-package.ts"
import type { OfferPlan, OfferSituation } from "../../family.ts"
import { reachableBy } from "./bindings.ts"
import { isMode, type Mode, type ModuleMemory, readMemory } from "./memory.ts"
import { modelNamed, type Variant, variantsOf } from "../models.ts"

/** One hop on a module's way to a release, and how it is told of it. */
export interface HopOffer extends Hop {
  readonly variant: Variant
  readonly mode: Mode
}

/** The variants in the note's words. */
export const variantTitles: Readonly<Record<Variant, string>> = {
  sms: "SMS",
  combined: "combined SMS-TCP/IP",
  ip: "TCP/IP",
}

/**
 * The first hop of the cheapest way from what a module runs. An operator's word for what runs is good enough to plan with:
 * the conversation asks the module itself before anything else.
 */
export function planOffer(situation: OfferSituation): OfferPlan {
  const { device, release } = situation
  const { runningVersion: from } = device
  const memory = readMemory(device.familyState)
  if (from === null) {
    const sentence =
      "It waits until the module says what it runs: it tells when it registers (AT#OTASNAP or #OTASNAPIP), or in answer to a query."
    return { ok: false, isLater: true, sentence }
  }
  const { variant } = memory
  if (!variantsOf(from).includes(variant)) {
    return { ok: false, sentence: lackOf(variant, from) }
  }
  const named = memory.product === "" ? null : modelNamed(memory.product)
  if (memory.product !== "" && named?.id !== device.model) {
    const sentence = `The module calls itself ${memory.product} and was added as ${device.model}: a package fits one model alone, so nothing is sent; remove the device and add it as what it is.`
    return { ok: false, sentence }
  }
  const missing = missingFor(memory)
  if (missing !== null) return { ok: false, isLater: true, sentence: missing }
  const mode = release.details["mode"]
  const details = { variant, mode: typeof mode === "string" && isMode(mode) ? mode : memory.mode }
  return planHop(from, situation, details)
}

/** §4.1.1, §5.1.1: "Software Version equal/greater than". */
function lackOf(variant: Variant, from: string): string {
  const known = variantsOf(from).map((one) => variantTitles[one])
  return `Its software ${from} has no ${variantTitles[variant]} protocol (application note, chapters 4.1.1 and 5.1.1); it has ${known.join(", ")}. Set it up for one of these and let it register again.`
}

/** What the server has to know before it can begin. */
function missingFor({ variant, bindings, bearer, isKnown }: ModuleMemory): string | null {
  // The TCP/IP variant is begun by the module, which knows its bearer itself (§5.2.2).
  if (variant === "ip") return null
  if (!isKnown || (reachableBy(bindings)?.number ?? "") === "") {
    return "It waits for the module's registration: its SIM's number is not known, so no SMS can reach it."
  }
  if (bearer === null) {
    return "It waits for an access point: neither the module nor an operator has told an APN or a CSD number (--set apn=…)."
  }
  return null
}

/** The offer as this file wrote it. */
export function readOffer(offer: JsonObject): HopOffer {
  const { variant, mode } = offer
  return {
    ...readHop(offer),
    variant: variant === "combined" || variant === "ip" ? variant : "sms",
    mode: mode === "automatic" ? "automatic" : "manual",
  }
}
