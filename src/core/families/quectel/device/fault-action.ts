/** Where a module loses its power once, by itself, and gets it back. */
export type CutPoint = "download" | "start" | "updating" | "restore" | "end"

/** What a named fault does to a module. None of it asks what the server offers. */
export interface FaultAction {
  /** The download breaks off half way and ends in this code. */
  readonly download?: number
  /** Every check of the package in recovery mode ends in this code. */
  readonly check?: number
  /** Attempts to upgrade end in this code, so many of them, after a part of the work. */
  readonly attempt?: { readonly code: number; readonly times: number }
  /** The firmware is written, and this code says what was not. */
  readonly afterwards?: number
  /** START is lost: the port is not back when the module says it. */
  readonly losesStart?: true
  /** URCs have a blank after each comma, as some of the guide's examples are printed (3.1). */
  readonly hasBlanks?: true
  /** The last percent that is told; the guides' examples end at 91 or 96 as well. */
  readonly lastPercent?: number
  readonly powerCut?: CutPoint
}
