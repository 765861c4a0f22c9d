import type { JsonObject } from "../kit/json.ts"
import type { AtClock, AtLine } from "../protocols/at/at-line.ts"
import type { KnownVersion } from "./exact-version.ts"

/**
 * The host's side of a family whose update is started by a host that stands beside the device: what our agent, and a
 * program that uses `waft/modem`, does at its AT port.
 */
export interface HostSide {
  /** Asks the device who it is; null = it does not answer as a device of this family. The line stays open. */
  readonly identify: (line: AtLine, clock: AtClock) => Promise<DeviceIdentity | null>
  /**
   * One order from its first command to its end. Resolves with what became of it; rejects with the signal's reason when
   * that is aborted. May be killed at any point and called again with the same journal: it goes on, and does not start
   * the update again.
   */
  readonly run: (run: HostRun) => Promise<HostEnd>
}

export interface DeviceIdentity {
  readonly manufacturer: string | null
  readonly model: string | null
  /** The firmware that runs, as exactly as the device can say it. */
  readonly version: string
  /** Every text by which the device names that firmware; a package may be bound to any of them. */
  readonly versions: readonly string[]
  /** Serial number of the device (IMEI), digits; null only where a family's devices have none. */
  readonly imei: string | null
}

/** Where the device's port is found; it may come back under another name. */
export interface HostPort {
  /** Names that could be opened now, the most likely first. */
  readonly names: () => Promise<readonly string[]>
  /** Opens one; null = it is not there, or somebody else has it. */
  readonly open: (name: string) => Promise<AtLine | null>
}

/** What is to be done; the same as the agent API's order. */
export interface HostOrder {
  readonly order: string
  readonly from: string
  readonly to: string
  /** The AT command, whole, without the line end. */
  readonly command: string
  /** The model as the server has it: which tables its numbers are read by. */
  readonly model?: string
  readonly limits: {
    readonly startSeconds: number
    readonly downloadSeconds: number
    readonly beginSeconds: number
    readonly endSeconds: number
  }
  readonly retry: {
    /** Whole tries at most, the first included. */
    readonly times: number
    readonly pauseSeconds: number
    readonly codes: readonly number[]
    /** The same with the event that carries each, `HTTPEND 702`: a number alone means nothing. Where it is given, it counts. */
    readonly results?: readonly string[]
  }
}

export interface HostRun {
  readonly order: HostOrder
  readonly port: HostPort
  readonly clock: AtClock
  readonly journal: HostJournal
  /** Told of every change; resolves when the report is kept, not when it is delivered. May be told the same twice. */
  readonly report: (report: HostReport) => Promise<void>
  /** The serial number of the device that is meant; absent = the first that answers, and then always that one. */
  readonly imei?: string | null
  /** A shorter text by which the server knows what runs. */
  readonly known?: KnownVersion | null
  /** Whether the server still wants the order; asked before each command that starts the update. */
  readonly isWanted: () => Promise<boolean>
  /** Bytes that the server has handed out in a transfer under way; null = there is none, or it cannot be asked. */
  readonly transferred?: () => Promise<number | null>
  /** One line for the operator beside the device. */
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/** What survives a kill of the host. A save that has resolved is on disk. */
export interface HostJournal {
  /** What was saved last; null = nothing yet. */
  readonly load: () => JsonObject | null
  readonly save: (state: JsonObject) => Promise<void>
}

export const hostStates = [
  "accepted",
  "downloading",
  "downloaded",
  "updating",
  "restoring",
  "retrying",
  "failed",
  "verified",
] as const

/** Where the device stands; the words are the agent API's. */
export interface HostReport {
  readonly state: (typeof hostStates)[number]
  readonly percent?: number
  /** The device's own line. */
  readonly urc?: string
  /** The device's own number, and the event that carried it. */
  readonly code?: number
  readonly event?: string
  readonly version?: string
  readonly sentence?: string
}

export interface HostEnd {
  /** `dropped`: the server wants it no more, or the module was not there; nothing had been typed. */
  readonly state: "verified" | "failed" | "dropped"
  readonly code: number | null
  /** The firmware that runs, as far as it is known. */
  readonly version: string | null
  /** The device's most exact text for it, where it is verified. */
  readonly build?: string
  readonly sentence: string
}
