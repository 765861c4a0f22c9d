import type { AtFinal } from "../../../core/protocols/at/at-result.ts"

/** Message service failures (3GPP TS 27.005 §3.2.5; below 128 the network's own causes, 3GPP TS 24.011 annex E). */
const temporary: Readonly<Record<number, string>> = {
  27: "destination out of service",
  38: "network out of order",
  41: "temporary failure",
  42: "congestion",
  47: "resources unavailable",
  194: "service centre busy",
  195: "no service centre subscription",
  211: "SIM memory full",
  212: "SIM error",
  310: "SIM not inserted",
  311: "SIM PIN required",
  313: "SIM failure",
  314: "SIM busy",
  320: "memory failure",
  322: "memory full",
  331: "no network service",
  332: "network timeout",
  500: "unknown error",
}

const permanent: Readonly<Record<number, string>> = {
  1: "unassigned number",
  8: "operator determined barring",
  10: "call barred",
  21: "message transfer rejected",
  28: "unidentified subscriber",
  29: "facility rejected",
  30: "unknown subscriber",
  50: "facility not subscribed",
  69: "facility not implemented",
  96: "invalid mandatory information",
  300: "failure of the modem",
  302: "operation not allowed",
  303: "operation not supported",
  304: "invalid PDU parameter",
  305: "invalid text parameter",
  330: "service centre address unknown",
}

/** What the modem's error to AT+CMGS means for the message. An error without a number may pass. */
export function refusalOf(final: AtFinal): {
  readonly code: string
  readonly words: string
  readonly isTemporary: boolean
} {
  const number = final.error?.code ?? null
  const words = number === null ? undefined : (temporary[number] ?? permanent[number])
  const isTemporary = number === null || permanent[number] === undefined
  return { code: final.line, words: words ?? "the modem could not send it", isTemporary }
}
