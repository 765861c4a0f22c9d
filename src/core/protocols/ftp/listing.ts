/** One entry of a listing. */
export interface ListingEntry {
  readonly kind: "file" | "directory"
  readonly name: string
  /** 0 for a directory. */
  readonly sizeBytes: number
  readonly modifiedAt: Date
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
/** `ls -l` shows the time of day for what changed in the last six months, else the year. */
const recentMs = 15_778_476_000

/**
 * One line of LIST in the form of Unix `ls -l`, without line end: `-r--r--r--   1 waft     waft         4711 Nov 21 01:15 NAME`.
 * The size is the fifth blank-separated token, which is where a SIM5218 looks for it. Times are UTC.
 */
export function formatListLine(entry: ListingEntry, now: Date): string {
  const mode = entry.kind === "directory" ? "dr-xr-xr-x" : "-r--r--r--"
  const links = entry.kind === "directory" ? "2" : "1"
  return `${mode}   ${links} waft     waft     ${String(entry.sizeBytes).padStart(12)} ${listDate(entry.modifiedAt, now)} ${entry.name}`
}

/** Reads a line of Unix `ls -l` form as the devices do: the fifth blank-separated token is the size. `null`: it has none. */
export function sizeInListLine(line: string): number | null {
  const token = line.trim().split(/ +/)[4]
  return token !== undefined && /^\d+$/.test(token) ? Number(token) : null
}

/** The facts of MLSD and MLST that we know (RFC 3659 §7.5), in the order in which they are sent. */
export const listingFacts = ["type", "size", "modify", "perm"] as const
export type ListingFact = (typeof listingFacts)[number]

const factValue: Readonly<Record<ListingFact, (entry: ListingEntry) => string | null>> = {
  type: (entry) => (entry.kind === "directory" ? "dir" : "file"),
  size: (entry) => (entry.kind === "directory" ? null : String(entry.sizeBytes)),
  modify: (entry) => formatTime(entry.modifiedAt),
  // e: may be entered, l: may be listed, r: may be fetched (RFC 3659 §7.5.5).
  perm: (entry) => (entry.kind === "directory" ? "el" : "r"),
}

/** One entry of MLSD or MLST, without line end: `type=file;size=4711;modify=20261121011500;perm=r; NAME` (RFC 3659 §7.2). */
export function formatFacts(entry: ListingEntry, facts: readonly ListingFact[]): string {
  let text = ""
  for (const fact of facts) {
    const value = factValue[fact](entry)
    if (value !== null) text += `${fact}=${value};`
  }
  return `${text} ${entry.name}`
}

/** A time of MDTM and of the `modify` fact: `YYYYMMDDhhmmss`, UTC (RFC 3659 §2.3). */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")
}

/** Reads a time of MDTM, with or without a fraction of a second. `null`: it is none. */
export function parseTime(text: string): Date | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3})\d*)?$/.exec(text.trim())
  if (match === null) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second, Number((match[7] ?? "0").padEnd(3, "0"))))
  return formatTime(time) === match.slice(1, 7).join("") ? time : null
}

function listDate(time: Date, now: Date): string {
  const age = now.getTime() - time.getTime()
  const isRecent = age >= 0 && age < recentMs
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}`
  const day = String(time.getUTCDate()).padStart(2)
  return `${months[time.getUTCMonth()] ?? "Jan"} ${day} ${isRecent ? clock : ` ${time.getUTCFullYear()}`}`
}

function two(value: number): string {
  return String(value).padStart(2, "0")
}
