import type { VirtualFault } from "../../family.ts"
import { type ResultCode, resultWords } from "../result-codes.ts"

/** What a named fault does to a virtual client. */
export interface ClientFault {
  readonly name: string
  /** The code in which a run ends when the server offers an update. */
  readonly code: ResultCode
  readonly does:
    | "nothing"
    | "cuts-downloads"
    | "spoils-download"
    | "distrusts-signature"
    | "rejects"
    | "cancels"
    | "forgets-report"
    | "stays-away"
    | "forgets-download"
    | "wrong-token"
    | "is-throttled"
    | "no-network"
    | "wrong-clock"
}

export const clientFaults: readonly ClientFault[] = [
  { name: "none", code: "INSTALLED", does: "nothing" },
  { name: "cut-download", code: "DOWNLOAD_FAILED", does: "cuts-downloads" },
  { name: "wrong-hash", code: "HASH_MISMATCH", does: "spoils-download" },
  { name: "wrong-signature", code: "SIGNATURE_WRONG", does: "distrusts-signature" },
  { name: "rejects", code: "REJECTED", does: "rejects" },
  { name: "cancels", code: "CANCELED", does: "cancels" },
  { name: "reboot-without-report", code: "INSTALLED_UNREPORTED", does: "forgets-report" },
  { name: "never-returns", code: "NOT_BACK", does: "stays-away" },
  { name: "downloads-for-ever", code: "DOWNLOADED_AGAIN", does: "forgets-download" },
  { name: "wrong-token", code: "UNAUTHORIZED", does: "wrong-token" },
  { name: "429", code: "TOO_MANY_REQUESTS", does: "is-throttled" },
  { name: "no-network", code: "SERVER_UNREACHABLE", does: "no-network" },
  { name: "clock-wrong", code: "INSTALLED", does: "wrong-clock" },
]

/** Every client can have each of them; one that reports nothing ends its good update in a code of its own. */
export function virtualFaults(
  models: readonly { readonly id: string; readonly reports: boolean }[],
): readonly VirtualFault[] {
  return models.flatMap(({ id, reports }) =>
    clientFaults.map(({ name, code }) => {
      const own = reports || code !== "INSTALLED" ? code : "INSTALLED_SILENTLY"
      return { model: id, fault: name, code: own, words: resultWords[own] }
    }),
  )
}
