import type { DataAddress } from "../../../../core/protocols/ftp/data-address.ts"
import type { ListingFact } from "../../../../core/protocols/ftp/listing.ts"
import type { ReplyCode } from "../../../../core/protocols/ftp/reply.ts"
import type { FtpFile, FtpNode } from "../ftp-host.ts"

/** One command of the server. HELP and FEAT are answered from the table of these rows. */
export interface CommandRow {
  readonly name: string
  readonly needsLogin: boolean
  /** The argument in HELP's words; absent = the command is not shown there. */
  readonly usage?: string
  /** Its line in FEAT (RFC 2389), if it has one for this session. */
  readonly feature?: (context: CommandContext) => string | null
  readonly run: (context: CommandContext, argument: string) => void | Promise<void>
}

export type CommandTable = ReadonlyMap<string, CommandRow>

/** What a client has set for its session. */
export interface SessionSettings {
  user: string | null
  /** Normalised absolute path. */
  directory: string
  /** A: accepted, but bytes are sent as they are in both types, so that SIZE is always exact. */
  type: "A" | "I"
  restOffset: number
  facts: readonly ListingFact[]
  /** EPSV ALL was given (RFC 2428 §4). */
  extendedOnly: boolean
  /** PBSZ was given (RFC 4217 §8). */
  hasBufferSize: boolean
  protection: "C" | "P"
}

export interface Found {
  readonly path: string
  readonly node: FtpNode
}

/** What a command may do with its session. */
export interface CommandContext {
  readonly settings: SessionSettings
  readonly commands: CommandTable
  readonly isLoggedIn: boolean
  readonly isSecure: boolean
  /** A certificate is configured. */
  readonly mayUseTls: boolean
  /** The client's address, IPv4-mapped ones as IPv4. */
  readonly peer: string
  /** The address for 227 replies, dotted decimal; `null` = only EPSV can serve this session. */
  readonly passiveHost: string | null
  readonly hasDataPlan: boolean
  readonly now: () => Date
  readonly reply: (code: ReplyCode, ...lines: readonly string[]) => void
  /** Looks a name up from the working directory; the first of its meanings that is of that kind. */
  readonly find: (argument: string, kind?: FtpNode["kind"]) => Found | null
  readonly logIn: (password: string) => Promise<void>
  readonly logOut: () => void
  readonly quit: () => void
  readonly startTls: () => Promise<void>
  /** A port on which this session's data connection may come; `null` = none to be had. */
  readonly planPassive: () => number | null | Promise<number | null>
  readonly planActive: (address: DataAddress) => void
  readonly dropData: () => void
  /** Sends a file from the REST offset over the planned data connection, replies included. */
  readonly sendFile: (file: FtpFile, from: number) => Promise<void>
  /** Sends a listing over the planned data connection, replies included. */
  readonly sendListing: (title: string, lines: readonly string[]) => Promise<void>
  /** What STAT tells of the session. */
  readonly describe: () => readonly string[]
}
