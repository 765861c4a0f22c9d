import type { HmacSha256 } from "../kit/hmac-sha256.ts"
import type { JsonObject } from "../kit/json.ts"
import type { ReportMeaning } from "./report-meaning.ts"

/**
 * How a family talks with devices by messages that may take days, over SMS or a TCP socket that the device opens. The
 * state lives in the device's `familyState`, is saved with everything that follows from a step, and outlives the process.
 */
export interface ConversationSide {
  /** Cuts a TCP stream: bytes of the first message from its first bytes; null = more bytes are needed to tell. Throws `MalformedMessage`. */
  readonly frameBytes: (head: Uint8Array) => number | null
  /** Who a message says it is from, before anything of it is believed: a device id. Null = no message of this family. */
  readonly senderOf: (bytes: Uint8Array) => string | null
  /** A message as a person reads it, without secrets: its name and fields, or why it is none. */
  readonly words: (
    bytes: Uint8Array,
    device: { readonly id: string; readonly secret: string; readonly hmac?: HmacSha256 },
  ) => string
  /** What a device claims as its own, such as its SIM's number and IMSI: `number:+39…`, `imsi:222…`. */
  readonly claims: (familyState: JsonObject) => readonly string[]
  /** The name of a package's file in a ticket's directory. */
  readonly fileName: (offer: JsonObject) => string
  /** The versions that an offer leads from and to, which may be a hop on the way to the release. */
  readonly goal: (offer: JsonObject) => { readonly from: string; readonly to: string }
  /** What stands in the way of a device's conversation, in one sentence for the operator; null = nothing. */
  readonly explain: (familyState: JsonObject) => string | null
  /** Whether a device cannot be relied on to be reached before somebody, or its next update, puts something right. */
  readonly isAstray: (familyState: JsonObject) => boolean
  /** When to come to a device after the server was restarted, ms from then; null = not by itself. */
  readonly wakeAfterRestart: (familyState: JsonObject) => number | null
  /** Messages of the server that an update usually takes, where they go by SMS: for budgets, until a rollout knows better. */
  readonly messagesOfUpdate: (familyState: JsonObject) => number
  /** One step. Pure: the same situation and input give the same step. Repeated and reordered messages are harmless. */
  readonly step: (situation: ConversationSituation, input: ConversationInput) => ConversationStep
  /** What an operator may ask for, with one line of help each. */
  readonly requests: Readonly<Record<string, string>>
}

export type ConversationInput =
  /** `from`: the number of an SMS, the peer's address of a TCP connection. Not to be trusted; the message's tag is. */
  | { readonly kind: "message"; readonly via: "sms" | "tcp"; readonly from: string; readonly bytes: Uint8Array }
  /** An offer stands (see `situation.offered`): a new one, or the same after the server was restarted. */
  | { readonly kind: "offered" }
  /** The offer that stood is over or was taken back. */
  | { readonly kind: "withdrawn" }
  /** The time of `wakeInMs` has passed. */
  | { readonly kind: "time-passed" }
  /** An operator asks: a key of `requests`. */
  | { readonly kind: "asked"; readonly request: string }
  /** What became of an SMS that a step sent, by its `reference`. */
  | {
      readonly kind: "sms-status"
      readonly reference: string
      readonly status: "delivered" | "failed"
      readonly detail: string
    }

export interface ConversationSituation {
  readonly device: {
    readonly id: string
    readonly model: string
    readonly familyState: JsonObject
    readonly runningVersion: string | null
    readonly isReported: boolean
    /** The device's own secret: keys are derived from it. */
    readonly secret: string
  }
  /** Ms since 1970 UTC, for time stamps that people read; never for waiting. */
  readonly now: number
  readonly offered: ConversationOffer | null
  /** Where devices reach this server. */
  readonly ftp: { readonly host: string; readonly port: number }
  readonly tcp: { readonly host: string; readonly port: number }
  /** The server's own number, as devices see it. */
  readonly smsNumber: string
  /** New credentials, the same at every call: for a step that wants its offer's own renewed. */
  readonly newTicket: () => Ticket
  /** 32 random bits for a new transaction. */
  readonly random: number
  /** The platform's own, which is faster; absent = in plain arithmetic. */
  readonly hmac?: HmacSha256
  /** Other devices that claim the same thing, with what is remembered of them. */
  readonly claimants: (claim: string) => readonly { readonly id: string; readonly familyState: JsonObject }[]
}

export interface Ticket {
  readonly user: string
  readonly secret: string
}

export interface ConversationOffer {
  readonly offer: JsonObject
  /** The release's version: where the whole way leads. */
  readonly target: string
  readonly sizeBytes: number
  /** One-time credentials for exactly this offer. */
  readonly ticket: Ticket
  /** Whether the device may not begin it now, because its rollout is paused. */
  readonly isHeld: boolean
}

export interface ConversationStep {
  /** The message was the device's own, not somebody's who said so. */
  readonly isHeard?: boolean
  /** The same object = nothing new to remember. */
  readonly familyState: JsonObject
  readonly send: readonly ConversationMessage[]
  /** What it means for the update that stands, in order. */
  readonly evidence: readonly ReportMeaning[]
  /** The offer's credentials from now on, as `newTicket` gave them; those that stood work no more. */
  readonly ticket?: Ticket
  /** What the device says that it runs. */
  readonly running?: string
  /** Sentences for the event log that belong to no update: a registration, a SIM that moved. */
  readonly notes: readonly { readonly kind: string; readonly sentence: string }[]
  /** Other devices whose memory this step changes: the one that lost its SIM. */
  readonly others: readonly { readonly id: string; readonly familyState: JsonObject }[]
  /** When to come again without an input, ms from now; null = not by itself; `unchanged`: what stands goes on standing. */
  readonly wakeInMs: number | "unchanged" | null
}

export type ConversationMessage =
  | {
      readonly via: "sms"
      /** Names the message in `sms-status`; the same reference is never sent twice. */
      readonly reference: string
      readonly to: string
      readonly bytes: Uint8Array
      /** 8-bit class 0, or text in the GSM alphabet without a class. */
      readonly coding: "8-bit-class-0" | "7-bit-no-class"
      readonly validitySeconds: number
    }
  /** On the socket that the message came on. */
  | { readonly via: "tcp"; readonly bytes: Uint8Array; readonly isLast: boolean }
