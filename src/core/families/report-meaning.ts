import type { Basis, EvidenceKind } from "../domain/evidence.ts"

/** What something that a device said means for its update. */
export interface ReportMeaning {
  readonly kind: EvidenceKind
  readonly sentence: string
  readonly code?: string
  /** How it is known, where the device did not say it: seen on the wire, or concluded from what it did. */
  readonly basis?: Basis
  /** The package does not fit the devices that it was published for: every further one would fail alike. */
  readonly isPackageWrong?: true
}
