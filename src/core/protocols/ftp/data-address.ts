import { parseIpAddress } from "./address.ts"

/** Where a data connection goes: an address as text and a port, 0..65535. */
export interface DataAddress {
  readonly host: string
  readonly port: number
}

/** Parses the argument of PORT, `h1,h2,h3,h4,p1,p2` (RFC 959 §4.1.2). `null`: it has not that form. */
export function parsePort(argument: string): DataAddress | null {
  const match = /^(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})$/.exec(argument.trim())
  return match === null ? null : fromNumbers(match.slice(1).map(Number))
}

/** The argument of PORT, and what stands in the brackets of a 227 reply. `host` is dotted decimal. */
export function formatPort(address: DataAddress): string {
  return `${address.host.replaceAll(".", ",")},${address.port >> 8},${address.port & 0xff}`
}

/** Finds the address in the words of a 227 reply, with or without brackets around it (RFC 1123 §4.1.2.6). */
export function parsePassiveReply(words: string): DataAddress | null {
  const match = /(?<![\d,])(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})(?![\d,])/.exec(words)
  return match === null ? null : fromNumbers(match.slice(1).map(Number))
}

/** The words of a 227 reply. */
export function formatPassiveReply(address: DataAddress): string {
  return `Entering Passive Mode (${formatPort(address)})`
}

/** What EPRT may ask for (RFC 2428 §2). */
export type ExtendedPort =
  | { readonly ok: true; readonly address: DataAddress }
  /** `protocol`: a network protocol we do not speak (522); `syntax`: not of that form (501). */
  | { readonly ok: false; readonly fault: "protocol" | "syntax" }

/** Parses the argument of EPRT, `|1|132.235.1.2|6275|` or `|2|1080::8:800:200C:417A|5282|` (RFC 2428 §2). */
export function parseExtendedPort(argument: string): ExtendedPort {
  const text = argument.trim()
  const delimiter = text[0] ?? ""
  if (!/^[!-~]$/.test(delimiter) || /^[0-9a-zA-Z:.]$/.test(delimiter)) return { ok: false, fault: "syntax" }
  const parts = text.split(delimiter)
  const [before, protocol = "", host = "", portText = "", after] = parts
  if (parts.length !== 5 || before !== "" || after !== "") return { ok: false, fault: "syntax" }
  if (!/^\d{1,5}$/.test(protocol) || !/^\d{1,5}$/.test(portText)) return { ok: false, fault: "syntax" }
  if (protocol !== "1" && protocol !== "2") return { ok: false, fault: "protocol" }
  const port = Number(portText)
  const looksLikeV6 = host.includes(":")
  if (parseIpAddress(host) === null || looksLikeV6 !== (protocol === "2") || port > 65_535) {
    return { ok: false, fault: "syntax" }
  }
  return { ok: true, address: { host, port } }
}

/** The argument of EPRT. */
export function formatExtendedPort(address: DataAddress): string {
  return `|${address.host.includes(":") ? 2 : 1}|${address.host}|${address.port}|`
}

/** Finds the port in the words of a 229 reply, `(|||6446|)` (RFC 2428 §3). */
export function parseExtendedPassiveReply(words: string): number | null {
  const match = /\(([!-~])\1\1(\d{1,5})\1\)/.exec(words)
  const port = match === null ? Number.NaN : Number(match[2])
  return port >= 1 && port <= 65_535 ? port : null
}

/** The words of a 229 reply. */
export function formatExtendedPassiveReply(port: number): string {
  return `Entering Extended Passive Mode (|||${port}|)`
}

function fromNumbers(numbers: readonly number[]): DataAddress | null {
  if (numbers.some((number) => number > 255)) return null
  const [, , , , high = 0, low = 0] = numbers
  return { host: numbers.slice(0, 4).join("."), port: high * 256 + low }
}
