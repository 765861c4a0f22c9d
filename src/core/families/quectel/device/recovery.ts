import { DeltaError } from "../../../delta/index.ts"
import type { NonVolatileMemory } from "../../body.ts"
import { programFlash, readFirmwareMark } from "../../recovery/firmware-flash.ts"
import { checkPackage, installPackage, type PackageFault, prepareInstall } from "../../recovery/install-package.ts"
import { attemptCode, packageChecks, upgradeAttempts } from "./faults.ts"
import { unfinishedSentence } from "../codec/fota-urc.ts"
import type { CodeTable } from "../models.ts"
import type { QuectelModule } from "./module.ts"
import { Progress } from "./progress.ts"
import { mostPackageBytes } from "./download.ts"
import { packageName, type UpdateState } from "./update-log.ts"

/** How the check's findings are told (quectel.md 4.4). */
const faultCodes: Readonly<Record<CodeTable, Readonly<Record<PackageFault, number>>>> = {
  ag35: { missing: 505, damaged: 505, "wrong-source": 510, "wrong-product": 510, "no-space": 511 },
  ep06: { missing: 505, damaged: 505, "wrong-source": 510, "wrong-product": 510, "no-space": 511 },
  quecopen: { missing: 501, damaged: 501, "wrong-source": 510, "wrong-product": 510, "no-space": 511 },
  "standard-a": { missing: 505, damaged: 505, "wrong-source": 507, "wrong-product": 552, "no-space": 504 },
  bg96: { missing: 505, damaged: 506, "wrong-source": 511, "wrong-product": 511, "no-space": 504 },
}
/** A file system that is full stays full: this code is not retried (AG35 guide Table 1 says so of the others). */
const noSpaceCode = 511

/** Pauses of the hardware, ms. */
const checkMs = 2000
const restoreLineMs = 200
const restoreStep = 10

/**
 * One stay in recovery mode: `again` = the module restarts into it once more; `over` = the update is over, one way or the
 * other, and the module restarts into normal mode.
 */
export async function recover(module: QuectelModule, state: UpdateState): Promise<"again" | "over"> {
  if (state.phase === "giving-up") return giveUp(module, state)
  if (state.phase === "written") return finish(module, state, "resumed")
  if (module.fault.losesStart !== true) module.tell("START")
  if (state.phase === "installed") return over(module)
  module.mayLosePower("start")
  if (state.phase === "begun") return attempt(module, state)
  await module.pause(checkMs)
  const code = await checkCode(module)
  if (code !== null) return refuse(module, state, code)
  const backupBytes = module.profile.hasBackup ? await backUp(module) : 0
  await prepareInstall(module.flash)
  const begun: UpdateState = { ...state, phase: "begun", backupBytes }
  await module.updates.save(begun)
  return attempt(module, begun)
}

async function checkCode(module: QuectelModule): Promise<number | null> {
  const { fault, flash, profile } = module
  if (fault.check !== undefined) return fault.check
  const found = await checkPackage(flash, await readPackage(module), profile.id)
  return found === null ? null : faultCodes[profile.codes][found]
}

function readPackage(module: QuectelModule): Promise<Uint8Array> {
  return module.files.read(packageName, 0, mostPackageBytes)
}

/** The check failed: the next try comes after a restart, and after the last one the module is as it was. */
async function refuse(module: QuectelModule, state: UpdateState, code: number): Promise<"again" | "over"> {
  const failedChecks = state.failedChecks + 1
  const isLast = failedChecks >= packageChecks[module.profile.codes] || code === noSpaceCode
  if (isLast) await module.updates.clear()
  else await module.updates.save({ ...state, failedChecks })
  module.end("END", code)
  return isLast ? "over" : "again"
}

async function attempt(module: QuectelModule, state: UpdateState): Promise<"again" | "over"> {
  const failing = module.fault.attempt
  const failsNow = failing !== undefined && state.failedAttempts < failing.times
  // What one attempt wrote, the next one would go on from: a fault that lasts gets no further.
  if (failsNow && state.failedAttempts > 0) return failed(module, state, failing.code)
  const progress = new Progress(module, state.progressLines)
  try {
    for await (const share of installPackage(module.flash, await readPackage(module))) {
      await progress.tell(share)
      module.mayLosePower("updating")
      if (failsNow) return await failed(module, state, failing.code)
    }
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error
    module.body.log(error.message)
    return failed(module, state, attemptCode(module.profile))
  }
  const written: UpdateState = { ...state, phase: "written" }
  await module.updates.save(written)
  return finish(module, written, "straight")
}

/** Five attempts, then the old version where there is one (AG35 guide 3); without a backup for ever (quectel.md 4.5). */
async function failed(module: QuectelModule, state: UpdateState, code: number): Promise<"again" | "over"> {
  const failedAttempts = state.failedAttempts + 1
  const givesUp = failedAttempts >= upgradeAttempts && state.backupBytes > 0
  // A module that tries for ever has no use for a count that grows for ever.
  if (givesUp || failedAttempts <= 2 * upgradeAttempts) {
    await module.updates.save({ ...state, failedAttempts, phase: givesUp ? "giving-up" : "begun" })
  }
  module.end("END", code)
  return givesUp ? giveUp(module, { ...state, failedAttempts }) : "again"
}

async function giveUp(module: QuectelModule, { backupBytes }: UpdateState): Promise<"over"> {
  const backup = await backupMemory(module)
  const old = await backup.read(0, backupBytes)
  for await (const _share of programFlash(module.flash.memory, old));
  await module.updates.clear()
  return "over"
}

/** The firmware is written; BG96 copies it to its second place before END (quectel.md 4.2, 4.5). */
async function finish(module: QuectelModule, state: UpdateState, how: "straight" | "resumed"): Promise<"over"> {
  if (module.profile.hasRestorePhase) {
    if (how === "resumed") module.say(`+QIND: "FOTA","${unfinishedSentence}"`)
    for (let percent = 1; percent <= 100; percent = percent === 1 ? restoreStep : percent + restoreStep) {
      module.tell("RESTORE", percent)
      if (percent > 1) module.mayLosePower("restore")
      await module.pause(restoreLineMs)
    }
  } else if (how === "resumed") {
    module.tell("START")
  }
  await module.updates.save({ ...state, phase: "installed" })
  module.mayLosePower("end")
  return over(module)
}

async function over(module: QuectelModule): Promise<"over"> {
  module.end("END", module.fault.afterwards ?? 0)
  await module.updates.clear()
  return "over"
}

function backupMemory({ body, flash }: QuectelModule): Promise<NonVolatileMemory> {
  return body.storage.memory("backup", { sizeBytes: flash.imageBytes, sectorBytes: 4096 })
}

/** Copies the running firmware away before the first write; gives its size, bytes. */
async function backUp(module: QuectelModule): Promise<number> {
  const { flash } = module
  const sizeBytes = (await readFirmwareMark(flash))?.sizeBytes ?? flash.imageBytes
  const image = await flash.memory.read(0, sizeBytes)
  for await (const _share of programFlash(await backupMemory(module), image));
  return sizeBytes
}
