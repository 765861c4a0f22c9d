import type { VirtualFault } from "../../family.ts"
import { codeOf, type ResultName, wordsOf } from "../result-codes.ts"
import { type UrcName, urcLine } from "../codec/urcs.ts"
import type { FaultAction } from "./fault-action.ts"

/** How a run stands when its last URC was that; a failure has the words of its cause. */
const urcWords: Readonly<Record<Exclude<UrcName, "failed">, string>> = {
  registered: "The server knows the module, its number and its SIM.",
  question: "The module asks its host whether it may update, and waits.",
  automatic: "The server ordered an update without asking; it has not begun.",
  answerTimeout: "The host did not answer in time; nothing was done.",
  startDownload: "The module downloads the delta.",
  downloadComplete: "The delta is in the module.",
  upgraded: "The new firmware runs; the server has not been told.",
  serverNotified: "The new firmware runs and the server has been told.",
  notified: "The module has answered a query.",
}

export const idle = { code: "idle", words: "The module is at rest." } as const

/** The words of an end: of a URC's line, or of the error that made an update fail. */
export function endWords(last: UrcName | null, error: number | null): string {
  if (last === null) return idle.words
  return last === "failed" ? wordsOf(error ?? 0) : urcWords[last]
}

interface FaultRow {
  readonly fault: string
  readonly ends: UrcName
  readonly error?: ResultName
  readonly action: FaultAction
}

/** Every failure that the note names (§3.2.1, §3.2.3, §3.2.3.1 and its likes in chapters 4 and 5), by a name. */
const rows: readonly FaultRow[] = [
  { fault: "none", ends: "serverNotified", action: {} },
  { fault: "delta-corrupt", ends: "failed", error: "delta-corrupt", action: { package: "corrupt" } },
  { fault: "delta-wrong-version", ends: "failed", error: "delta-wrong-version", action: { check: "wrong-source" } },
  { fault: "delta-partial", ends: "failed", error: "delta-partial", action: { package: "partial" } },
  { fault: "delta-too-large", ends: "failed", error: "delta-too-large", action: { check: "no-space" } },
  { fault: "ftp-connect", ends: "failed", error: "ftp-connect", action: { ftp: "connect" } },
  { fault: "ftp-login", ends: "failed", error: "ftp-login", action: { ftp: "login" } },
  { fault: "ftp-file", ends: "failed", error: "ftp-file", action: { ftp: "file" } },
  { fault: "ftp-broken", ends: "failed", error: "ftp-broken", action: { ftp: "broken" } },
  { fault: "context-error", ends: "failed", error: "context", action: { context: "context" } },
  { fault: "csd-call-failed", ends: "failed", error: "csd-call", action: { context: "csd-call" } },
  { fault: "class-cc", ends: "failed", error: "class-cc", action: { gprsClass: '"CC"' } },
  { fault: "power-cut-in-download", ends: "failed", error: "power-lost", action: { powerCut: "download" } },
  { fault: "power-cut-in-flashing", ends: "serverNotified", action: { powerCut: "flashing" } },
  { fault: "registration-ack-lost", ends: "serverNotified", action: { ignoresOnce: "remoteRegistrationAck" } },
  { fault: "command-lost", ends: "registered", action: { ignores: "command" } },
  { fault: "host-silent", ends: "answerTimeout", action: { losesAnswers: true } },
  { fault: "stops-at-question", ends: "question", action: { stopsAfter: "question" } },
  { fault: "stops-at-order", ends: "automatic", action: { stopsAfter: "automatic" } },
  { fault: "stops-in-download", ends: "startDownload", action: { stopsAfter: "startDownload" } },
  { fault: "stops-after-download", ends: "downloadComplete", action: { stopsAfter: "downloadComplete" } },
  { fault: "final-lost", ends: "upgraded", action: { stopsAfter: "upgraded" } },
  { fault: "command-lost-query", ends: "notified", action: { ignores: "command" } },
]

export const virtualFaults: readonly VirtualFault[] = rows.map(({ fault, ends, error }) => ({
  model: "any",
  fault,
  code: urcLine(ends),
  words: endWords(ends, error === undefined ? null : codeOf(error)),
}))

/** What a fault does to a module; null = nothing. Throws `RangeError` for one that is not in the list. */
export function faultAction(name: string | null): FaultAction {
  if (name === null) return {}
  const row = rows.find(({ fault }) => fault === name)
  if (row === undefined) throw new RangeError(`telit has no fault ${name}`)
  return row.action
}
