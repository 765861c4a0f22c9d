import type { ModuleProfile } from "../models.ts"

/** The argument of AT+QFOTADL, taken apart. */
export type FotaUrl =
  | {
      readonly scheme: "ftp"
      readonly user: string
      readonly password: string
      readonly host: string
      readonly port: number
      /** Without the leading slash, as it follows RETR. */
      readonly path: string
    }
  | { readonly scheme: "http" | "https"; readonly host: string; readonly port: number; readonly path: string }
  | { readonly scheme: "file"; readonly path: string }

export type FotaUrlResult =
  | { readonly ok: true; readonly url: FotaUrl }
  | { readonly ok: false; readonly sentence: string }
export type FotaUrlText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly sentence: string }

/** What a URL's limits depend on. */
export type UrlRules = Pick<ModuleProfile, "id" | "schemes" | "urlBytes" | "ftpFieldBytes" | "ftpRootOnly" | "local">

export const defaultPorts = { ftp: 21, http: 80, https: 443 } as const

/** Characters that no part may hold: they end the part, the argument or the line (quectel.md 4.7.3). */
const forbidden = /[^\x21-\x7e]|[?#@",\\]/
/** A colon would end user, password or host early; a slash would begin the path. */
const forbiddenBeforePath = /[:/]/

/**
 * Writes the URL that a module is given. Stricter than modules read: lower-case scheme, explicit port, no character
 * that a module or its port could take for something else, every limit of quectel.md 4.2.
 */
export function buildFotaUrl(rules: UrlRules, url: Exclude<FotaUrl, { readonly scheme: "file" }>): FotaUrlText {
  const { scheme, host, port, path } = url
  const login = url.scheme === "ftp" ? { user: url.user, password: url.password } : {}
  const text =
    url.scheme === "ftp"
      ? `ftp://${url.user}:${url.password}@${host}:${port}/${path}`
      : `${scheme}://${host}:${port}/${path}`
  const before = Object.entries({ ...login, host })
  const bad =
    before.find(([, value]) => value === "" || forbidden.test(value) || forbiddenBeforePath.test(value)) ??
    (path === "" || path.startsWith("/") || forbidden.test(path) ? ["path", path] : undefined)
  if (bad !== undefined) {
    return { ok: false, sentence: `The ${bad[0]} of the URL is empty or has a character that modules do not take.` }
  }
  return limitsKept(rules, text, url) ?? { ok: true, text }
}

/**
 * Reads the argument of AT+QFOTADL as a module of these rules does: schemes in any case, ports may be missing. A false
 * result is what the module answers with ERROR. `text` is what stood between the quotes.
 */
export function parseFotaUrl(rules: UrlRules, text: string): FotaUrlResult {
  const { local } = rules
  if (local?.form === "path" && text.startsWith(local.prefix)) return localFile(local, text)
  if (text.length > rules.urlBytes) {
    return { ok: false, sentence: `The URL has ${text.length} characters; ${rules.id} takes ${rules.urlBytes}.` }
  }
  const [, scheme = "", rest = ""] = /^([A-Za-z]{1,8}):\/\/(.*)$/.exec(text) ?? []
  const url = scheme.toLowerCase() === "ftp" ? parseFtp(rest) : parseHttp(scheme.toLowerCase(), rest)
  if (url === null) return { ok: false, sentence: "This is no URL that the module knows." }
  const broken = limitsKept(rules, text, url)
  return broken ?? { ok: true, url }
}

function localFile(local: { readonly prefix: string; readonly mostBytes: number }, text: string): FotaUrlResult {
  if (text.length > local.mostBytes) {
    return { ok: false, sentence: `The file name has ${text.length} characters; the module takes ${local.mostBytes}.` }
  }
  const name = text.slice(local.prefix.length)
  if (name === "" || forbidden.test(name) || name.split("/").some((part) => part === "" || part === "..")) {
    return { ok: false, sentence: `This is no file under ${local.prefix}.` }
  }
  return { ok: true, url: { scheme: "file", path: text } }
}

function parseFtp(rest: string): FotaUrl | null {
  // `:` may stand in a password; the guide's form has one `@` (3.1).
  const match = /^([^:@/]*):([^@/]*)@([^:@/]+)(?::(\d{1,5}))?\/(.+)$/.exec(rest)
  if (match === null) return null
  const [, user = "", password = "", host = "", portText, path = ""] = match
  const port = portNumber(portText, defaultPorts.ftp)
  return port === null ? null : { scheme: "ftp", user, password, host, port, path }
}

function parseHttp(scheme: string, rest: string): FotaUrl | null {
  if (scheme !== "http" && scheme !== "https") return null
  const match = /^([^:@/]+)(?::(\d{1,5}))?\/(.+)$/.exec(rest)
  if (match === null) return null
  const [, host = "", portText, path = ""] = match
  const port = portNumber(portText, defaultPorts[scheme])
  return port === null ? null : { scheme, host, port, path }
}

function portNumber(text: string | undefined, otherwise: number): number | null {
  const port = text === undefined ? otherwise : Number(text)
  return port >= 1 && port <= 65535 ? port : null
}

/** The limits of a profile; null when all are kept. */
function limitsKept(
  rules: UrlRules,
  text: string,
  url: FotaUrl,
): { readonly ok: false; readonly sentence: string } | null {
  if (url.scheme === "file") return null
  if (!rules.schemes.includes(url.scheme)) {
    return { ok: false, sentence: `${rules.id} does not download over ${url.scheme.toUpperCase()}.` }
  }
  if (!Number.isInteger(url.port) || url.port < 1 || url.port > 65535) {
    return { ok: false, sentence: "The port must be from 1 to 65535." }
  }
  if (text.length > rules.urlBytes) {
    return { ok: false, sentence: `The URL has ${text.length} characters; ${rules.id} takes ${rules.urlBytes}.` }
  }
  if (url.scheme !== "ftp") return null
  const { user, password, host, path } = url
  const long = Object.entries({ user, password, host, path }).find(([, value]) => value.length > rules.ftpFieldBytes)
  if (long !== undefined) {
    const [name, value] = long
    return {
      ok: false,
      sentence: `The ${name} in the FTP URL has ${value.length} characters; ${rules.id} takes ${rules.ftpFieldBytes}.`,
    }
  }
  if (rules.ftpRootOnly && path.includes("/")) {
    return { ok: false, sentence: `${rules.id} finds FTP files in the login directory alone.` }
  }
  return null
}
