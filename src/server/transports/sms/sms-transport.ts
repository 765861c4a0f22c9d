import type { Alphabet, MessageClass } from "../../../core/protocols/sms/data-coding.ts"
import type { DeliveryState } from "../../../core/protocols/sms/status.ts"
import type { HeaderElement } from "../../../core/protocols/sms/user-data.ts"

/**
 * The one way to send and receive short messages, whatever carries them: a service centre over SMPP, or a GSM modem on a
 * serial line. A transport keeps nothing on disk: whoever sends keeps the message until its fate is known.
 */
export interface SmsTransport {
  /**
   * Hands one message over. Resolves when its fate is known as far as it can be; never rejects. `uncertain` means that the
   * message may or may not have gone: sending it again may deliver it twice, which is the caller's decision. `later` resolves
   * with the network's answer if that comes after all.
   */
  readonly send: (message: OutgoingSms) => Promise<SendOutcome>
  /** Whether messages can go at this moment. */
  readonly isReady: () => boolean
  /** Ends politely; messages still waiting are answered `not-sent`, those on their way `uncertain`. */
  readonly close: () => Promise<void>
}

/** What one message carries; it fits in one transfer unit. */
export interface SmsPayload {
  readonly alphabet: Alphabet
  readonly messageClass: MessageClass
  /** The user data header's elements; null = none. */
  readonly header: readonly HeaderElement[] | null
  /** Septets, one in each byte, for `gsm7`; octets for the others. */
  readonly data: Uint8Array
}

export interface OutgoingSms extends SmsPayload {
  /** International with `+`, or a short code. */
  readonly to: string
  /** How long the network keeps it for a phone that is off; whole minutes, from 1. */
  readonly validityMinutes: number
  /** Ask for a `SmsStatus` once its fate is known. */
  readonly wantsStatus: boolean
}

export interface IncomingSms extends SmsPayload {
  /** The sender as the network names it, which proves nothing: it can be forged. */
  readonly from: string
  readonly to: string
}

/** What came and makes no sense. */
export interface UnreadableSms {
  /** As the network or the modem gave it, hex where it was octets. */
  readonly octets: string
  /** What is wrong with it. */
  readonly why: string
}

/** What became of a message that was accepted. */
export interface SmsStatus {
  /** As `send` gave it. */
  readonly reference: string
  /** Other ways to write the same reference: a centre may give it in hex and report it in decimal. */
  readonly otherReferences?: readonly string[]
  /** The receiver's number as the network names it, which tells two messages apart whose references are written alike. */
  readonly about?: string
  readonly state: DeliveryState
  /** The network's own words. */
  readonly words: string
}

export type SendOutcome =
  | {
      readonly kind: "accepted"
      /** Names the message in a later `SmsStatus`; unique only as far as the carrier keeps it so. Empty: it gave none. */
      readonly reference: string
    }
  /** The network said no; `code` is its own. */
  | { readonly kind: "refused"; readonly code: string; readonly words: string; readonly isTemporary: boolean }
  /** It never left this program. */
  | { readonly kind: "not-sent"; readonly words: string }
  | { readonly kind: "uncertain"; readonly words: string; readonly later?: Promise<SendOutcome> }

/** What a transport tells its owner. */
export interface SmsReceiver {
  /**
   * A message came in. The network is told that it was taken once this resolves; when it rejects, the network keeps the
   * message and tries again. May be called again with a message that was taken, when the network did not hear of it.
   */
  readonly received: (message: IncomingSms) => Promise<void>
  /** Like `received`, for a status. It may come before `send` has resolved. */
  readonly statusChanged: (status: SmsStatus) => Promise<void>
  /** Like `received`, for a message that cannot be read: what came is kept for people, and only then taken off the network. */
  readonly unreadable: (message: UnreadableSms) => Promise<void>
}
