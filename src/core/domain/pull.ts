import type { Basis, EvidenceKind } from "./evidence.ts"

/**
 * Conclusions about a device that only fetches files and reports nothing: it reads a notice (`UPGRADE.TXT`, a manifest),
 * perhaps fetches the image, reboots, and reads the notice again. What it does next is all the evidence there is.
 */
export interface PullRules {
  /** How long after reading the notice a device of this model may still call again for its fetch, ms. */
  readonly settleMs: (model: string) => number
  /** Whether a model does everything in one session, so that the session's end settles the question at once. */
  readonly sessionEndSettles: (model: string) => boolean
  /** Notices read without a fetch after a whole download that conclude `succeeded`. */
  readonly readsToConclude: number
  /** The fetch of the same image that trips the loop breaker. */
  readonly fetchesToBreak: number
  /** Notices read without any fetch that conclude `declined`. */
  readonly readsToDecline: number
  readonly words: PullWords
}

/** What an operator reads at each moment: one sentence, without a final device name, that says why and what changes it. */
export type PullWords = Readonly<Record<PullMoment, (facts: PullFacts) => string>>

export type PullMoment =
  | "offered"
  | "read"
  | "downloading"
  | "cut"
  | "downloaded"
  | "left-alone"
  | "end-unseen"
  | "install-failed"
  | "loop-broken"
  | "declined"
  | "silent"

export interface PullFacts {
  readonly version: string
  readonly model: string
  readonly offer: { readonly [key: string]: unknown }
  readonly sizeBytes: number
  /** Bytes that the device took before a cut. */
  readonly takenBytes: number
  /** Whole downloads before this moment. */
  readonly wholeFetches: number
  readonly reads: number
}

/** What is remembered of a device's fetches during one update; stored with it. */
export interface PullState {
  /** Whole downloads of the image. */
  readonly wholeFetches: number
  /** A transfer was begun whose end has not been seen. */
  readonly open: boolean
  /** The image is here as far as the server saw: bytes from 0 without a gap. */
  readonly coveredBytes: number
  /** Size of the file last begun where that was not the offer's image but a patch. */
  readonly patchBytes?: number
  /** Notices read since the offer or since the last fetch, and left without a fetch. */
  readonly idleReads: number
  /** A notice was read and the device may still fetch. */
  readonly pending: { readonly session: string; readonly at: number } | null
}

export const freshPull: PullState = { wholeFetches: 0, open: false, coveredBytes: 0, idleReads: 0, pending: null }

/** What the wire showed. */
export type PullFact =
  | { readonly kind: "notice-read"; readonly session: string; readonly at: number }
  | {
      readonly kind: "image-started"
      readonly from: number
      /** Size of the file, where it is not the offer's image but a patch. */
      readonly patchBytes?: number
      readonly at: number
    }
  | {
      readonly kind: "image-ended"
      readonly from: number
      /** Bytes up to here were certainly taken. */
      readonly to: number
      /** The device cannot have more than the bytes up to here; one that resumes knows better than we do. */
      readonly sent: number
      readonly whole: boolean
      readonly at: number
    }
  | { readonly kind: "session-opened"; readonly session: string; readonly at: number }
  | { readonly kind: "session-closed"; readonly session: string; readonly at: number }
  | { readonly kind: "time-passed"; readonly at: number }

export interface PullContext {
  readonly rules: PullRules
  readonly model: string
  readonly version: string
  readonly offer: { readonly [key: string]: unknown }
  readonly sizeBytes: number
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

/** Takes in one fact. Pure: the caller dates the findings and hands them to `advance`. */
export function pullStep(context: PullContext, state: PullState, fact: PullFact): PullStep {
  if (fact.kind === "image-started") return imageStarted(context, sameFile(state, fact.patchBytes), fact.from)
  if (fact.kind === "image-ended") return imageEnded(context, state, fact)
  if (fact.kind === "notice-read") {
    if (state.pending?.session === fact.session) return { state, findings: [] }
    const settled = state.pending === null ? { state, findings: [] } : settle(context, state)
    return {
      state: { ...settled.state, pending: { session: fact.session, at: fact.at } },
      findings: [...settled.findings, { kind: "offer-read", basis: "observed", moment: "read" }],
    }
  }
  if (state.pending === null) return { state, findings: [] }
  if (fact.kind === "session-opened") {
    // It calls again: whether for its fetch or for its next poll will be seen.
    return { state: { ...state, pending: { ...state.pending, at: fact.at } }, findings: [] }
  }
  const over =
    fact.kind === "session-closed"
      ? fact.session === state.pending.session && context.rules.sessionEndSettles(context.model)
      : fact.at >= state.pending.at + context.rules.settleMs(context.model)
  return over ? settle(context, state) : { state, findings: [] }
}

/** Size of what the device fetches. */
function wantedBytes(context: PullContext, state: PullState): number {
  return state.patchBytes ?? context.sizeBytes
}

/** A device that goes over from a patch to the image, or back, begins with nothing. */
function sameFile(state: PullState, patchBytes: number | undefined): PullState {
  if (state.patchBytes === patchBytes) return state
  const { patchBytes: _, ...rest } = state
  return { ...rest, coveredBytes: 0, ...(patchBytes === undefined ? {} : { patchBytes }) }
}

function imageStarted(context: PullContext, state: PullState, from: number): PullStep {
  const begun: PullState = { ...state, open: true, idleReads: 0, pending: null }
  const started: PullFinding = { kind: "transfer-started", basis: "observed", moment: "downloading" }
  if (from > 0 || state.wholeFetches === 0) return { state: begun, findings: [started] }
  if (state.wholeFetches + 1 >= context.rules.fetchesToBreak) {
    return { state: begun, findings: [{ kind: "loop-broken", basis: "concluded", moment: "loop-broken" }] }
  }
  return {
    state: { ...begun, coveredBytes: 0 },
    findings: [{ kind: "transfer-started", basis: "concluded", moment: "install-failed" }],
  }
}

function imageEnded(
  context: PullContext,
  state: PullState,
  fact: { readonly from: number; readonly sent: number; readonly whole: boolean },
): PullStep {
  const coveredBytes = fact.from <= state.coveredBytes ? Math.max(state.coveredBytes, fact.sent) : state.coveredBytes
  const whole = fact.whole && coveredBytes >= wantedBytes(context, state)
  if (!whole) {
    return {
      state: { ...state, open: false, coveredBytes },
      findings: [{ kind: "transfer-cut", basis: "observed", moment: "cut" }],
    }
  }
  return {
    state: { ...state, open: false, coveredBytes, wholeFetches: state.wholeFetches + 1 },
    findings: [{ kind: "transfer-finished", basis: "observed", moment: "downloaded" }],
  }
}

/** The device has read the notice and did not fetch. */
function settle(context: PullContext, state: PullState): PullStep {
  const idleReads = state.idleReads + 1
  const left: PullState = { ...state, pending: null, idleReads }
  const { readsToConclude, readsToDecline } = context.rules
  const hasAll = state.coveredBytes >= wantedBytes(context, state)
  const fetched = state.wholeFetches > 0 && hasAll
  if (fetched && !state.open) {
    return idleReads >= readsToConclude
      ? { state: left, findings: [{ kind: "left-alone", basis: "concluded", moment: "left-alone" }] }
      : { state: left, findings: [] }
  }
  // The end may have been missed (a server that was killed), or been impolite though every byte was handed over (a device
  // that closes with a reset); a device that had been cut would fetch again.
  const mayHaveAll = state.open || hasAll
  if (mayHaveAll && idleReads >= Math.max(2, readsToConclude)) {
    return { state: left, findings: [{ kind: "left-alone", basis: "concluded", moment: "end-unseen" }] }
  }
  return idleReads >= readsToDecline
    ? { state: left, findings: [{ kind: "declined", basis: "concluded", moment: "declined" }] }
    : { state: left, findings: [] }
}
