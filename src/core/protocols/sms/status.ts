/** What TP-ST says of a message (3GPP TS 23.040 §9.2.3.15). */

/** `unknown`: the centre does not know, or says it in a word that nobody here knows. */
export type DeliveryState = "delivered" | "trying" | "failed" | "unknown"

export interface DeliveryReport {
  readonly state: DeliveryState
  /** The standard's words for the octet. */
  readonly words: string
}

const words: Readonly<Record<number, string>> = {
  0x00: "received by the mobile station",
  0x01: "forwarded, the centre cannot confirm delivery",
  0x02: "replaced by the centre",
  0x20: "congestion",
  0x21: "the mobile station is busy",
  0x22: "no response from the mobile station",
  0x23: "service rejected",
  0x24: "quality of service not available",
  0x25: "error in the mobile station",
  0x40: "remote procedure error",
  0x41: "incompatible destination",
  0x42: "connection rejected by the mobile station",
  0x43: "not obtainable",
  0x44: "quality of service not available",
  0x45: "no interworking available",
  0x46: "validity period expired",
  0x47: "deleted by its sender",
  0x48: "deleted by the centre's administration",
  0x49: "the message does not exist",
  0x60: "congestion",
  0x61: "the mobile station is busy",
  0x62: "no response from the mobile station",
  0x63: "service rejected",
  0x64: "quality of service not available",
  0x65: "error in the mobile station",
}

/** By the bits 6 and 5: completed, still trying, permanent error, temporary error with no more tries. */
const states: readonly DeliveryState[] = ["delivered", "trying", "failed", "failed"]

/** Explains TP-ST; reserved values keep the meaning of their group. */
export function deliveryReport(status: number): DeliveryReport {
  const isReserved = status > 0x7f
  return {
    state: isReserved ? "failed" : (states[status >> 5] ?? "failed"),
    words: words[status] ?? `status 0x${status.toString(16).padStart(2, "0")}, not defined by the standard`,
  }
}
