/** What the FTP server needs from whoever answers it. The server knows sockets and FTP; the host knows who may see what. */
export interface FtpHost {
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
  readonly open: (offset: number) => Promise<FtpContent> | FtpContent
}

/** One transfer's hold on a content. `finished` is called exactly once. */
export interface FtpContent {
  readonly sizeBytes: number
  /** At most `maxBytes` from `offset`; may be shared memory, so it must not be changed. Empty before the end = it failed. */
  readonly read: (offset: number, maxBytes: number) => Uint8Array | Promise<Uint8Array>
  /**
   * The peer has certainly taken the bytes up to `offset`. Node shows what the kernel has accepted, never what the peer has
   * acknowledged; so this is called for slow transfers only (longer than about two seconds), from the kernel's own table of unacknowledged bytes.
   * Never called where the system has no such table. Must be cheap.
   */
  readonly progress?: (offset: number) => void
  /** The transfer is over. The reply to the client (226 or 426) waits for it. */
  readonly finished: (end: TransferEnd) => Promise<void> | void
}

export interface TransferEnd {
  /** REST offset. */
  readonly from: number
  /** Bytes up to this offset were certainly taken by the peer: a lower bound unless `whole`. */
  readonly to: number
  /**
   * Bytes up to this offset were handed to the network: the peer cannot have more. A client that resumes with REST at an
   * offset between `to` and `sent` may well hold what it says. Always given by the server.
   */
  readonly sent?: number
  /** Whether the peer took everything to the end of the file and closed politely. `download.ts` says how that is known. */
  readonly whole: boolean
  /** Why it ended early: `aborted` (ABOR), `reset`, `timeout` (no progress), `unread` (the source failed). */
  readonly cause?: TransferCause
}

export type TransferCause = "aborted" | "reset" | "timeout" | "unread"
