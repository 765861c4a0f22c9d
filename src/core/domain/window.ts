/** When devices may be offered an update, by their own clocks. */
export interface Windows {
  /** IANA name, such as `Europe/Vienna`. */
  readonly timeZone: string
  /** The label that names a device's own time zone; null = all have `timeZone`. */
  readonly zoneLabel: string | null
  readonly hours: readonly WindowHours[]
}

/** A span of each of those days; one that ends before it begins goes on into the next day. */
export interface WindowHours {
  /** 0 = Monday … 6 = Sunday. */
  readonly days: readonly number[]
  /** Minutes since midnight, 0 to 1439. */
  readonly from: number
  /** Minutes since midnight, 1 to 1440. */
  readonly to: number
}

const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
const everyDay = [0, 1, 2, 3, 4, 5, 6]

/** `22:00-05:00`, `Mon-Fri 22:00-05:00`, `Sat,Sun 00:00-24:00`; null = it is no such thing. */
export function parseWindowHours(text: string): WindowHours | null {
  const match = /^(?:([A-Za-z,-]+) )?(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)$/.exec(text.trim())
  if (match === null) return null
  const days = match[1] === undefined ? everyDay : parseDays(match[1].toLowerCase())
  const from = Number(match[2]) * 60 + Number(match[3])
  const to = Number(match[4]) * 60 + Number(match[5])
  const isTime = Number(match[3]) < 60 && Number(match[5]) < 60 && from < 1440 && to <= 1440
  return days === null || !isTime || from === to || to === 0 ? null : { days, from, to }
}

function parseDays(text: string): readonly number[] | null {
  const days = new Set<number>()
  for (const part of text.split(",")) {
    const ends = part.split("-").map((name) => dayNames.indexOf(name))
    const [first, last = first] = ends
    if (first === undefined || last === undefined || ends.length > 2 || ends.includes(-1)) return null
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

/** Whether the runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return formatOf(name) !== null
  } catch {
    return false
  }
}

/** The time zone of a device with these labels; an unknown one falls back to the windows' own. */
export function zoneOf(windows: Windows | null, labels: Readonly<Record<string, string>>): string {
  if (windows === null) return ""
  const own = windows.zoneLabel === null ? undefined : labels[windows.zoneLabel]
  return own !== undefined && isTimeZone(own) ? own : windows.timeZone
}

/** Whether a device in that time zone may be offered something now. */
export function isWindowOpen(windows: Windows | null, zone: string, now: number): boolean {
  if (windows === null) return true
  const { day, minute } = localTime(zone, now)
  return isInside(windows.hours, day, minute)
}

function isInside(hours: readonly WindowHours[], day: number, minute: number): boolean {
  const before = (day + 6) % 7
  return hours.some(({ days, from, to }) =>
    from < to
      ? days.includes(day) && minute >= from && minute < to
      : (days.includes(day) && minute >= from) || (days.includes(before) && minute < to),
  )
}

const minuteMs = 60_000

/** The change that was found last for some windows and a zone, and since when it is the next: asked again and again in between. */
const knownChanges = new WeakMap<Windows, Map<string, { readonly from: number; readonly change: number | null }>>()

/**
 * When the window there next opens or closes, ms since 1970 UTC; null = never. Walks whole minutes of local time, so that a
 * clock that is put forward or back is met as it is.
 */
export function nextWindowChange(windows: Windows | null, zone: string, now: number): number | null {
  if (windows === null) return null
  const changes =
    knownChanges.get(windows) ?? new Map<string, { readonly from: number; readonly change: number | null }>()
  knownChanges.set(windows, changes)
  const known = changes.get(zone)
  if (known !== undefined && known.change !== null && now >= known.from && now < known.change) return known.change
  const change = findWindowChange(windows, zone, now)
  changes.set(zone, { from: now, change })
  return change
}

function findWindowChange(windows: Windows, zone: string, now: number): number | null {
  const wasOpen = isWindowOpen(windows, zone, now)
  const start = Math.floor(now / minuteMs) * minuteMs
  // A quarter of an hour at a time: every zone's offset and its changes are multiples of that.
  for (let at = start, end = now + 8 * 86_400_000; at < end; at += 15 * minuteMs) {
    if (isWindowOpen(windows, zone, at + 15 * minuteMs) !== wasOpen || crosses(windows, zone, at)) {
      for (let minute = at; minute <= at + 15 * minuteMs; minute += minuteMs) {
        if (minute > now && isWindowOpen(windows, zone, minute) !== wasOpen) return minute
      }
    }
  }
  return null
}

/** Whether some edge of the windows lies inside the quarter of an hour that begins there. */
function crosses({ hours }: Windows, zone: string, at: number): boolean {
  const { minute } = localTime(zone, at)
  return hours.some(({ from, to }) => [from, to % 1440].some((edge) => (edge - minute + 1440) % 1440 < 15))
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  })
  formats.set(zone, made)
  return made
}

/** Offsets from UTC by zone and quarter of an hour, ms: a formatter takes ten microseconds, and every contact asks. */
const lastOffsets = new Map<string, { readonly quarter: number; readonly offsetMinutes: number }>()

function localTime(zone: string, at: number): { readonly day: number; readonly minute: number } {
  const minutes = Math.floor(at / minuteMs)
  const quarter = Math.floor(minutes / 15)
  let known = lastOffsets.get(zone)
  if (known?.quarter !== quarter) {
    known = { quarter, offsetMinutes: offsetAt(zone, quarter * 15) }
    lastOffsets.set(zone, known)
  }
  const local = minutes + known.offsetMinutes
  const day = Math.floor(local / 1440)
  // 1970-01-01 was a Thursday.
  return { day: (((day + 3) % 7) + 7) % 7, minute: local - day * 1440 }
}

/** Minutes that the zone is ahead of UTC at that minute since 1970. */
function offsetAt(zone: string, minutes: number): number {
  const parts = formatOf(zone).formatToParts(minutes * minuteMs)
  const part = (type: string): string => parts.find((found) => found.type === type)?.value ?? ""
  const local =
    dayNames.indexOf(part("weekday").toLowerCase()) * 1440 + Number(part("hour")) * 60 + Number(part("minute"))
  const day = Math.floor(minutes / 1440)
  const utc = ((day + 3) % 7) * 1440 + (minutes - day * 1440)
  const week = 7 * 1440
  const ahead = (((local - utc) % week) + week) % week
  return ahead > week / 2 ? ahead - week : ahead
}
