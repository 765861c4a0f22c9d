import type { BareEventKind } from "../domain/events/table.ts"
import type { JsonObject } from "../kit/json.ts"
import type { ReportMeaning } from "./report-meaning.ts"

/**
 * What a device said or showed in one request, as its family reads it. All of it is made durable together; what is known
 * already changes nothing, so a report may be repeated.
 */
export interface DeviceReport {
  /** What it means for the update that was offered, in order. */
  readonly evidence?: readonly ReportMeaning[]
  /** What the device says that it runs. */
  readonly running?: string
  /** What is remembered of the device from now on; the same object = nothing new. */
  readonly familyState?: JsonObject
  /** All of its labels from now on. */
  readonly labels?: Readonly<Record<string, string>>
  /** How far it says that it is with installing, 0 to 100: shown, not stored. */
  readonly percent?: number
  /** Sentences for the event log that belong to no update; the kind is room and past participle, as in `device.erase-read`. */
  readonly notes?: readonly DeviceNote[]
}

export interface DeviceNote {
  /** A kind that carries no data; `core/domain/events/table.ts` has them all. */
  readonly kind: BareEventKind
  readonly basis: "observed" | "reported" | "concluded"
  readonly sentence: string
}
