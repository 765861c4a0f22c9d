import type { JsonObject } from "../../../kit/json.ts"
import type { DeviceIdentity, HostEnd, HostReport } from "../../host.ts"
import type { EndEvent } from "../code-tables.ts"
import type { FotaUrc } from "../codec/fota-urc.ts"

/** Where an order stands, as the host has seen it. */
export const hostSteps = [
  /** Nothing typed; the module is asked which firmware runs. */
  "begin",
  /** Saved right before the command is typed: whether the module took it is not known. */
  "typing",
  "accepted",
  "downloading",
  /** …END,0: the module restarts, its port vanishes. */
  "downloaded",
  "updating",
  /** END, or a download's END with an error; `code` says how. */
  "ended",
  /** Before the next try. */
  "pausing",
  "closed",
] as const

export type HostStep = (typeof hostSteps)[number]

/** What the host's journal holds of an order: enough to go on after a kill. Times are ms since 1970. */
export interface HostState {
  readonly order: string
  readonly step: HostStep
  /** When the step began. */
  readonly sinceMs: number
  /** When the module last said something of the update. */
  readonly signMs: number
  /** Commands that were typed, the one being typed included. */
  readonly tries: number
  /** The module has taken a command, or may have, and was not seen to be done with it. */
  readonly isTaken: boolean
  /** Since when it refuses a second one, and nothing was heard of the first; null = it does not. */
  readonly busySinceMs: number | null
  /** Of the commands, refused with ERROR one after the other. */
  readonly refusals: number
  /** For `pausing`. */
  readonly pauseUntilMs: number
  readonly ended: { readonly event: EndEvent; readonly code: number } | null
  readonly isRestoring: boolean
  readonly imei: string | null
  readonly model: string | null
  /** The port on which the module answered last. */
  readonly port: string | null
  readonly end: HostEnd | null
}

function newState(order: string, imei: string | null, nowMs: number): HostState {
  return {
    order,
    step: "begin",
    sinceMs: nowMs,
    signMs: nowMs,
    tries: 0,
    isTaken: false,
    busySinceMs: null,
    refusals: 0,
    pauseUntilMs: 0,
    ended: null,
    isRestoring: false,
    imei,
    model: null,
    port: null,
    end: null,
  }
}

/**
 * The state as it was saved for this order, or a new one. Its waits begin anew: how long this host was away cannot be told
 * from a clock that may have been set meanwhile, and a wait that seems to be over too early means a command typed twice.
 */
export function resumedState(
  saved: JsonObject | null,
  { order, imei }: { readonly order: string; readonly imei: string | null },
  nowMs: number,
): HostState {
  const fresh = newState(order, imei, nowMs)
  if (saved === null || saved["order"] !== order) return fresh
  // Our own journal, written whole or not at all; one of an earlier version lacks a field.
  const stored = { ...fresh, ...saved } as unknown as HostState
  const state = { ...stored, imei: stored.imei ?? imei }
  const awayMs = nowMs - Math.max(state.sinceMs, state.signMs)
  return {
    ...state,
    sinceMs: state.sinceMs + awayMs,
    signMs: state.signMs + awayMs,
    pauseUntilMs: state.pauseUntilMs === 0 ? 0 : state.pauseUntilMs + awayMs,
    busySinceMs: state.busySinceMs === null ? null : state.busySinceMs + awayMs,
  }
}

export function savedState(state: HostState): JsonObject {
  return state as unknown as JsonObject
}

export function stepTo(state: HostState, step: HostStep, nowMs: number): HostState {
  return { ...state, step, sinceMs: nowMs, signMs: nowMs }
}

/** A URC moves the order, whatever was missed before it: the module is right, the host may have been away. */
export function afterUrc(state: HostState, { event, value }: FotaUrc, nowMs: number): HostState {
  if (state.step === "closed") return state
  const signed = { ...stated(state, true), signMs: nowMs }
  switch (event) {
    case "FTPSTART":
    case "HTTPSTART":
    case "FILESTART":
      return { ...stepTo(signed, "downloading", nowMs), ended: null }
    case "DOWNLOADING":
      return state.step === "downloading" ? signed : { ...stepTo(signed, "downloading", nowMs), ended: null }
    case "FTPEND":
    case "HTTPEND":
    case "FILEEND":
      if (value === 0) return { ...stepTo(signed, "downloaded", nowMs), ended: null }
      return { ...stepTo(stated(signed, false), "ended", nowMs), ended: { event, code: value ?? 0 } }
    case "END":
      return { ...stepTo(stated(signed, false), "ended", nowMs), ended: { event, code: value ?? 0 } }
    case "START":
    case "UPDATING":
      if (state.step === "updating" && !state.isRestoring) return signed
      return { ...stepTo(signed, "updating", nowMs), ended: null, isRestoring: false }
    case "RESTORE":
    case "UNFINISHED":
      if (state.step === "updating" && state.isRestoring) return signed
      return { ...stepTo(signed, "updating", nowMs), ended: null, isRestoring: true }
  }
}

/** The module has said something of an update: whether it is at one. */
function stated(state: HostState, isTaken: boolean): HostState {
  return { ...state, isTaken, busySinceMs: null }
}

/** Who answers is remembered: the module that comes back under another name must be the same one. */
export function afterAnswer(state: HostState, identity: DeviceIdentity, port: string): HostState {
  const imei = state.imei ?? identity.imei
  const model = state.model ?? identity.model
  return imei === state.imei && model === state.model && port === state.port ? state : { ...state, imei, model, port }
}

const reported: Readonly<Record<HostStep, HostReport["state"] | null>> = {
  begin: null,
  typing: null,
  accepted: "accepted",
  downloading: "downloading",
  downloaded: "downloaded",
  updating: "updating",
  ended: null,
  pausing: null,
  closed: null,
}

/** What the server is told of a step; null = nothing, because the step says something to the host alone. */
export function reportOf(state: HostState): HostReport["state"] | null {
  return state.step === "updating" && state.isRestoring ? "restoring" : reported[state.step]
}
