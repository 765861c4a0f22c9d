/**
 * How we know a fact: `observed` on the wire, `reported` by the device itself, `concluded` from what it did next.
 * A conclusion is never shown as a report.
 */
export type Basis = "observed" | "reported" | "concluded"

/** How we know what a device runs. `told`: the operator said so; `unknown`: nobody did, or it may have changed unseen. */
export type RunningEvidence = "unknown" | "told" | Basis

/** What can move an update. The server's own deeds stand in the same list, so that one table holds every transition. */
export type EvidenceKind =
  | "offer-made"
  | "offer-impossible"
  | "not-yet"
  | "offer-read"
  | "accepted"
  | "transfer-started"
  | "transfer-cut"
  | "transfer-finished"
  | "install-started"
  | "installed"
  | "hop-installed"
  | "try-failed"
  | "came-back"
  | "quiet-poll"
  | "asked-again"
  | "late-fetch"
  | "left-alone"
  | "install-failed"
  | "loop-broken"
  | "declined"
  | "silence"
  | "cancelled"
  | "superseded"

/** A fact about one update. */
export interface Evidence {
  readonly kind: EvidenceKind
  readonly basis: Basis
  /** Milliseconds since 1970-01-01 UTC, by the server's clock. */
  readonly at: number
  /** One sentence for the operator: what the device does or waits for, why, and what will change it. */
  readonly sentence: string
  /** The device's own result code, raw, where it gave one. */
  readonly code?: string
  /** The device's own words, raw. */
  readonly raw?: string
}
