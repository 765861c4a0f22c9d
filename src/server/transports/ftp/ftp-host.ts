import type { TransferContent } from "../content.ts"
import type { Tap } from "../tap.ts"

/** What the FTP server needs from whoever answers it. The server knows sockets and FTP; the host knows who may see what. */
export interface FtpHost {
  /** Whether this login was last used from this address: it is let in ahead of everybody's guesses. */
  readonly isUsual?: (user: string, peer: string) => boolean
  /** Takes down what a new control connection says; null or absent = nobody does. */
  readonly tap?: (peer: string) => Tap | null
  /** A password of that login was refused on the connection that is tapped. */
  readonly refused?: (user: string, tap: Tap) => void
  /** Checks a login; null = wrong user or password. `peer` is the client's address. */
  readonly login: (user: string, password: string, peer: string) => Promise<FtpView | null> | FtpView | null
}

/** What one logged-in session sees. There is no file system underneath: every name is looked up here. */
export interface FtpView {
  /** Names the account in limits and logs. */
  readonly account: string
  /** Sessions that may be open at once under this account, if other than the server's own limit (shared logins). */
  readonly maxSessions?: number
  /** Finds a file or directory by a normalised absolute path: `/`, `/UPGRADE.TXT`, `/.gprs/PROG001`. */
  readonly find: (path: string) => FtpNode | null
  /**
   * Somebody at the client's own address came to a data connection of this session, which only the client knew of: who
   * got what was sent cannot be told.
   */
  readonly contested?: () => void
  /** What this session says is taken down there, from its first line on. */
  readonly adopt?: (tap: Tap) => void
  /** Told of every verb that the client sends, those before its login too. Must be cheap. */
  readonly hear?: (verb: string) => void
  /** The session is over, however it ended. */
  readonly close: () => void
}

export type FtpNode = FtpFile | FtpDirectory

export interface FtpDirectory {
  readonly kind: "directory"
  readonly name: string
  readonly modifiedAt: Date
  readonly children: () => readonly FtpNode[]
}

export interface FtpFile {
  readonly kind: "file"
  readonly name: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
  /**
   * Called for each RETR before its first byte, with the REST offset. May take its time: it is where evidence is made
   * durable. Rejects when the content cannot be had (the client reads 550 or 451).
   */
  readonly open: (offset: number) => Promise<TransferContent> | TransferContent
}
