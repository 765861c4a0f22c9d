import { type Layout, uint16, uint32, type ValuesOf } from "../../../kit/layout.ts"
import { digits, text, word } from "./pfm-fields.ts"

/**
 * The messages of Premium FOTA Management, in the note's words and order (application note 80000NT10013a Rev. 13). The
 * vendor has not published their bytes: the fields and numbers here are Waft's own. Every message is small enough for one
 * SMS. Numbers are never used for anything else, and fields are only added with a new version.
 */

/** What a module tells of itself (§3.2.1, §3.4): the note's list, and firmware and APN, which §3.2 names beside it. */
const identity = {
  /** The subscriber's number without `+`; empty when the SIM does not hold it. */
  number: digits(20),
  imsi: digits(15),
  /** The network that it is registered at, country and network code. */
  plmn: digits(6),
  model: text(16),
  firmware: text(16),
  apn: text(32),
  /** The variant that its host set up (§3, §4, §5). */
  variant: word("sms", "combined", "ip"),
} as const

/** §3.2.2, §4.2.2: "the GPRS network access point or the CSD number". */
const bearer = {
  bearer: word("gprs", "csd"),
  /** APN, or the number to call. */
  access: text(32),
  user: text(16),
  password: text(16),
} as const

/** §3.2.3: whether the module asks its host, and for how long it waits for the answer. */
const asking = {
  mode: word("automatic", "manual"),
  /** Seconds; the note says 60. */
  answerSeconds: uint16,
} as const

/** §3.2.3: "the FTP server address and credentials". */
const ftp = {
  ftpHost: text(40),
  ftpPort: uint16,
  ftpUser: text(16),
  ftpPassword: text(24),
  ftpPath: text(40),
  /** Octets of the package: a download that ends earlier is partial. */
  sizeBytes: uint32,
} as const

/**
 * Which card is in the module and what runs there, in every message that says how far an update has come: the number that
 * such a message came from can be forged, and a card may have moved (§7).
 */
const standing = {
  imsi: digits(15),
  firmware: text(16),
} as const

interface PfmRow {
  readonly number: number
  readonly from: "module" | "server"
  /** Where the note speaks of it; "ours" = it does not. */
  readonly section: string
  readonly fields: Layout
}

export const pfmTable = {
  remoteRegistration: { number: 0x01, from: "module", section: "3.2.1, 4.2.1, 5.2.1", fields: identity },
  remoteRegistrationAck: {
    number: 0x02,
    from: "server",
    section: "3.2.1, 4.2.1, 5.2.1",
    // Ours: a module that was set up over TCP sends its next registration by SMS (§4.2.1) and has to know where to.
    fields: { smsNumber: digits(20) },
  },
  /**
   * Chapter 7, step 4: "asking for a forced registration". How, the note leaves open. `count`: the highest number of the
   * module's own messages that the server knows; a module whose memory was replaced goes on counting from there.
   */
  forcedRegistration: { number: 0x03, from: "server", section: "7", fields: { count: uint32 } },
  provisioning: { number: 0x04, from: "server", section: "3.2.2", fields: bearer },
  provisioningAck: { number: 0x05, from: "module", section: "3.2.2", fields: {} },
  /** The SMS variant's. */
  command: { number: 0x06, from: "server", section: "3.2.3", fields: { ...asking, ...ftp } },
  /** The combined variant's: where to download comes later, over TCP. */
  commandOverIp: { number: 0x07, from: "server", section: "4.2.2", fields: { ...asking, ...bearer } },
  commandAck: {
    number: 0x08,
    from: "module",
    section: "3.2.3, 4.2.2",
    fields: { answer: word("accepted", "refused", "delayed", "no-answer"), ...standing },
  },
  /** The SMS variant's: "when the delta firmware file download is terminated". */
  commandProgress: { number: 0x09, from: "module", section: "3.2.3", fields: {} },
  /** The same name in the TCP variants, the other direction and another content. */
  commandProgressOverIp: { number: 0x0a, from: "server", section: "4.2.2, 5.2.2", fields: ftp },
  commandProgressAck: { number: 0x0b, from: "module", section: "4.2.2, 5.2.2", fields: {} },
  commandFinal: {
    number: 0x0c,
    from: "module",
    section: "3.2.3, 4.2.2, 5.2.2",
    fields: { result: word("updated", "tested"), ...standing },
  },
  errorReport: {
    number: 0x0d,
    from: "module",
    section: "3.2.3, 4.2.2, 5.2.2",
    fields: { code: uint16, ...standing },
  },
  query: { number: 0x0e, from: "server", section: "3.4, 4.4", fields: {} },
  /** The answer to a query. */
  notified: { number: 0x0f, from: "module", section: "3.4, 4.4", fields: identity },
  test: { number: 0x10, from: "server", section: "3.3", fields: ftp },
  testOverIp: { number: 0x11, from: "server", section: "4.3", fields: bearer },
  /** What a module says first on the socket of `AT#OTAIPUPD`: the note does not tell how the server knows it. */
  updateRequest: { number: 0x12, from: "module", section: "ours", fields: identity },
  /** The server's word on a socket when there is nothing to do, or not now; the note leaves it open. */
  nothingOffered: { number: 0x13, from: "server", section: "ours", fields: {} },
} as const satisfies Readonly<Record<string, PfmRow>>

type Table = typeof pfmTable
export type PfmName = keyof Table
export type PfmNameFrom<Side extends PfmRow["from"]> = {
  [Name in PfmName]: Table[Name]["from"] extends Side ? Name : never
}[PfmName]

export type PfmOf<Name extends PfmName> = {
  readonly name: Name
  /** The module's serial number, 15 digits. */
  readonly imei: string
  /**
   * 0 to 0xFFFFFFFF. An answer has the number of what it answers; a repeated message has its own number again. What a module
   * begins itself (`remoteRegistration`, `updateRequest`) has the next number of a count that it keeps in its NVM: the server
   * does not listen to a lower one, so that a recorded message that is sent again changes nothing.
   */
  readonly transaction: number
  readonly fields: ValuesOf<Table[Name]["fields"]>
}

export type PfmMessage = { [Name in PfmName]: PfmOf<Name> }[PfmName]
export type PfmFromModule = { [Name in PfmNameFrom<"module">]: PfmOf<Name> }[PfmNameFrom<"module">]
export type PfmFromServer = { [Name in PfmNameFrom<"server">]: PfmOf<Name> }[PfmNameFrom<"server">]

/** What a module tells of itself. */
export type ModuleIdentity = ValuesOf<typeof identity>
export type Bearer = ValuesOf<typeof bearer>
export type FtpAccess = ValuesOf<typeof ftp>

export function isFromModule(message: PfmMessage): message is PfmFromModule {
  return pfmTable[message.name].from === "module"
}
