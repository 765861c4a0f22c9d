import type { JsonObject } from "../../../kit/json.ts"
import type { OfferPlan, OfferSituation } from "../../family.ts"
import { type ModemTraits, modemTraits } from "../models.ts"
import { programIdBytes, programIdField } from "../codec/ota-binary.ts"
import { otherProgramName } from "../codec/program-name.ts"

/**
 * What is offered to one mote so that it takes it.
 *
 * A mote takes a program when its name differs from the one in its EEPROM, or when VERSION is above the stored one. It
 * stores both only when a download is whole; after a failed flash the *new* name stands beside the *old* version. So the
 * server never knows exactly what a mote holds: it keeps every pair that may be there and offers what each of them takes.
 *
 * VERSION is chosen above every stored one even under a new name: then a mote whose bootloader refused the program comes
 * back for it, and one that runs it does not. Were it lower, both would leave the offer alone and a failure would pass for
 * a success.
 */
export function planOffer(situation: OfferSituation): OfferPlan {
  const name = situation.release.details["name"]
  if (typeof name !== "string") return { ok: false, sentence: "The release does not say its program name." }
  if (situation.exact === true) return exactOffer(name, situation.release.version)
  const modem = modemTraits(situation.device.model)
  const known = readFamilyState(situation.device.familyState)
  const mayHold = heldPairs(known, situation, name)
  const choice = choose({ name, modem, mayHold, known, release: Number(situation.release.version) })
  if (choice === null) {
    return {
      ok: false,
      sentence:
        "Every other name for this program may already stand in the mote's EEPROM; publish the program under a new name.",
    }
  }
  const offer: JsonObject = {
    programId: choice.programId,
    versionByte: choice.versionByte,
    release: situation.release.version,
    mayHold: mayHold.map((pair) => ({ ...pair })),
    unproven: choice.unproven,
  }
  return {
    ok: true,
    offer,
    ...(choice.programId === name
      ? {}
      : { edit: { offset: programIdField.offset, bytes: programIdBytes(choice.programId) } }),
    ...(choice.reasons.length === 0 ? {} : { reason: choice.reasons.join(" ") }),
  }
}

/** What the gateway's OTA-FTP page does: the operator's number as it is, 0 to 255, with a warning where motes differ. */
function exactOffer(programId: string, release: string): OfferPlan {
  const versionByte = Number(release)
  const offer: JsonObject = { programId, versionByte, release, mayHold: [], unproven: false }
  if (versionByte === 255) {
    return {
      ok: true,
      offer,
      reason: "VERSION 255 is erased EEPROM to a 4G mote: once it holds that, it takes every offer.",
    }
  }
  if (versionByte > 127) {
    const reason = `GPRS motes read VERSION ${versionByte} as ${versionByte - 256} and refuse it under a name that they know; stay at 127 or below for them.`
    return { ok: true, offer, reason }
  }
  return { ok: true, offer }
}

/** Name and version as a mote may hold them in EEPROM. */
interface Held {
  readonly programId: string
  readonly versionByte: number
}

interface Choice extends Held {
  /** VERSION could not be above every stored one: a failed install would look like a success. */
  readonly unproven: boolean
  readonly reasons: readonly string[]
}

interface Question {
  readonly name: string
  readonly modem: ModemTraits
  readonly mayHold: readonly Held[]
  readonly known: FamilyState | null
  readonly release: number
}

function choose(question: Question): Choice | null {
  const { name, modem, mayHold, known, release } = question
  const reasons: string[] = []
  const isDowngrade = known !== null ? release < Number(known.release) : mayHold.some((h) => h.versionByte > release)
  const versionByte = pickVersion(question)
  const unproven = versionByte === null
  const chosenVersion = versionByte ?? (isOfferable(modem, release) ? release : 1)
  if (chosenVersion !== release && !unproven) reasons.push(versionReason(question, chosenVersion))
  if (unproven) {
    reasons.push(
      `No VERSION up to ${modem.highestVersion} is above what the mote holds, so an install that fails cannot be told from one that succeeds.`,
    )
  }
  // A mote that holds the name with a version that is not below would refuse; so does one left by a failed install.
  const refuses = mayHold.some((held) => held.programId === name && !isAbove(modem, chosenVersion, held.versionByte))
  const isSuspect = known?.unproven === true && known.programId === name
  if (!isDowngrade && !refuses && !isSuspect) return { programId: name, versionByte: chosenVersion, unproven, reasons }
  const other = otherProgramName(name, new Set(mayHold.map((held) => held.programId)))
  if (other === null) return null
  reasons.push(
    isDowngrade
      ? `The mote took a newer release before and refuses an older program under a name it knows, so ${name} is offered under the program id ${other}, stamped into its OTA header.`
      : `The mote would refuse ${name} with VERSION ${chosenVersion}, so it is offered under the program id ${other}, stamped into its OTA header.`,
  )
  return { programId: other, versionByte: chosenVersion, unproven, reasons }
}

/** The release's own number when it is above everything the mote may hold, else the next above; null when there is none. */
function pickVersion({ modem, mayHold, release }: Question): number | null {
  const fits = (version: number): boolean =>
    isOfferable(modem, version) && mayHold.every((held) => isAbove(modem, version, held.versionByte))
  if (fits(release)) return release
  // Of a release number that no modem takes, half the range leaves room for the updates that follow.
  if (mayHold.length === 0) return release < 1 ? 1 : Math.ceil(modem.highestVersion / 2)
  for (let version = 1; version <= modem.highestVersion; version++) {
    if (fits(version)) return version
  }
  return null
}

function isOfferable(modem: ModemTraits, version: number): boolean {
  return version >= 1 && version <= modem.highestVersion
}

function versionReason({ modem, mayHold, release }: Question, chosen: number): string {
  if (!isOfferable(modem, release)) {
    return `VERSION ${chosen} stands for release ${release}, because this modem is sure to take only 1 to ${modem.highestVersion}.`
  }
  const highest = Math.max(...mayHold.map((held) => held.versionByte))
  return `VERSION ${chosen} stands for release ${release}, because the mote may hold VERSION ${highest}: what is above it is taken, and fetched again if the install fails.`
}

/** Whether a mote with that modem, however it compares, finds `offered` above `stored`. */
function isAbove(modem: ModemTraits, offered: number, stored: number): boolean {
  return modem.compares.every((how) => (how === "signed" ? signed(offered) > signed(stored) : offered > stored))
}

function signed(byte: number): number {
  return byte > 127 ? byte - 256 : byte
}

/** What the server remembers of a mote: the last program it began to fetch, and all that its EEPROM may hold since. */
interface FamilyState extends Held {
  readonly release: string
  readonly unproven: boolean
  readonly mayHold: readonly Held[]
}

/** What the mote may hold now. Once it is known to run what it fetched last, that pair alone remains. */
function heldPairs(known: FamilyState | null, situation: OfferSituation, name: string): readonly Held[] {
  const { runningVersion } = situation.device
  if (known === null) {
    return runningVersion === null ? [] : [{ programId: name, versionByte: Number(runningVersion) }]
  }
  if (runningVersion === known.release) return [{ programId: known.programId, versionByte: known.versionByte }]
  return known.mayHold
}

/**
 * What is remembered once a mote began to fetch an offer: it may keep what it had (cut), hold the new pair (installed), or
 * the new name beside an old version (the bootloader refused it). Beginning the same fetch again changes nothing.
 */
export function afterFetch(familyState: JsonObject, offer: JsonObject): JsonObject {
  const { programId, versionByte, release, unproven, mayHold } = readOffer(offer)
  const last = readFamilyState(familyState)
  if (last !== null && last.programId === programId && last.versionByte === versionByte && last.release === release) {
    return familyState
  }
  const pairs = [
    { programId, versionByte },
    ...mayHold.map((held) => ({ programId, versionByte: held.versionByte })),
    ...mayHold,
  ]
  const distinct = [...new Map(pairs.map((pair) => [`${pair.programId} ${pair.versionByte}`, pair])).values()]
  return { programId, versionByte, release, unproven, mayHold: distinct.slice(0, 24).map((pair) => ({ ...pair })) }
}

/** The offer as stored; throws when the store hands back what `planOffer` never wrote. */
export function readOffer(offer: { readonly [key: string]: unknown }): FamilyState {
  const { programId, versionByte, release, unproven } = offer
  if (typeof programId !== "string" || typeof versionByte !== "number" || typeof release !== "string") {
    throw new TypeError("a stored Waspmote offer lacks its program id, version or release")
  }
  return { programId, versionByte, release, unproven: unproven === true, mayHold: readPairs(offer["mayHold"]) }
}

function readFamilyState(state: JsonObject): FamilyState | null {
  return "programId" in state ? readOffer(state) : null
}

function readPairs(value: unknown): readonly Held[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((pair: unknown): Held[] => {
    if (typeof pair !== "object" || pair === null) return []
    const { programId, versionByte } = pair as Partial<Held>
    return typeof programId === "string" && typeof versionByte === "number" ? [{ programId, versionByte }] : []
  })
}
