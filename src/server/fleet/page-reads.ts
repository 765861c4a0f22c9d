import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { OutgoingMessage, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import type { TroubleState } from "./index/census.ts"

/** What lists read from the store, a page at a time: each read costs what its page has, whatever the table holds. */
export interface PageReads {
  /** A page of the event log. */
  readonly events: (query: EventQuery) => Promise<readonly WaftEvent[]>
  /** A page of a rollout's updates, by their ids. */
  readonly updatePage: (query: UpdateQuery, page: PageOf) => Promise<readonly Update[]>
  readonly countUpdates: (query: UpdateQuery) => Promise<number>
  /** The newest update of each of these devices that has one, in any order. */
  readonly newestUpdates: (deviceIds: readonly string[]) => Promise<readonly Update[]>
  /** Devices whose newest update ended so that a person should hear of it. */
  readonly troubledDevices: () => Promise<readonly TroubledDevice[]>
  /** Messages whose fate is not known, oldest first; after the one that was made then and has that reference. */
  readonly messagePage: (query: MessageQuery, page: PageOf<MessagePlace>) => Promise<readonly OutgoingMessage[]>
  readonly countMessages: (query: MessageQuery) => Promise<number>
}

export interface TroubledDevice {
  readonly deviceId: string
  readonly state: TroubleState
}

export interface EventQuery {
  readonly after: number
  /** Only those before this number. */
  readonly before?: number
  readonly limit: number
  readonly deviceId?: string
  readonly rolloutId?: string
  /** Only what somebody called for. */
  readonly isCalledFor?: boolean
  /** Newest first. */
  readonly backwards?: boolean
}

export interface UpdateQuery {
  readonly rolloutId: string
  readonly state?: UpdateState | undefined
  /** The device's own result code. */
  readonly code?: string | undefined
}

export interface MessageQuery {
  readonly deviceId?: string | undefined
}

export interface MessagePlace {
  readonly createdAt: number
  readonly reference: string
}

/** Where a page begins, and how many rows it has. */
export interface PageOf<Place = string> {
  /** Null = at the first row. */
  readonly after: Place | null
  readonly limit: number
  readonly backwards: boolean
}
