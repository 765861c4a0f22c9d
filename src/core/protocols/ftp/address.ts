import { hex } from "../../kit/bytes.ts"

/** An IP address in one form, so that two spellings of one address compare equal. */
export interface IpAddress {
  readonly family: 4 | 6
  /** Dotted decimal, or 32 hexadecimal digits. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) is its IPv4 address. */
  readonly canonical: string
}

const ipv4Pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** Parses an IPv4 or IPv6 address; a zone (`%eth0`) is cut off. `null`: it is neither. */
export function parseIpAddress(text: string): IpAddress | null {
  const v4 = parseIpv4(text)
  if (v4 !== null) return { family: 4, canonical: v4.join(".") }
  const v6 = parseIpv6(text.replace(/%.*$/s, ""))
  if (v6 === null) return null
  const isMapped = v6.slice(0, 10).every((byte) => byte === 0) && v6[10] === 0xff && v6[11] === 0xff
  if (isMapped) return { family: 4, canonical: v6.slice(12).join(".") }
  return { family: 6, canonical: hex(Uint8Array.from(v6)) }
}

/** Whether two texts name one address. */
export function isSameAddress(a: string, b: string): boolean {
  if (a === b) return true
  const left = parseIpAddress(a)
  return left !== null && left.canonical === parseIpAddress(b)?.canonical
}

function parseIpv4(text: string): readonly number[] | null {
  const match = ipv4Pattern.exec(text)
  if (match === null) return null
  const bytes = match.slice(1).map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : null
}

function parseIpv6(text: string): readonly number[] | null {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (tail !== null) {
    const v4 = parseIpv4(tail[2] ?? "")
    if (v4 === null) return null
    const [a = 0, b = 0, c = 0, d = 0] = v4
    return parseIpv6(`${tail[1] ?? ""}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`)
  }
  const halves = text.split("::")
  if (halves.length > 2) return null
  const head = parseGroups(halves[0] ?? "")
  const rest = parseGroups(halves[1] ?? "")
  if (head === null || rest === null) return null
  const missing = 8 - head.length - rest.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...rest]
  return groups.flatMap((group) => [group >> 8, group & 0xff])
}

function parseGroups(text: string): readonly number[] | null {
  if (text === "") return []
  const groups = text.split(":")
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : null
}
