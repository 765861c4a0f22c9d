import type { JsonObject } from "../kit/json.ts"
import type { AtClock } from "../protocols/at/at-line.ts"
import type { FamilyOption } from "./family-option.ts"
import type { HostPort } from "./host.ts"

/**
 * The host's side of a family whose server speaks with the device itself: a program that stands beside the device for as
 * long as it lives, sets it up and answers it. It needs no order and no agent API.
 */
export interface AttendSide {
  /** What may be told of the plan, an option each. */
  readonly options: readonly AttendOption[]
  /** The plan's fields, of what was given by name; a value that cannot be throws `RangeError`, one sentence. */
  readonly planOf: (given: GivenOptions) => JsonObject
  /**
   * Attends until the signal comes, and rejects with its reason. Throws `RangeError`, one sentence, for a plan that cannot
   * be; its fields are the family's.
   */
  readonly attend: (attendance: AnyAttendance) => Promise<never>
}

/** An option whose value is a text, or is read from a file: whole, or its lines without empty ones and comments (`;`). */
export interface AttendOption extends FamilyOption {
  readonly reads?: "file" | "lines" | "duration"
  /** The variable of the environment that holds it when the option is not given. */
  readonly environment?: string
}

/** Values by option: texts, lines, or milliseconds. */
export type GivenOptions = Readonly<Record<string, string | readonly string[] | number>>

export interface AnyAttendance {
  readonly port: HostPort
  readonly clock: AtClock
  readonly plan: JsonObject
  readonly tell: (event: AnyAttendEvent) => void
  /** The device that is attended, kept from one run to the next; absent = as long as this one lasts. */
  readonly binding?: AttendBinding
  readonly signal: AbortSignal
}

/** Which device stands at the other end: another one there is not the device that is meant. */
export interface AttendBinding {
  /** Its serial number; null = none was met yet. */
  readonly imei: string | null
  /** Keeps the serial number of the first that is met; resolves when it will be known after a kill. */
  readonly bind: (imei: string) => Promise<void>
}

/** One step of an attendance. It never holds a PIN or a password. */
export interface AnyAttendEvent {
  readonly event: string
  /** The firmware that runs, as far as it is known. */
  readonly version: string | null
  /** A sentence for people. */
  readonly text: string
}
