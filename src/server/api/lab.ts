import type { LabView, PracticeBody } from "../../core/contract/schemas.ts"

type Practice = LabView["practice"]

/** Virtual devices in a process beside the server. Whoever starts the server provides it; the server itself has none. */
export interface Lab {
  readonly families: LabView["families"]
  /** What runs; null = nothing was started, or it was ended. */
  readonly practice: () => Practice
  /** Starts that process. What becomes of it `practice` tells. */
  readonly start: (order: Required<PracticeBody>) => void
  /** Ends the process and forgets what its devices remembered. */
  readonly end: () => Promise<void>
}
