import type { OutgoingMessage } from "../../../core/domain/records.ts"

/** Whoever carries messages to devices. */
export interface Carrier {
  readonly isReady: () => boolean
  /** Hands one message over; never rejects. */
  readonly send: (message: OutgoingMessage) => Promise<CarrierOutcome>
}

export type CarrierOutcome =
  | { readonly kind: "accepted"; readonly carrierReference: string }
  | { readonly kind: "refused"; readonly words: string; readonly isTemporary: boolean }
  /** It never left. */
  | { readonly kind: "not-sent"; readonly words: string }
  /** It may or may not have gone; `later` resolves with the carrier's answer if that comes after all. */
  | { readonly kind: "uncertain"; readonly words: string; readonly later?: Promise<CarrierOutcome> }

/** What a carrier tells of a message beside the reference by which it accepted it. */
export interface StatusHints {
  /** Other ways in which it may have written the reference. */
  readonly otherReferences?: readonly string[]
  /** The receiver's number. */
  readonly about?: string
}

/** What became of a message in the end. */
export interface MessageFate {
  readonly message: OutgoingMessage
  readonly status: "delivered" | "failed"
  readonly detail: string
}
