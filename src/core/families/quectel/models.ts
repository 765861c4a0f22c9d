import type { Model } from "../family.ts"

/** Which table of result codes a module speaks by (quectel.md 4.4): the same number means different things. */
export type CodeTable = "ag35" | "ep06" | "quecopen" | "standard-a" | "bg96"

/** How a package that lies on the module already is named in AT+QFOTADL. */
export type LocalForm =
  /** A path that begins with `prefix` (AG35 guide 3.3). */
  | { readonly form: "path"; readonly prefix: string; readonly mostBytes: number }
  /** The bare argument 1, for one file (quectel.md 4.2, BG96). */
  | { readonly form: "number"; readonly file: string }
  /** `"FILE:<length>"`, and the bytes follow on the port (quectel.md 4.2, Standard(A)). */
  | { readonly form: "upload"; readonly mostBytes: number }

/** What a module is reached over at worst. */
export type LinkClass = "broadband" | "narrowband"

/**
 * The slowest link that is waited for, bytes a second: GPRS with a bad signal; and NB-IoT or LTE-M at the edge of its coverage,
 * for which 3GPP TR 45.820 asks no more than 160 bits a second of the radio. A transfer that the server sees move is waited for
 * however slow it is.
 */
export const slowestLinks: Readonly<Record<LinkClass, number>> = { broadband: 2000, narrowband: 100 }

/** What is known of a module that updates itself by AT+QFOTADL. Sizes are bytes of the text in the command. */
export interface ModuleProfile {
  readonly id: string
  readonly title: string
  /** The document that the profile follows. */
  readonly source: string
  readonly isUnusual?: true
  readonly schemes: readonly ("ftp" | "http" | "https")[]
  /** Longest URL. */
  readonly urlBytes: number
  /** Longest user, password, host and path of an FTP URL, each. */
  readonly ftpFieldBytes: number
  /** FTP files are found in the login directory alone. */
  readonly ftpRootOnly: boolean
  readonly local: LocalForm | null
  /** `url`: the URL alone. `url-and-modes`: `"<url>"[,<mode>[,<download_URC_max>[,<update_URC_max>]]]`. */
  readonly syntax: "url" | "url-and-modes"
  /** What AT+QFOTADL=? answers: OK alone, or the ranges of the arguments and OK. */
  readonly testForm: "ok" | "ranges"
  /** The command that sets the PDP context of downloads. */
  readonly contextCommand: "+QFOTAPID" | '+QCFG="fota/cid"'
  readonly codes: CodeTable
  readonly link: LinkClass
  /** USB leaves the bus at every reboot and comes back, perhaps under another name; a UART stays. */
  readonly port: "usb" | "uart"
  /**
   * Whether the flash has room for a copy of the old firmware: then a hopeless update ends with the old version;
   * without, the module tries for ever (quectel.md 4.5).
   */
  readonly hasBackup: boolean
  /** After UPDATING the module copies the firmware to its second place and says RESTORE (quectel.md 4.2, 4.5). */
  readonly hasRestorePhase: boolean
  /** Extension of package files. */
  readonly packageExtension: "zip" | "bin"
  /** The package is two files, `<name>.mini_1` and `<name>.mini_2`, with no way back after the first (quectel.md 4.2). */
  readonly isMini: boolean
}

const ag35: ModuleProfile = {
  id: "AG35",
  title: "AG35",
  source: "AG35 DFOTA User Guide V1.0",
  schemes: ["ftp", "http"],
  urlBytes: 255,
  ftpFieldBytes: 50,
  ftpRootOnly: false,
  local: { form: "path", prefix: "/data/ufs/", mostBytes: 128 },
  syntax: "url",
  testForm: "ok",
  contextCommand: "+QFOTAPID",
  codes: "ag35",
  link: "broadband",
  port: "usb",
  hasBackup: true,
  hasRestorePhase: false,
  packageExtension: "zip",
  isMini: false,
}

const ep06: ModuleProfile = {
  ...ag35,
  id: "EP06",
  title: "EP06",
  source: "EP06 DFOTA guide V1.0 (quectel.md 4.2)",
  schemes: ["ftp", "http", "https"],
  codes: "ep06",
}

const bg96: ModuleProfile = {
  ...ag35,
  id: "BG96",
  title: "BG96",
  source: "BG96 DFOTA guide (quectel.md 4.2, 4.4)",
  schemes: ["http", "https"],
  local: { form: "number", file: "/fota/update.zip" },
  codes: "bg96",
  link: "narrowband",
  hasRestorePhase: true,
  packageExtension: "bin",
}

const quecOpen: ModuleProfile = {
  ...ag35,
  id: "EC2X",
  title: "EC2x QuecOpen, 256 MB flash",
  source: "EC2x/EG9x QuecOpen guide V1.0, 2020 (quectel.md 4.2, 4.5)",
  schemes: ["ftp", "http", "https"],
  local: { form: "path", prefix: "/usrdata/cache/fota/", mostBytes: 128 },
  codes: "quecopen",
}

const standardA: ModuleProfile = {
  ...ag35,
  id: "EC200A",
  title: "EC200A",
  source: "LTE Standard(A) DFOTA guide V1.4 and V1.5 (quectel.md 4.2)",
  schemes: ["ftp", "http", "https"],
  ftpRootOnly: true,
  local: { form: "upload", mostBytes: 128 },
  syntax: "url-and-modes",
  testForm: "ranges",
  contextCommand: '+QCFG="fota/cid"',
  codes: "standard-a",
  packageExtension: "bin",
}

const alike = (base: ModuleProfile, ...ids: readonly string[]): readonly ModuleProfile[] =>
  ids.map((id) => ({ ...base, id, title: id, isUnusual: true }))

/** Every module that Waft knows, the usual ones first in their line. */
export const moduleProfiles: readonly ModuleProfile[] = [
  ag35,
  ep06,
  ...alike(ep06, "EG06", "EM06"),
  bg96,
  { ...quecOpen, isUnusual: true },
  { ...quecOpen, id: "EC2X-128", title: "EC2x QuecOpen, 128 MB flash", hasBackup: false, isUnusual: true },
  standardA,
  ...alike(standardA, "EC600", "EC800", "EG800", "EG91X"),
  { ...standardA, id: "EG915N", title: "EG915N without FTP", schemes: ["http", "https"], isUnusual: true },
  {
    ...standardA,
    id: "MINIFOTA",
    title: "Standard(A) module with 2, 4 or 8 MB flash (MiniFOTA)",
    schemes: ["http", "https"],
    urlBytes: 128,
    local: null,
    port: "uart",
    hasBackup: false,
    isMini: true,
    isUnusual: true,
  },
]

/** The modules as the program lists them. */
export const models: readonly Model[] = moduleProfiles.map(({ id, title, isUnusual }) => ({
  id,
  title,
  ...(isUnusual === true ? { isUnusual } : {}),
}))

/** The profile of a model. Throws `RangeError` for a model that is not in the table. */
export function moduleProfile(model: string): ModuleProfile {
  const found = moduleProfiles.find((profile) => profile.id === model)
  if (found === undefined) throw new RangeError(`there is no Quectel module ${JSON.stringify(model)}`)
  return found
}
