import type { Basis, Evidence, EvidenceKind } from "./evidence.ts"

/** One device's journey in one rollout. */
export type UpdateState =
  | "waiting"
  | "offered"
  | "accepted"
  | "downloading"
  | "downloaded"
  | "installing"
  | "succeeded"
  | "failed"
  | "no-show"
  | "declined"
  | "cancelled"
  | "superseded"

/** Every state with its meaning, in the order of a journey; the docs' diagram and the console's legend are made from it. */
export const updateStates: Readonly<Record<UpdateState, { readonly means: string; readonly over: boolean }>> = {
  waiting: { means: "the rollout has not come to this device yet", over: false },
  offered: { means: "the device gets the update at its next contact", over: false },
  accepted: { means: "the device has agreed to the update and has not begun it", over: false },
  downloading: { means: "the device has begun to fetch the image", over: false },
  downloaded: { means: "the device has the whole image; whether it installs is not known yet", over: false },
  installing: { means: "the device says that it is installing", over: false },
  succeeded: { means: "the device runs the release", over: true },
  failed: { means: "the update failed; the offer is withdrawn", over: true },
  "no-show": { means: "the device was silent for too long", over: true },
  declined: { means: "the device has seen the offer and does not want it", over: true },
  cancelled: { means: "the operator ended the rollout first", over: true },
  superseded: { means: "a newer rollout took the device over", over: true },
}

/**
 * The whole of it: from which state which evidence leads where. Evidence without an entry changes nothing, so a device
 * that repeats itself changes nothing. What ended by a conclusion can be left again by what the device itself
 * does later: one that fetches again had not installed, one that was silent may come back, one that declined may change its mind. A hop that is installed leads back to
 * `waiting`, where the next hop begins.
 */
export const updateTransitions: Readonly<Record<UpdateState, Partial<Record<EvidenceKind, UpdateState>>>> = {
  waiting: {
    "offer-made": "offered",
    "not-yet": "waiting",
    installed: "succeeded",
    "offer-impossible": "failed",
    "left-alone": "succeeded",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  offered: {
    "offer-read": "offered",
    "offer-made": "offered",
    "offer-impossible": "failed",
    "hop-installed": "waiting",
    accepted: "accepted",
    "try-failed": "accepted",
    "install-started": "installing",
    "transfer-finished": "downloaded",
    "transfer-started": "downloading",
    installed: "succeeded",
    declined: "declined",
    "install-failed": "failed",
    silence: "no-show",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  accepted: {
    "transfer-started": "downloading",
    "transfer-finished": "downloaded",
    "hop-installed": "waiting",
    "try-failed": "accepted",
    "install-started": "installing",
    installed: "succeeded",
    declined: "declined",
    "install-failed": "failed",
    silence: "no-show",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  downloading: {
    "transfer-cut": "downloading",
    "transfer-finished": "downloaded",
    "quiet-poll": "downloading",
    "asked-again": "downloading",
    "install-started": "installing",
    "hop-installed": "waiting",
    "try-failed": "accepted",
    "left-alone": "succeeded",
    installed: "succeeded",
    "install-failed": "failed",
    "loop-broken": "failed",
    declined: "declined",
    silence: "no-show",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  downloaded: {
    "transfer-started": "downloading",
    "quiet-poll": "downloaded",
    "asked-again": "downloaded",
    "hop-installed": "waiting",
    "try-failed": "accepted",
    "install-started": "installing",
    "left-alone": "succeeded",
    installed: "succeeded",
    "install-failed": "failed",
    "loop-broken": "failed",
    silence: "no-show",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  installing: {
    "install-started": "installing",
    "transfer-started": "downloading",
    "hop-installed": "waiting",
    "try-failed": "accepted",
    "left-alone": "succeeded",
    installed: "succeeded",
    "install-failed": "failed",
    "loop-broken": "failed",
    silence: "no-show",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  succeeded: {
    "transfer-started": "downloading",
    "asked-again": "downloaded",
    "late-fetch": "waiting",
    "loop-broken": "failed",
  },
  failed: { "transfer-started": "downloading", installed: "succeeded" },
  "no-show": {
    "offer-read": "offered",
    "came-back": "downloaded",
    "quiet-poll": "downloaded",
    "asked-again": "downloaded",
    accepted: "accepted",
    "install-started": "installing",
    "transfer-finished": "downloaded",
    "hop-installed": "waiting",
    "try-failed": "accepted",
    "transfer-started": "downloading",
    "left-alone": "succeeded",
    installed: "succeeded",
    "install-failed": "failed",
    "loop-broken": "failed",
    cancelled: "cancelled",
    superseded: "superseded",
  },
  declined: { "transfer-started": "downloading", "transfer-finished": "downloaded" },
  cancelled: {},
  superseded: {},
}

/** The part of an update that evidence moves. */
export interface Progress {
  readonly state: UpdateState
  /** 1 for the first try; a device that begins again after a whole download starts the next. */
  readonly attempt: number
  /** How we know the state. */
  readonly basis: Basis
  /** When the state was entered, ms since 1970 UTC. */
  readonly since: number
  /** One sentence for the operator. */
  readonly sentence: string
  /** The device's own last result code, raw. */
  readonly code: string | null
}

const triesAgain: ReadonlySet<UpdateState> = new Set(["downloaded", "installing", "succeeded"])

/** Applies one piece of evidence; null = it changes nothing. */
export function advance(progress: Progress, evidence: Evidence): Progress | null {
  const state = updateTransitions[progress.state][evidence.kind]
  if (state === undefined) return null
  if (state === progress.state && evidence.sentence === progress.sentence) return null
  const again =
    evidence.kind === "try-failed" || (evidence.kind === "transfer-started" && triesAgain.has(progress.state))
  return {
    state,
    attempt: evidence.kind === "hop-installed" ? 1 : again ? progress.attempt + 1 : progress.attempt,
    basis: evidence.basis,
    since: state === progress.state ? progress.since : evidence.at,
    sentence: evidence.sentence,
    code: evidence.code ?? progress.code,
  }
}
