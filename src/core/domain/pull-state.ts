import type { ByteSpan } from "./coverage.ts"
import type { Grounds, SharingSign } from "./pull-rules.ts"
import type { RunningEvidence } from "./evidence.ts"

/** Who is at the other end, as far as the wire shows it. */
export interface PullClient {
  /** The part of its address that a provider's network keeps when it gives out another. */
  readonly network: string
}

/** A contact: all sessions of one client within the time that its model's rules state. */
export interface PullContact {
  readonly network: string
  readonly startedAt: number
  /** Last sign of it. */
  readonly lastAt: number
  /** The session that read the notice. */
  readonly session: string
  /** A further session that has not said what it wants. */
  readonly further: string | null
  /** It showed that it wants the image: `maybe` = by what only such a device does. */
  readonly wants: "no" | "maybe" | "yes"
  /** The session that read the notice was seen to end. */
  readonly isClosed: boolean
  /** Two clients, or a transfer under way: it tells nothing about one device. */
  readonly isMixed: boolean
  /** The notice was read again by a device that reads it once in a contact; what comes after a download is not counted. */
  readonly isDoubled: boolean
  readonly isSettled: boolean
}

/** What is remembered of a device's fetches during one update; stored with it. */
export interface PullState {
  readonly grounds: Grounds
  /** A transfer is under way. */
  readonly open: boolean
  /** Session of the last transfer. */
  readonly fetchSession: string | null
  /** The image as far as it was certainly taken since the device last began at its first byte. */
  readonly taken: readonly ByteSpan[]
  /** Size of the file last begun where that was not the offer's image but a patch. */
  readonly patchBytes?: number
  /** Whole downloads of the image. */
  readonly wholeFetches: number
  /** Whole downloads after which the device came for the image again in a later contact. */
  readonly failedInstalls: number
  /** Bytes sent for this update, in all. */
  readonly sentBytes: number
  /** Network from which the image was fetched last. */
  readonly home: string | null
  /** Networks from which the image was fetched, the last ones. */
  readonly homes: readonly string[]
  /** The notice was read in a contact after that of the last transfer. */
  readonly isReadSince: boolean
  /** Independent contacts in a row that left the offer alone, since the offer or the last transfer. */
  readonly quiet: number
  /** One of them, or a contact between them, came from another network than the last transfer. */
  readonly isElsewhere: boolean
  /** One of them broke off: its session was not seen to end. */
  readonly isBrokenOff: boolean
  /** How often the device asked for the image again since its last transfer, without fetching it. */
  readonly askedAgain: number
  readonly contact: PullContact | null
  /** Networks of the last contacts, each once in a row. */
  readonly trail: readonly string[]
  /** Contacts into which a client of another network came. */
  readonly overlaps: number
  /** Contacts in a row in which the notice was read twice by a device that reads it once. */
  readonly doubled: number
  /** Two devices seem to use this login. Nothing is concluded until an operator has said what holds. */
  readonly sharing: SharingSign | null
  /** How it was known what the device runs, before it might have got the image. */
  readonly knownBefore: RunningEvidence | null
}

export const freshPull: PullState = {
  grounds: "none",
  open: false,
  fetchSession: null,
  taken: [],
  wholeFetches: 0,
  failedInstalls: 0,
  sentBytes: 0,
  home: null,
  homes: [],
  isReadSince: false,
  quiet: 0,
  isElsewhere: false,
  isBrokenOff: false,
  askedAgain: 0,
  contact: null,
  trail: [],
  overlaps: 0,
  doubled: 0,
  sharing: null,
  knownBefore: null,
}

/** Whether the device may have the whole image, so that nobody can say any more what it runs. */
export function mayHaveImage({ grounds, open }: Pick<PullState, "grounds" | "open">): boolean {
  return open || grounds !== "none"
}

/** The state once what a contact seemed to say is forgotten; what the device may have of the image is not. */
export function withoutContact(state: PullState): PullState {
  return { ...state, contact: null, quiet: 0 }
}

/** The state once nobody can say who got what was sent: the device may have the image, and its transfers prove nothing. */
export function contestedPull(state: PullState): PullState {
  const grounds = state.grounds === "none" ? ("none" as const) : ("unseen" as const)
  return { ...withoutContact(state), grounds, taken: [] }
}

/** Whether anything of the image has been asked for. */
export function isUntouched({ grounds, open, taken, wholeFetches }: PullState): boolean {
  return grounds === "none" && !open && taken.length === 0 && wholeFetches === 0
}

/** Reads a stored state; one that an earlier version of this program wrote is taken for what it said. */
export function readPullState(stored: unknown): PullState {
  const state = stored as Partial<PullState>
  if (state.grounds !== undefined) return { ...freshPull, ...state }
  const { wholeFetches = 0, open = false } = state
  return { ...freshPull, wholeFetches, grounds: wholeFetches > 0 ? "whole" : open ? "unseen" : "none" }
}

/**
 * The state as a server takes it up that has just started: what was under way was not seen to its end, and a contact that
 * began before tells nothing any more.
 */
export function resumedPull(state: PullState, now: number): PullState {
  const contact: PullContact = {
    network: "",
    startedAt: now,
    lastAt: now,
    session: "",
    further: null,
    wants: "no",
    isClosed: true,
    isMixed: true,
    isDoubled: false,
    isSettled: true,
  }
  if (state.contact === null && !mayHaveImage(state)) return state
  // Sessions are numbered anew.
  return { ...state, contact, fetchSession: null, ...(state.open ? { open: false, grounds: "unseen" as const } : {}) }
}

/** The part of an address by which contacts are told apart: providers give out another address at every contact, but of the same block. */
export function networkOf(address: string): string {
  if (address.includes(":")) return address.split(":").slice(0, 2).join(":")
  return address.split(".").slice(0, 2).join(".")
}
