/** One transfer's hold on a content, whatever the protocol. `finished` is called exactly once. */
export interface TransferContent {
  readonly sizeBytes: number
  /** At most `maxBytes` from `offset`; may be shared memory, so it must not be changed. Empty before the end = it failed. */
  readonly read: (offset: number, maxBytes: number) => Uint8Array | Promise<Uint8Array>
  /**
   * The peer has certainly taken the bytes up to `offset`. Node shows what the kernel has accepted, never what the peer has
   * acknowledged; so this is called for slow transfers only (longer than about a quarter of a second, or two on a crowded machine), from the kernel's own table of unacknowledged bytes.
   * Never called where the system has no such table. Must be cheap.
   */
  readonly progress?: (offset: number) => void
  /** The transfer is over. The last word to the client (FTP: 226 or 426) waits for it. */
  readonly finished: (end: TransferEnd) => Promise<void> | void
}

export interface TransferEnd {
  /** The offset that the client asked for. */
  readonly from: number
  /** Bytes up to this offset were certainly taken by the peer: a lower bound unless `whole`. */
  readonly to: number
  /**
   * Bytes up to this offset were handed to the network: the peer cannot have more. A client that resumes at an
   * offset between `to` and `sent` may well hold what it says. Always given by the server.
   */
  readonly sent?: number
  /** Whether the peer took everything to the end of the file and closed politely. `download.ts` and `file-transfer.ts` say how that is known. */
  readonly whole: boolean
  /** Why it ended early: `aborted` (ABOR), `reset`, `timeout` (no progress), `unread` (the source failed). */
  readonly cause?: TransferCause
}

/** Why a transfer ended early. */
export type TransferCause = "aborted" | "reset" | "timeout" | "unread"
