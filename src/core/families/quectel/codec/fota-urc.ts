/**
 * What a module says of an update on its own account: `+QIND: "FOTA","<EVENT>"[,<value>]` (AG35 DFOTA guide §3.1, with
 * the events of the later guides). The module's end writes the same table.
 */
export const fotaEvents = {
  FTPSTART: { value: "none", means: "the download by FTP begins" },
  FTPEND: { value: "code", means: "the download by FTP is over" },
  HTTPSTART: { value: "none", means: "the download by HTTP begins" },
  HTTPEND: { value: "code", means: "the download by HTTP is over" },
  FILESTART: { value: "none", means: "the package comes over the AT port" },
  FILEEND: { value: "code", means: "the package came over the AT port" },
  DOWNLOADING: { value: "percent", means: "so much is downloaded" },
  START: { value: "none", means: "the module writes its firmware" },
  UPDATING: { value: "percent", means: "so much is written" },
  RESTORE: { value: "percent", means: "so much is written after an interruption" },
  END: { value: "code", means: "the update is over" },
} as const

export type FotaEventName = keyof typeof fotaEvents

/** The sentence of BG96 where an event would stand, at the first start after a power cut. */
export const unfinishedSentence = "Last upgrade was not finished,continue upgrade"

export type FotaUrc =
  /** `value`: percent from 0 to 100 or a code from 0; null for the events that have none. */
  | { readonly event: FotaEventName; readonly value: number | null }
  | { readonly event: "UNFINISHED"; readonly value: null }

/** Blanks around commas and a `%` are taken as they are printed: the guide's own examples differ in them. */
const pattern = /^\+QIND: *"FOTA" *, *"([^"]*)" *(?:, *(\d{1,9}) *%? *)?$/

/** The event that a line tells of; null for every other line, an unknown event and a value that cannot be. */
export function parseFotaUrc(line: string): FotaUrc | null {
  const match = pattern.exec(line.trim())
  if (match === null) return null
  const [, name = "", digits] = match
  if (name === unfinishedSentence && digits === undefined) return { event: "UNFINISHED", value: null }
  if (!isEventName(name)) return null
  const { value: kind } = fotaEvents[name]
  if (kind === "none") return digits === undefined ? { event: name, value: null } : null
  const value = digits === undefined ? null : Number(digits)
  if (value === null || (kind === "percent" && value > 100)) return null
  return { event: name, value }
}

/** Whether a line speaks of an update at all, known or not: kept raw for the operator. */
export function isFotaLine(line: string): boolean {
  return /^\+QIND: *"FOTA"/.test(line)
}

function isEventName(name: string): name is FotaEventName {
  return Object.hasOwn(fotaEvents, name)
}
