import type { Body } from "../../body.ts"
import type { DeviceRun, DeviceSide, RunEnd } from "../../family.ts"
import { resultCode, successCode } from "../result-codes.ts"
import { isBootable, runBootloader } from "./bootloader.ts"
import { faultOf, virtualFaults } from "./faults.ts"
import { requestOta3g } from "./modem-3g.ts"
import { requestOta4g } from "./modem-4g.ts"
import { requestOtaGprs } from "./modem-gprs.ts"
import { requestOtaWifiPro } from "./modem-wifi-pro.ts"
import { Mote } from "./mote.ts"
import type { OtaOutcome } from "./ota-outcome.ts"
import { MemoryOverrun } from "./read-notice.ts"
import { checkNewProgram, loadOta, manufacture, takeOtaFlag } from "./utilities.ts"

/** `requestOTA` of each modem's library. */
const requestOta: Readonly<Record<string, (mote: Mote) => Promise<OtaOutcome>>> = {
  "4g": requestOta4g,
  "3g": requestOta3g,
  "gprs-pro": requestOtaGprs,
  "gprs-gps": requestOtaGprs,
  "wifi-pro": requestOtaWifiPro,
}

/** Models that are no modem of their own run on this one. */
const usualModel = "4g"

const checkWords = { 0: "reprogramming error", 1: "reprogramming OK", 2: "normal starting" } as const

/** The Waspmote in software. `server` of a run holds `ftp` (`host:port`), `user` and `password`. */
export const device: DeviceSide = { faults: virtualFaults, run }

/**
 * One contact: the mote starts, its sketch calls `checkNewProgram` and then `requestOTA`; with a program stored it reboots,
 * the bootloader installs it, and the program that runs then calls `checkNewProgram` again.
 *
 * The code is what `requestOTA` returned; `checkNewProgram N` where an installation went wrong or a fault of `any` was
 * asked for; `hangs` where the library overran its memory; `dead` where the flash holds half a program.
 */
async function run(body: Body, wanted: DeviceRun): Promise<RunEnd> {
  const model = wanted.model in requestOta ? wanted.model : usualModel
  const fault = faultOf(model, wanted.fault ?? "none")
  if (fault === undefined) throw new RangeError(`a Waspmote with ${model} has no fault named ${String(wanted.fault)}`)
  const mote = await Mote.of(body, wanted, fault.action, model)
  await manufacture(mote)
  const started = await start(mote)
  if (started === "dead") return end(mote, "dead")
  if (fault.action.startsOnly === true) return end(mote, `checkNewProgram ${started}`)
  const outcome = await guarded(mote, () => (requestOta[model] ?? requestOta4g)(mote))
  if (outcome === null) return end(mote, "hangs")
  mote.say(`requestOTA: ${outcome.code}`)
  if (outcome.install === undefined) return end(mote, outcome.code)
  await loadOta(mote, outcome.install.name, outcome.install.version)
  mote.say("reboot")
  const restarted = await start(mote)
  if (restarted === "dead") return end(mote, "dead")
  const tellsCheck = fault.action.tellsCheck === true || restarted !== 1
  return end(mote, tellsCheck ? `checkNewProgram ${restarted}` : (successCode[model] ?? outcome.code))
}

/** A reset: the bootloader, then the program's own start up to `checkNewProgram`. */
async function start(mote: Mote): Promise<0 | 1 | 2 | "dead"> {
  await runBootloader(mote)
  if (!(await isBootable(mote))) {
    mote.say("the flash holds no whole program; nothing starts")
    return "dead"
  }
  const check = await checkNewProgram(mote, await takeOtaFlag(mote))
  mote.say(`checkNewProgram: ${check} (${checkWords[check]})`)
  return check
}

async function guarded(mote: Mote, deed: () => Promise<OtaOutcome>): Promise<OtaOutcome | null> {
  try {
    return await deed()
  } catch (error) {
    if (!(error instanceof MemoryOverrun)) throw error
    mote.say(`the library overruns its memory: ${error.message}`)
    return null
  }
}

/** Ends that no table of the guide has, because no function returns in them. */
const endsWithoutReturn: Readonly<Record<string, string>> = {
  hangs: "the mote hangs: UPGRADE.TXT made its library write past a buffer",
  dead: "the mote is dead: power failed in every try of its bootloader, and the flash holds half a program",
}

async function end(mote: Mote, code: string): Promise<RunEnd> {
  const words = endsWithoutReturn[code] ?? resultCode(mote.model, code)?.words ?? "a code that the guide does not list"
  const { eeprom } = mote
  const version = String(await eeprom.byte("version"))
  return { code, words, running: { version, program: await eeprom.programId("flashedId") } }
}
