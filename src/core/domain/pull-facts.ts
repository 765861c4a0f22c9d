import type { ByteSpan } from "./coverage.ts"
import type { Basis, EvidenceKind } from "./evidence.ts"
import type { PullMoment, PullRules } from "./pull-rules.ts"
import type { PullState } from "./pull-state.ts"

/** What the wire showed. Facts of visitors are not among them. Times are monotonic, ms. */
export type PullFact =
  | { readonly kind: "notice-read"; readonly session: string; readonly network: string; readonly at: number }
  | {
      /** It named a file, in a listing or a question for its size, or asked for it and was refused. */
      readonly kind: "asked"
      readonly about: "notice" | "image"
      readonly session: string
      readonly network: string
      readonly at: number
    }
  | {
      readonly kind: "image-started"
      readonly from: number
      /** Size of the file, where it is not the offer's image but a patch. */
      readonly patchBytes?: number
      /** Where in the image the file stands that was asked for; absent = it is the whole. */
      readonly part?: ByteSpan
      readonly session: string
      readonly network: string
      readonly at: number
    }
  | {
      readonly kind: "image-ended"
      readonly from: number
      /** Bytes up to here were certainly taken. */
      readonly to: number
      /** The device cannot have more than the bytes up to here. */
      readonly sent: number
      /** It took everything to the end of the file and closed politely after that. */
      readonly whole: boolean
      /** As at its start. */
      readonly part?: ByteSpan
      readonly at: number
    }
  | { readonly kind: "session-opened"; readonly session: string; readonly network: string; readonly at: number }
  | {
      readonly kind: "session-closed"
      readonly session: string
      /** The client said goodbye: QUIT. */
      readonly isPolite: boolean
      readonly at: number
    }
  | { readonly kind: "time-passed"; readonly at: number }

export interface PullContext {
  readonly rules: PullRules
  readonly model: string
  readonly version: string
  readonly offer: { readonly [key: string]: unknown }
  readonly sizeBytes: number
  /** Virtual devices may run faster than hardware: all times of the rules are divided by this. */
  readonly speed: number
}

/** One conclusion or observation, in words still to be dated. */
export interface PullFinding {
  readonly kind: EvidenceKind
  readonly basis: Basis
  readonly moment: PullMoment
}

export interface PullStep {
  readonly state: PullState
  readonly findings: readonly PullFinding[]
}
