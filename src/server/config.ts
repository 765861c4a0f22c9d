import { ConfigError } from "./config-error.ts"
import { parseOidc } from "./oidc-settings.ts"
import { readSecret, type SecretName, secretSettings } from "./secret-settings.ts"
import { parseTls, readPem, type TlsPair } from "./tls-settings.ts"
import type { OpenidSettings } from "./people/openid-provider.ts"
import { type DataPeer, dataPeers } from "./transports/ftp/data-peer.ts"
import { readFileSync } from "node:fs"
import { isIP } from "node:net"
import { resolve } from "node:path"
import { type FourEyesDeed, fourEyesDeeds } from "../core/domain/people.ts"
import { KeyFault, type ReleaseKey, readPublicKeys } from "../signing/release-keys.ts"
import { isNetwork } from "./webhooks/forbidden-addresses.ts"
import { families } from "../core/families/index.ts"

export { ConfigError }

/** The server cannot start for a cause outside its settings; `message` names it and the cure. */
export class StartError extends Error {
  override readonly name = "StartError"
}

export interface HostPort {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

export interface PortRange {
  readonly min: number
  readonly max: number
}

export interface ServerConfig {
  readonly data: string
  readonly http: HostPort
  /** The management API over TLS; null = plain HTTP. */
  readonly httpTls: TlsPair | null
  /** The identity provider; null = none. */
  readonly oidc: OpenidSettings | null
  /** Names beside `localhost` and numeric addresses under which callers may reach the management API, in lower case. */
  readonly httpHosts: readonly string[]
  /** Addresses of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed. */
  readonly httpProxies: readonly string[]
  /** What a second person has to approve. */
  readonly fourEyes: ReadonlySet<FourEyesDeed>
  /** Whose signatures releases need; none = they need none. */
  readonly releaseKeys: readonly ReleaseKey[]
  /** How many of them. */
  readonly releaseSignatures: number
  /** Networks that webhooks may go to beside the public internet. */
  readonly webhookAllow: readonly string[]
  /** A login lasts so long, ms. */
  readonly sessionMs: number
  readonly deviceHttp: HostPort
  /** A second listener for devices, with TLS; null = none. */
  readonly deviceHttps: (HostPort & TlsPair & { readonly clientCa?: string }) | null
  readonly ftp: HostPort
  readonly ftpPassivePorts: PortRange
  /** The IPv4 address that passive replies name behind a NAT; null = the address the client reached. */
  readonly ftpAdvertise: string | null
  /** PEM files for explicit TLS; null = AUTH TLS is refused. */
  readonly ftpTls: TlsPair | null
  /** Logins whose protected data connections need not resume their control connection's session; null = none needs to. */
  readonly ftpTlsNoResume: readonly string[] | null
  readonly deviceUrl: string | null
  /** Where modules reach the FTP listener; null = at the address at which their agent called. */
  readonly ftpDataPeer: DataPeer
  /** Whether what devices and server say to each other is taken down. */
  readonly wire: boolean
  readonly ftpPublic: HostPort | null
  /** Messages of devices over TCP; null = none. */
  readonly deviceTcp: HostPort | null
  /** Where devices reach that listener; null = the address that it listens on. */
  readonly deviceTcpPublic: HostPort | null
  /** The service centre that carries short messages; null = none. */
  readonly smpp: (HostPort & { readonly user: string; readonly password: string }) | null
  /** The GSM modem that carries them instead; null = none. */
  readonly smsModem: { readonly path: string; readonly baudRate: number; readonly pin: string } | null
  /** The number that devices know this server by. */
  readonly smsNumber: string
  /** Beginnings of the numbers that it may write to; none = those of its own country. */
  readonly smsAllow: readonly string[] | "any"
  readonly smsPerDay: number
  readonly imageCacheBytes: number
  readonly uploadLimitBytes: number
  /** Threads that make patches; 0 = none are made. */
  readonly deltaWorkers: number
  /** Most memory that they take together, bytes. */
  readonly deltaMemoryBytes: number
  /** Virtual devices run so many times faster than hardware; 1 = real devices. */
  readonly deviceSpeed: number
  /** Whether the console may start virtual devices beside this server. */
  readonly lab: boolean
  readonly logLevel: string
  /** How long transfers that run may go on when the server is told to end, ms. */
  readonly drainMs: number
}

interface Setting {
  /** Long flag without dashes; the environment variable is WAFT_ and the flag in capitals with underscores. */
  readonly flag: string
  readonly value: string
  readonly help: string
  readonly fallback: string
}

/** The file of a secret; the secret itself may stand in the variable of the same name without `_FILE`. */
const secretFile = <Name extends SecretName>(name: Name) => ({
  flag: `${name}-file` as const,
  value: "FILE",
  help: `file with the ${secretSettings[name]}, or the secret itself in ${environmentName(name)}`,
  fallback: "",
})

/** Every setting of the server: flag, environment variable, key of the config file, help text, default. */
export const serverSettings = [
  { flag: "data", value: "DIR", help: "data folder", fallback: "./waft-data" },
  { flag: "http", value: "HOST:PORT", help: "management API", fallback: "127.0.0.1:8080" },
  { flag: "http-tls-cert", value: "FILE", help: "certificate (PEM) for TLS on the management API", fallback: "" },
  { flag: "http-tls-key", value: "FILE", help: "private key (PEM) of that certificate", fallback: "" },
  {
    flag: "http-hosts",
    value: "NAMES",
    help: "names of this machine that the management API answers to beside localhost and addresses, comma-separated",
    fallback: "",
  },
  {
    flag: "http-proxies",
    value: "ADDRESSES",
    help: "reverse proxies before the management API, comma-separated: what their X-Forwarded-For and X-Forwarded-Proto say is believed",
    fallback: "",
  },
  {
    flag: "four-eyes",
    value: "DEEDS",
    help: "what a second person has to approve, comma-separated: release, rollout, roll-back",
    fallback: "",
  },
  {
    flag: "oidc-issuer",
    value: "URL",
    help: "identity provider (OpenID Connect) that people may sign in at, such as https://login.example.com/realms/ota",
    fallback: "",
  },
  { flag: "oidc-client-id", value: "ID", help: "what that provider knows this server by", fallback: "" },
  secretFile("oidc-client-secret"),
  {
    flag: "oidc-scopes",
    value: "SCOPES",
    help: "what it is asked to tell of people",
    fallback: "openid profile email",
  },
  {
    flag: "oidc-rights",
    value: "ROWS",
    help: "what its claims give, such as 'groups=ota-admins => admin; groups=north => operator site=north'; empty = users have the rights that `waft user` gives them",
    fallback: "",
  },
  {
    flag: "release-keys",
    value: "FILES",
    help: "public keys (PEM), comma-separated, by which releases have to be signed; none = they need not be",
    fallback: "",
  },
  {
    flag: "release-signatures",
    value: "N",
    help: "how many of these keys have to have signed a release",
    fallback: "1",
  },
  {
    flag: "webhook-allow",
    value: "NETWORKS",
    help: "networks that webhooks may go to beside the public internet, comma-separated, such as 10.0.0.0/8,127.0.0.1",
    fallback: "",
  },
  {
    flag: "session-hours",
    value: "N",
    help: "a login lasts so long, in the console and by `waft login`",
    fallback: "12",
  },
  { flag: "device-http", value: "HOST:PORT", help: "HTTP for devices", fallback: "0.0.0.0:8081" },
  { flag: "device-https", value: "HOST:PORT", help: "HTTP over TLS for devices (off unless given)", fallback: "" },
  { flag: "device-tls-cert", value: "FILE", help: "certificate (PEM) of --device-https", fallback: "" },
  { flag: "device-tls-key", value: "FILE", help: "private key (PEM) of that certificate", fallback: "" },
  {
    flag: "device-tls-client-ca",
    value: "FILE",
    help: "who issues devices' certificates (PEM): a device is then known by its id as the common name",
    fallback: "",
  },
  { flag: "ftp", value: "HOST:PORT", help: "FTP for devices", fallback: "0.0.0.0:2121" },
  { flag: "ftp-passive-ports", value: "A-B", help: "ports of passive transfers", fallback: "30000-30999" },
  {
    flag: "ftp-data-peer",
    value: "same|any-of-prefix|any",
    help: "from where passive data connections may come: the control connection's address, its /24 (IPv6: /64), anywhere",
    fallback: "same",
  },
  {
    flag: "wire",
    value: "on|off",
    help: "take down what devices and this server say to each other, for `waft device wire`",
    fallback: "on",
  },
  {
    flag: "ftp-advertise",
    value: "ADDRESS",
    help: "IPv4 address that passive replies name (behind a NAT)",
    fallback: "",
  },
  {
    flag: "ftp-public",
    value: "HOST:PORT",
    help: "address of the FTP listener as modules reach it, for the URLs that they are given",
    fallback: "",
  },
  { flag: "ftp-tls-cert", value: "FILE", help: "certificate (PEM) for explicit TLS on FTP", fallback: "" },
  { flag: "ftp-tls-key", value: "FILE", help: "private key (PEM) of that certificate", fallback: "" },
  {
    flag: "ftp-tls-no-resume",
    value: "LOGINS",
    help: "logins, comma-separated, whose protected data connections need not resume their TLS session, for clients that cannot; * = all",
    fallback: "",
  },
  {
    flag: "device-url",
    value: "URL",
    help: "address of the device HTTP listener as devices reach it, such as http://ota.example.com",
    fallback: "",
  },
  {
    flag: "device-tcp",
    value: "HOST:PORT",
    help: "messages of devices over TCP (empty = none)",
    fallback: "0.0.0.0:8082",
  },
  {
    flag: "device-tcp-public",
    value: "HOST:PORT",
    help: "address of that listener as devices reach it",
    fallback: "",
  },
  {
    flag: "smpp",
    value: "URL",
    help: "SMS centre, such as smpp://user@host:2775 (off unless given)",
    fallback: "",
  },
  secretFile("smpp-password"),
  {
    flag: "sms-modem",
    value: "PATH[,BAUD]",
    help: "GSM modem that carries SMS instead of a centre, such as /dev/ttyUSB2 or /dev/ttyS1,115200 (off unless given)",
    fallback: "",
  },
  secretFile("sms-modem-pin"),
  {
    flag: "sms-number",
    value: "NUMBER",
    help: "number that this server's SMS come from and go to, such as +393312345678",
    fallback: "",
  },
  {
    flag: "sms-allow",
    value: "PREFIXES",
    help: "beginnings of numbers that SMS may go to, such as +39,+4917; * = any; empty = the country of --sms-number, and premium numbers and short codes only where their own range is named",
    fallback: "",
  },
  { flag: "sms-per-day", value: "N", help: "most SMS that are sent in a day", fallback: "20000" },
  { flag: "image-cache-mb", value: "MB", help: "memory for images that are being fetched", fallback: "256" },
  { flag: "upload-limit-mb", value: "MB", help: "largest file that may be published", fallback: "256" },
  { flag: "delta-workers", value: "N", help: "threads that make patches in the background; 0 = none", fallback: "1" },
  { flag: "delta-memory-mb", value: "MB", help: "memory that they may take together", fallback: "1024" },
  {
    flag: "device-speed",
    value: "N",
    help: "for rehearsals with virtual devices: they run N times faster than hardware, so what is waited for of them is divided by N",
    fallback: "1",
  },
  {
    flag: "drain-seconds",
    value: "N",
    help: "how long transfers that run may go on when the server is told to end",
    fallback: "30",
  },
  {
    flag: "lab",
    value: "on|off",
    help: "let the console start virtual devices beside this server, in a process of their own",
    fallback: "off",
  },
  { flag: "log-level", value: "LEVEL", help: "trace, debug, info, warn, error or silent", fallback: "info" },
] as const satisfies readonly Setting[]

export type SettingFlag = (typeof serverSettings)[number]["flag"]
export type Given = Readonly<Partial<Record<SettingFlag, string>>>

/** The environment variable of a setting. */
export function environmentName(flag: string): string {
  return `WAFT_${flag.toUpperCase().replaceAll("-", "_")}`
}

/** A setting as it is given, and by what. */
export interface SettingGiven {
  readonly flag: SettingFlag
  /** Empty = off, or not given. */
  readonly value: string
  readonly source: "flag" | "environment" | "file" | "default"
  /** The flag, the variable or the file that says so. */
  readonly from: string
}

/** Every setting with its value and where that comes from, in the order of `serverSettings`. Checks no value. Throws `ConfigError`. */
export function readSettings(
  flags: Given,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  file: string | undefined = environment["WAFT_CONFIG"],
): readonly SettingGiven[] {
  const fromFile = file === undefined ? {} : readConfigFile(file)
  return serverSettings.map(({ flag, fallback }): SettingGiven => {
    const variable = environmentName(flag)
    const [byFlag, byVariable, byFile] = [flags[flag], environment[variable], fromFile[flag]]
    if (byFlag !== undefined) return { flag, value: byFlag, source: "flag", from: `--${flag}` }
    if (byVariable !== undefined) return { flag, value: byVariable, source: "environment", from: variable }
    if (byFile !== undefined) return { flag, value: byFile, source: "file", from: file ?? "" }
    return { flag, value: fallback, source: "default", from: "" }
  })
}

/** Settings as people may read them: with what each is for, and no password of a URL. */
export function shownSettings(
  settings: readonly SettingGiven[],
): readonly (SettingGiven & { readonly help: string })[] {
  return settings.map((setting) => ({
    ...setting,
    value: setting.value.replace(/^([a-z]+:\/\/[^:@/]+:)[^@/]*(?=@)/, "$1***"),
    help: serverSettings.find(({ flag }) => flag === setting.flag)?.help ?? "",
  }))
}

/**
 * Settings from, in this order: flags, environment (`WAFT_…`), the config file (`--config` or WAFT_CONFIG, JSON with
 * the flags' names as keys), defaults. Throws `ConfigError`.
 */
export function readConfig(
  flags: Given,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  file: string | undefined = environment["WAFT_CONFIG"],
): ServerConfig {
  const given = new Map(readSettings(flags, environment, file).map(({ flag, value }) => [flag, value]))
  const text = (flag: SettingFlag): string => given.get(flag) ?? ""
  const secret = (name: SecretName): string | null => readSecret(name, text(`${name}-file`), environment)
  return {
    data: resolve(text("data")),
    http: parseHostPort("http", text("http")),
    httpTls: parseTls("http", text("http-tls-cert"), text("http-tls-key")),
    oidc: parseOidc({
      issuer: text("oidc-issuer"),
      clientId: text("oidc-client-id"),
      clientSecret: secret("oidc-client-secret"),
      scopes: text("oidc-scopes"),
      rights: text("oidc-rights"),
    }),
    httpHosts: parseHosts(text("http-hosts")),
    httpProxies: parseProxies(text("http-proxies")),
    fourEyes: parseFourEyes(text("four-eyes")),
    ...parseReleaseKeys(text("release-keys"), text("release-signatures")),
    webhookAllow: parseNetworks(text("webhook-allow")),
    sessionMs: parseSessionHours(text("session-hours")),
    deviceHttp: parseHostPort("device-http", text("device-http")),
    deviceHttps: parseDeviceHttps(
      text("device-https"),
      text("device-tls-cert"),
      text("device-tls-key"),
      text("device-tls-client-ca"),
    ),
    ftp: parseHostPort("ftp", text("ftp")),
    ftpPassivePorts: parsePortRange(text("ftp-passive-ports")),
    ftpAdvertise: parseAdvertised(text("ftp-advertise")),
    ftpTls: parseTls("ftp", text("ftp-tls-cert"), text("ftp-tls-key")),
    ftpTlsNoResume: parseNoResume(text("ftp-tls-no-resume")),
    deviceUrl: parseDeviceUrl(text("device-url")),
    ftpDataPeer: parseDataPeer(text("ftp-data-peer")),
    wire: parseOnOff("wire", text("wire")),
    ftpPublic: text("ftp-public") === "" ? null : parseHostPort("ftp-public", text("ftp-public")),
    deviceTcp: text("device-tcp") === "" ? null : parseHostPort("device-tcp", text("device-tcp")),
    deviceTcpPublic:
      text("device-tcp-public") === "" ? null : parseHostPort("device-tcp-public", text("device-tcp-public")),
    smpp: parseSmpp(text("smpp"), secret("smpp-password")),
    smsModem: parseSmsModem(text("sms-modem"), secret("sms-modem-pin"), text("smpp")),
    smsNumber: parseSmsNumber(text("sms-number"), text("smpp") === "" && text("sms-modem") === ""),
    smsAllow: parseSmsAllow(text("sms-allow")),
    smsPerDay: parseSmsPerDay(text("sms-per-day")),
    imageCacheBytes: parseMegabytes("image-cache-mb", text("image-cache-mb")),
    uploadLimitBytes: parseMegabytes("upload-limit-mb", text("upload-limit-mb")),
    deltaWorkers: parseWorkers(text("delta-workers")),
    deltaMemoryBytes: parseMegabytes("delta-memory-mb", text("delta-memory-mb")),
    deviceSpeed: parseSpeed(text("device-speed")),
    lab: parseOnOff("lab", text("lab")),
    logLevel: parseLogLevel(text("log-level")),
    drainMs: parseDrain(text("drain-seconds")),
  }
}

function readConfigFile(file: string): Given {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, "utf8"))
  } catch (error) {
    throw new ConfigError(`The config file ${file} cannot be read: ${(error as Error).message}.`, { cause: error })
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`The config file ${file} must hold one JSON object.`)
  }
  const known = new Set<string>(serverSettings.map(({ flag }) => flag))
  for (const [key, value] of Object.entries(content)) {
    if (!known.has(key)) {
      throw new ConfigError(`The config file ${file} has an unknown key "${key}"; known are ${[...known].join(", ")}.`)
    }
    if (typeof value !== "string") throw new ConfigError(`In the config file ${file}, "${key}" must be a text.`)
  }
  return content
}

/** `HOST:PORT`, `[IPv6]:PORT`. */
export function parseHostPort(flag: string, text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port > 65_535) {
    throw new ConfigError(`--${flag} takes HOST:PORT such as 127.0.0.1:8080, not "${text}".`)
  }
  return { host, port }
}

function parseNoResume(text: string): readonly string[] | null {
  return text === "*" ? null : text.split(",").filter((login) => login !== "")
}

function parseHosts(text: string): readonly string[] {
  const names = text === "" ? [] : text.toLowerCase().split(",")
  for (const name of names) {
    if (!/^[a-z0-9._-]{1,253}$/.test(name)) {
      throw new ConfigError(`--http-hosts takes names such as ota.example.com, separated by commas, not "${text}".`)
    }
  }
  return names
}

function parseOnOff(flag: string, text: string): boolean {
  if (text !== "on" && text !== "off") throw new ConfigError(`--${flag} takes on or off, not "${text}".`)
  return text === "on"
}

function parseProxies(text: string): readonly string[] {
  const addresses = text === "" ? [] : text.split(",")
  for (const address of addresses) {
    if (isIP(address) === 0) {
      throw new ConfigError(`--http-proxies takes addresses such as 127.0.0.1,::1, not "${text}".`)
    }
  }
  return addresses
}

function parseFourEyes(text: string): ReadonlySet<FourEyesDeed> {
  const known = Object.keys(fourEyesDeeds) as FourEyesDeed[]
  const deeds = text === "" ? [] : text.split(",")
  return new Set(
    deeds.map((word) => {
      const deed = known.find((one) => one === word)
      if (deed === undefined) throw new ConfigError(`--four-eyes takes ${known.join(", ")}, not "${text}".`)
      return deed
    }),
  )
}

function parseReleaseKeys(files: string, threshold: string): Pick<ServerConfig, "releaseKeys" | "releaseSignatures"> {
  const keys = new Map<string, ReleaseKey>()
  for (const file of files === "" ? [] : files.split(",")) {
    try {
      for (const key of readPublicKeys(readPem("release-keys", file))) keys.set(key.id, key)
    } catch (error) {
      if (!(error instanceof KeyFault)) throw error
      throw new ConfigError(`The file ${file} of --release-keys ${error.message}.`, { cause: error })
    }
  }
  const most = Math.max(keys.size, 1)
  if (!/^\d{1,2}$/.test(threshold) || Number(threshold) < 1 || Number(threshold) > most) {
    const given = keys.size === 0 ? "without --release-keys" : `with ${keys.size} different keys`
    throw new ConfigError(`--release-signatures takes 1 to ${most} ${given}, not "${threshold}".`)
  }
  return { releaseKeys: [...keys.values()], releaseSignatures: Number(threshold) }
}

function parseNetworks(text: string): readonly string[] {
  const networks = text === "" ? [] : text.split(",")
  for (const network of networks) {
    if (!isNetwork(network)) {
      throw new ConfigError(`--webhook-allow takes networks such as 10.0.0.0/8,127.0.0.1, not "${text}".`)
    }
  }
  return networks
}

function parseSessionHours(text: string): number {
  const hours = Number(text)
  if (!/^\d{1,4}$/.test(text) || hours < 1 || hours > 8760) {
    throw new ConfigError(`--session-hours takes a whole number from 1 to 8760, not "${text}".`)
  }
  return hours * 3_600_000
}

function parseDataPeer(text: string): DataPeer {
  const found = dataPeers.find((one) => one === text)
  if (found === undefined) throw new ConfigError(`--ftp-data-peer takes ${dataPeers.join(", ")}, not "${text}".`)
  return found
}

function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text)
  const min = Number(match?.[1])
  const max = Number(match?.[2])
  if (match === null || min < 1024 || max > 65_535 || min > max) {
    throw new ConfigError(`--ftp-passive-ports takes A-B with 1024 <= A <= B <= 65535, not "${text}".`)
  }
  return { min, max }
}

function parseAdvertised(text: string): string | null {
  if (text === "") return null
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) {
    throw new ConfigError(`--ftp-advertise takes an IPv4 address such as 203.0.113.7, not "${text}".`)
  }
  return text
}

function parseSmpp(text: string, secret: string | null): ServerConfig["smpp"] {
  if (text === "" && secret !== null) throw new ConfigError("--smpp-password-file goes with --smpp.")
  if (text === "") return null
  const match = /^smpp:\/\/([^:@/]{1,15})(?::([^:@/]{0,8}))?@([^:@/]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(text)
  const [, user = "", inUrl, host = "", port = ""] = match ?? []
  const password = secret ?? inUrl ?? ""
  if (match === null || Number(port) > 65_535 || password.length > 8) {
    throw new ConfigError(
      "--smpp takes smpp://USER@HOST:PORT, with the password in the file of --smpp-password-file or in WAFT_SMPP_PASSWORD; SMPP allows 15 characters for the user and 8 for the password.",
    )
  }
  if (secret !== null && inUrl !== undefined) {
    throw new ConfigError("--smpp names a password, and so does --smpp-password-file or WAFT_SMPP_PASSWORD: give one.")
  }
  return { user, password, host: host.replace(/^\[|\]$/g, ""), port: Number(port) }
}

function parseSmsModem(text: string, pin: string | null, smpp: string): ServerConfig["smsModem"] {
  if (text === "" && pin === null) return null
  if (text === "") throw new ConfigError("--sms-modem-pin-file goes with --sms-modem.")
  if (smpp !== "") throw new ConfigError("--smpp and --sms-modem are two ways to carry SMS: give one of them.")
  const [, path = "", baud = "115200"] = /^([^,]+)(?:,(\d{3,7}))?$/.exec(text) ?? []
  if (path === "") throw new ConfigError(`--sms-modem takes PATH[,BAUD] such as /dev/ttyUSB2,115200, not "${text}".`)
  return { path, baudRate: Number(baud), pin: pin === null ? "" : checkedPin(pin.trim()) }
}

function checkedPin(pin: string): string {
  if (/^\d{4,8}$/.test(pin)) return pin
  throw new ConfigError(
    "The file of --sms-modem-pin-file, or WAFT_SMS_MODEM_PIN, does not hold a PIN of 4 to 8 digits.",
  )
}

function parseSmsNumber(text: string, isNeedless: boolean): string {
  if (text === "" && !isNeedless) {
    throw new ConfigError("--smpp and --sms-modem need --sms-number, the number that devices write to.")
  }
  if (text !== "" && !/^\+?\d{3,15}$/.test(text)) {
    throw new ConfigError(`--sms-number takes an international number such as +393312345678, not "${text}".`)
  }
  return text
}

function parseSmsAllow(text: string): ServerConfig["smsAllow"] {
  if (text === "*") return "any"
  const prefixes = text === "" ? [] : text.split(",")
  if (prefixes.every((prefix) => /^\+\d{1,15}$/.test(prefix))) return prefixes
  throw new ConfigError(`--sms-allow takes beginnings of numbers such as +39,+4917, or *, not "${text}".`)
}

function parseSmsPerDay(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new ConfigError(`--sms-per-day takes 0 to 9999999, not "${text}".`)
  return Number(text)
}

function parseDeviceHttps(
  address: string,
  certFile: string,
  keyFile: string,
  caFile: string,
): ServerConfig["deviceHttps"] {
  const pair = parseTls("device", certFile, keyFile)
  if (address === "" && pair === null) return null
  if (address === "" || pair === null) {
    throw new ConfigError("--device-https, --device-tls-cert and --device-tls-key go together: give all, or none.")
  }
  const listen = parseHostPort("device-https", address)
  if (caFile === "") return { ...listen, ...pair }
  const clientCa = readPem("device-tls-client-ca", caFile)
  return { ...listen, ...pair, clientCa, files: { ...pair.files, clientCa: caFile } }
}

function parseDeviceUrl(text: string): string | null {
  if (text === "") return null
  if (!/^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text)) {
    throw new ConfigError(`--device-url takes http://HOST[:PORT] or https://HOST[:PORT], not "${text}".`)
  }
  for (const { http } of families) {
    if (http?.longestOrigin === undefined || text.length <= http.longestOrigin.chars) continue
    const { chars, why } = http.longestOrigin
    throw new ConfigError(`--device-url may have ${chars} characters, not ${text.length}: ${why}.`)
  }
  return text
}

function parseMegabytes(flag: string, text: string): number {
  const megabytes = Number(text)
  if (!/^\d{1,6}$/.test(text) || megabytes < 1) throw new ConfigError(`--${flag} takes whole megabytes, not "${text}".`)
  return megabytes * 1_048_576
}

function parseWorkers(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new ConfigError(`--delta-workers takes 0 to 99, not "${text}".`)
  return Number(text)
}

function parseLogLevel(text: string): string {
  const levels = ["trace", "debug", "info", "warn", "error", "silent"]
  if (!levels.includes(text)) throw new ConfigError(`--log-level takes one of ${levels.join(", ")}, not "${text}".`)
  return text
}

function parseDrain(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new ConfigError(`--drain-seconds takes 0 to 9999, not "${text}".`)
  return Number(text) * 1000
}

function parseSpeed(text: string): number {
  const speed = Number(text)
  if (text.trim() === "" || !(speed >= 1 && speed <= 100_000)) {
    throw new ConfigError(`--device-speed takes a number from 1 to 100000, not "${text.slice(0, 40)}".`)
  }
  return speed
}
