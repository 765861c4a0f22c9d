/** The two things that the host's end of an AT line needs from outside. */

/** Bytes to and from a module: a serial port, a TCP connection, two queues in a test. */
export interface AtLine {
  /** What an operator calls it: `/dev/ttyUSB2`, `tcp://127.0.0.1:5000`. */
  readonly name: string
  /**
   * The next bytes, at once when there are some. Empty: none came within `timeoutMs`, or the signal was aborted first.
   * `null`: the port is gone (a USB module that reboots takes it away), for good; the same name may be opened again.
   */
  readonly read: (timeoutMs: number, signal?: AbortSignal) => Promise<Uint8Array | null>
  /** Resolves when the bytes are handed on; false = the port is gone. */
  readonly write: (bytes: Uint8Array) => Promise<boolean>
  /** Gives the port back; a `read` under way ends with `null`. May be called twice. */
  readonly close: () => Promise<void>
}

export interface AtClock {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}
