import type { PackageFault } from "../../recovery/install-package.ts"
import type { PfmNameFrom } from "../codec/pfm-table.ts"
import type { UrcName } from "../codec/urcs.ts"

/** What a named fault does to a module. None of it asks what the server offers. */
export interface FaultAction {
  /** The delta in the module is not what came. */
  readonly package?: "corrupt" | "partial"
  /** What the check of the delta finds. */
  readonly check?: PackageFault
  /** Where the FTP download breaks off. */
  readonly ftp?: "connect" | "login" | "file" | "broken"
  /** The bearer cannot be had. */
  readonly context?: "context" | "csd-call"
  /** `+CGCLASS` as it stands. */
  readonly gprsClass?: string
  /** The module's own power goes once, and comes back. */
  readonly powerCut?: "download" | "flashing"
  /** A message that the module never sees. */
  readonly ignores?: PfmNameFrom<"server">
  /** The same, the first time after power-on. */
  readonly ignoresOnce?: PfmNameFrom<"server">
  /** What the host types as an answer does not arrive. */
  readonly losesAnswers?: true
  /** The module hangs once it has said this. */
  readonly stopsAfter?: UrcName
}
