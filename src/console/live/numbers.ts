/** How numbers, sizes and times are written; the forms stand in the console's specification. */

const thin = "\u202f"

/** `3 537` with a narrow no-break space. */
export function countText(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(?:\d{3})+$)/g, thin)
}

/** Decimal: `912 B`, `1.1 kB`, `72 kB`, `4.6 MB`. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"]
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value).toString()
  return `${digits} ${units[unit]}`
}

/** `62 %`; `–` when there is nothing to divide by. */
export function percentText(part: number, whole: number, decimals = 0): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(decimals)} %`
}

/** `now`, `24 s`, `9 min`, `4 h`, `2 d`. */
export function sinceText(at: number | null, now: number): string {
  if (at === null) return "never"
  const seconds = Math.max(0, (now - at) / 1000)
  if (seconds < 10) return "now"
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** `45 s`, `1 min 12 s` (under 10 min), `22 min`, `20 h 33 min`, `3 d`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.round(hours / 24)} d`
}

/** `03:06:40`, with the day in front when that is not today. */
export function clockText(at: number, now: number): string {
  const date = new Date(at)
  const time = date.toLocaleTimeString("en-GB")
  return date.toDateString() === new Date(now).toDateString()
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`
}

/** The whole instant, for hovering: in the viewer's zone and in UTC. */
export function instantText(at: number): string {
  const local = new Date(at).toLocaleString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  })
  return `${local} · ${new Date(at).toISOString()}`
}

/** Cut in the middle, since an id's end tells it apart: `AG35CEVA…5A07M4G`. */
export function middleText(text: string, most: number): string {
  if (text.length <= most) return text
  const head = Math.ceil((most - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`
}

/** `1 device`, `3 devices`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

/** The server's sentence about a device without the name in front, which stands beside it already. */
export function withoutName(sentence: string, name: string): string {
  const rest = sentence.startsWith(`${name}: `) ? sentence.slice(name.length + 2) : sentence
  return rest.slice(0, 1).toUpperCase() + rest.slice(1)
}
