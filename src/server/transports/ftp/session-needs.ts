import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import type { CommandTable } from "./commands/command-row.ts"
import type { Deadlines } from "../deadlines.ts"
import type { FtpHost, FtpView } from "./ftp-host.ts"
import type { FtpLimits } from "./ftp-limits.ts"
import type { LoginThrottle } from "../login-throttle.ts"
import type { OtherDataPeer, PassivePorts } from "./passive-ports.ts"
import type { TransferParts } from "./transfer.ts"

/** What the server tells its operator, as it happens. The quiet path tells nothing. */
export type FtpLogEntry =
  | { readonly event: "login-failed"; readonly peer: string; readonly user: string }
  /** More than one peer came to a data connection of that login: somebody at its own address may have taken it. */
  | { readonly event: "data-contested"; readonly peer: string; readonly user: string }
  /** A data connection came from another address than its control connection; `setting` is that of --ftp-data-peer. */
  | ({ readonly event: "data-from-elsewhere" } & OtherDataPeer)
  /** A connection was turned away: which limit it met. */
  | {
      readonly event: "turned-away"
      readonly peer: string
      readonly limit: "sessions" | "peer" | "strangers" | "account"
    }
  /** A bug or a broken host: a command ended in an exception. */
  | { readonly event: "failed"; readonly peer: string; readonly error: unknown }
  /** A content could not be opened or read, or its end could not be recorded. */
  | { readonly event: "content-failed"; readonly name: string; readonly error: unknown }

/** What a session needs of the server around it. One object for all sessions. */
export interface SessionNeeds {
  readonly commands: CommandTable
  readonly deadlines: Deadlines
  readonly host: FtpHost
  readonly limits: FtpLimits
  readonly passivePorts: PassivePorts
  readonly mayUseTls: boolean
  /** TLS for one control connection and its data connections, with session tickets of their own; null = no TLS here. */
  readonly newSecureContext: () => SecureContext | null
  /** Whether protected data connections of this account must resume the session of their control connection. */
  readonly mustResume: (account: string) => boolean
  readonly throttle: LoginThrottle
  readonly transfer: TransferParts
  readonly now: () => number
  readonly log: (entry: FtpLogEntry) => void
  /** The address for 227 on this control connection, dotted decimal. */
  readonly passiveHost: (socket: Socket) => string | null
  /** A session has logged in; false when its login has too many sessions that are at work. */
  readonly entered: (session: SessionOfServer, view: FtpView) => boolean
  readonly left: (session: SessionOfServer) => void
  readonly ended: (session: SessionOfServer) => void
}

/** What the server needs to know of a session. */
export interface SessionOfServer {
  readonly peer: string
  readonly account: string | null
  readonly isLoggedIn: boolean
  readonly isTransferring: boolean
  readonly lastActiveAt: number
  readonly dismiss: (code: 421, words: string) => void
}
