import type { VirtualFault } from "../../family.ts"
import type { CodeTable, ModuleProfile } from "../models.ts"
import { moduleProfiles } from "../models.ts"
import type { FaultAction } from "./fault-action.ts"
import { type ModuleResult, moduleResult, resultCodes } from "../result-codes.ts"

/** A named fault, and the code that an update with it ends in. */
export interface NamedFault {
  readonly model: string
  readonly fault: string
  /** The URC's event and code, `END 505`; or `idle`. */
  readonly code: string
  readonly action: FaultAction
}

/** How an update ends that leaves no code: the module has restarted and remembers nothing. */
export const idle = {
  code: "idle",
  words: "The module has ended no update since it was switched on.",
} as const

/** How often the package is checked before the module gives up (AG35 guide 3; elsewhere the documents tell no number). */
export const packageChecks: Readonly<Record<CodeTable, number>> = {
  ag35: 3,
  ep06: 3,
  quecopen: 3,
  "standard-a": 1,
  bg96: 1,
}
/** How often the upgrade is tried before the old version is restored (AG35 guide 3; quectel.md 4.5). */
export const upgradeAttempts = 5

type EndFault = readonly [fault: string, stage: "check" | "attempt" | "afterwards"]

/** Where in the update each END code comes up, and what its fault is called. The numbers 520 to 546 follow below. */
const endFaults: Readonly<Record<CodeTable, Readonly<Record<number, EndFault>>>> = {
  ag35: {
    502: ["unpredictable-error", "check"],
    505: ["package-check-fails", "check"],
    510: ["patch-does-not-match", "check"],
    511: ["no-space", "check"],
  },
  ep06: {
    502: ["unpredictable-error", "check"],
    504: ["package-file-wrong", "check"],
    505: ["package-check-fails", "check"],
    510: ["patch-does-not-match", "check"],
    511: ["no-space", "check"],
  },
  quecopen: {
    1: ["backup-area-not-updated", "afterwards"],
    501: ["unzip-fails", "check"],
    502: ["updater-crashes", "attempt"],
    510: ["verify-fails", "check"],
    511: ["no-space", "check"],
  },
  "standard-a": {
    504: ["upgrade-fails", "attempt"],
    505: ["package-check-fails", "check"],
    506: ["package-md5-wrong", "check"],
    507: ["version-mismatch", "check"],
    552: ["project-mismatch", "check"],
    553: ["baseline-mismatch", "check"],
  },
  bg96: {
    504: ["upgrade-fails", "attempt"],
    505: ["package-missing", "check"],
    506: ["package-check-fails", "check"],
    511: ["package-does-not-match", "check"],
  },
}

/** Every named fault of the modules that exist in software, `none` first. */
export const namedFaults: readonly NamedFault[] = moduleProfiles.filter(({ isMini }) => !isMini).flatMap(faultsOf)

/** The faults as they are listed: with the code's words. */
export const virtualFaults: readonly VirtualFault[] = namedFaults.map(({ model, fault, code }) => ({
  model,
  fault,
  code,
  words: wordsOf(model, code),
}))

/** The fault of that name for a model; null for none. */
export function faultAction(model: string, fault: string | null): FaultAction {
  return namedFaults.find((row) => row.model === model && row.fault === fault)?.action ?? {}
}

function faultsOf(profile: ModuleProfile): readonly NamedFault[] {
  const { id: model } = profile
  const row = (fault: string, code: string, action: FaultAction): NamedFault => ({ model, fault, code, action })
  const failing = resultCodes(profile).filter(({ code }) => code !== 0)
  return [
    row("none", "END 0", {}),
    ...failing.filter((result) => isReachable(profile, result)).map((result) => codeFault(profile, result)),
    row("upgrade-fails-once", "END 0", { attempt: { code: attemptCode(profile), times: 1 } }),
    row("start-lost", "END 0", { losesStart: true }),
    row("blanks-after-commas", "END 0", { hasBlanks: true }),
    row("percent-stops-at-91", "END 0", { lastPercent: 91 }),
    row("power-cut-in-download", idle.code, { powerCut: "download" }),
    row("power-cut-at-start", "END 0", { powerCut: "start" }),
    row("power-cut-in-updating", "END 0", { powerCut: "updating" }),
    ...(profile.hasRestorePhase ? [row("power-cut-in-restore", "END 0", { powerCut: "restore" })] : []),
    row("power-cut-at-end", "END 0", { powerCut: "end" }),
  ]
}

/** A code whose URC the module cannot send has no fault: it has no such transport. */
function isReachable({ schemes, local }: ModuleProfile, { event }: ModuleResult): boolean {
  if (event === "FTPEND") return schemes.includes("ftp")
  return event !== "FILEEND" || local?.form === "upload"
}

function codeFault(profile: ModuleProfile, { event, code, words }: ModuleResult): NamedFault {
  const base = { model: profile.id, code: `${event} ${code}` }
  if (event !== "END") return { ...base, fault: downloadFault(event, words), action: { download: code } }
  const [fault, stage] = endFaults[profile.codes][code] ?? ([`upgrade-fails-${code}`, "attempt"] as const)
  if (stage === "afterwards") return { ...base, fault, action: { afterwards: code } }
  if (stage === "check") return { ...base, fault, action: { check: code } }
  return { ...base, fault, action: { attempt: { code, times: Number.POSITIVE_INFINITY } } }
}

/** `ftp-`, `http-` or `file-` and the words up to what stands in brackets. */
function downloadFault(event: "FTPEND" | "HTTPEND" | "FILEEND", words: string): string {
  const kind = event.slice(0, -3).toLowerCase()
  const slug = words
    .toLowerCase()
    .replace(/\(.*\)/, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
  return slug.startsWith(`${kind}-`) ? slug : `${kind}-${slug}`
}

/** The code of an attempt that fails for a reason of this virtual module's own. */
export function attemptCode({ codes }: Pick<ModuleProfile, "codes">): number {
  return { ag35: 520, ep06: 520, quecopen: 502, "standard-a": 504, bg96: 504 }[codes]
}

function wordsOf(model: string, code: string): string {
  return code === idle.code ? idle.words : endWords(model, code)
}

/** The words of a run's code, `END 505`. */
export function endWords(model: string, code: string): string {
  const profile = moduleProfiles.find(({ id }) => id === model)
  const [, event, number] = /^(FTPEND|HTTPEND|FILEEND|END) (\d+)$/.exec(code) ?? []
  if (profile === undefined) return idle.words
  if (event === "FTPEND" || event === "HTTPEND" || event === "FILEEND" || event === "END") {
    return moduleResult(profile, event, Number(number)).words
  }
  return idle.words
}
