import type { Actor } from "../../core/domain/actor.ts"
import type { AuditEntry, FieldChange } from "../../core/domain/audit.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import type { Emitter } from "../../core/kit/emitter.ts"
import type { DeltaRecipe, Publication, Upload } from "../../core/families/family.ts"
import type { ApiToken, Session, User, Webhook, WebhookStanding } from "../../core/domain/people.ts"
import type { NewEvent, WaftEvent } from "../../core/domain/events/table.ts"
import type {
  Channel,
  DeltaRecord,
  Device,
  Enrolment,
  ImageRef,
  OutgoingMessage,
  Release,
  Rollout,
  SavedGroup,
  Update,
} from "../../core/domain/records.ts"
import type { EventQuery, PageReads } from "./page-reads.ts"

/** What the use cases need from outside. `store` and `main` provide it, tests provide small working doubles. */

export interface Clock {
  /** Wall time, ms since 1970 UTC: for people. It may jump. */
  readonly now: () => number
  /** Ms since some moment of this process: for waiting. It never jumps. */
  readonly monotonic: () => number
  /** Lets everybody else have their turn: long work in memory stops for that every few milliseconds. */
  readonly breathe: () => Promise<void>
}

/** A random source: text of `length` characters that are hard to confuse, from a cryptographic generator. */
export type RandomText = (length: number) => string

/** One durable change; changes of one `commit` happen together or not at all. */
export type Change =
  /** A device that must not be there yet: rejects with `AlreadyTaken` when its id or its login is. */
  | { readonly add: "device"; readonly device: Device }
  | { readonly put: "device"; readonly device: Device }
  | { readonly remove: "device"; readonly id: string }
  | { readonly put: "release"; readonly release: Release }
  | { readonly put: "rollout"; readonly rollout: Rollout }
  | { readonly put: "update"; readonly update: Update }
  | { readonly put: "channel"; readonly channel: Channel }
  | { readonly remove: "channel"; readonly id: string }
  | { readonly put: "token"; readonly token: ApiToken }
  | { readonly put: "user"; readonly user: User }
  | { readonly remove: "user"; readonly id: string }
  | { readonly put: "session"; readonly session: Session }
  | { readonly remove: "session"; readonly id: string }
  | { readonly put: "webhook"; readonly webhook: Webhook }
  | { readonly remove: "webhook"; readonly id: string }
  | { readonly put: "standing"; readonly standing: WebhookStanding }
  | { readonly remove: "standing"; readonly id: string }
  | { readonly put: "enrolment"; readonly enrolment: Enrolment }
  | { readonly put: "group"; readonly group: SavedGroup }
  | { readonly remove: "group"; readonly id: string }
  | { readonly put: "message"; readonly message: OutgoingMessage }
  | { readonly remove: "message"; readonly id: string }
  | { readonly put: "image"; readonly image: ImageRef }
  | { readonly put: "delta"; readonly delta: DeltaRecord }
  /** An event, and what its deed changed where that is told. */
  | { readonly append: NewEvent; readonly changes?: readonly FieldChange[] }
  | BulkChange
  /** What a commit does to the counters of rollouts; memory counts by itself. */
  | { readonly count: readonly Count[] }

/** A counter of a rollout's phase: its devices in a state, or what they took. */
export interface Count {
  readonly rolloutId: string
  readonly phase: number
  readonly name: UpdateState | "offers" | "bytes" | "sms" | "money"
  readonly by: number
}

/** What concerns many devices alike: a few statements, however many they are, and no event for each. */
export type BulkChange =
  /** First updates of devices that a rollout has not come to. */
  | { readonly enrol: readonly Update[] }
  /** Updates that are not over, as they stand, and how all of them end. Their tickets and offers stay with them. */
  | { readonly end: readonly Update[]; readonly as: Ending }
  /** Devices of which nobody can say any more what they run. */
  | { readonly doubt: readonly Device[] }

export function isBulk(change: Change): change is BulkChange {
  return "enrol" in change || "end" in change || "doubt" in change
}

/** How updates end that no device ends: an operator took the rollout or the release back, or a newer rollout took the devices. */
export interface Ending {
  readonly state: "cancelled" | "superseded"
  /** ms since 1970 UTC: also that of the rollout's event that tells of it. */
  readonly since: number
  readonly sentence: string
}

/** A record has another version in the store than the one that it was read at: somebody else has saved it since. */
export class StaleRecord extends Error {
  override readonly name = "StaleRecord"
}

/** The store has a record of that id, or one with that login, already. */
export class AlreadyTaken extends Error {
  override readonly name = "AlreadyTaken"
}

export interface Seen {
  readonly deviceId: string
  readonly at: number
  readonly peer: string
  /** How often it comes, as `rhythmText` writes it. */
  readonly rhythm: string
  /** When, on the clock of the server's uptime, ms. */
  readonly upAt: number
}

/** How often devices asked a channel for its notice. */
export interface ChannelPolls {
  readonly name: string
  readonly polls: number
}

export interface Store extends PageReads {
  /** Makes the changes of `actor` durable (synced to disk), then resolves with the appended events and their numbers. */
  readonly commit: (actor: Actor, changes: readonly Change[]) => Promise<readonly WaftEvent[]>
  /** The counters of all rollouts. */
  readonly counters: () => Promise<readonly Count[]>
  /** Ms for which servers of this store have been up, as far as that was saved. */
  readonly uptime: () => Promise<number>
  readonly saveUptime: (ms: number) => Promise<void>
  /** How often each channel was asked. */
  readonly channelPolls: () => Promise<readonly ChannelPolls[]>
  readonly saveChannelPolls: (rows: readonly ChannelPolls[]) => Promise<void>
  /** A device as it is stored now; null = it is gone. */
  readonly device: (id: string) => Promise<Device | null>
  readonly devices: () => Promise<readonly Device[]>
  readonly releases: () => Promise<readonly Release[]>
  readonly rollouts: () => Promise<readonly Rollout[]>
  readonly channels: () => Promise<readonly Channel[]>
  /** Messages whose fate is not known, oldest first. */
  readonly messages: () => Promise<readonly OutgoingMessage[]>
  readonly enrolments: () => Promise<readonly Enrolment[]>
  readonly tokens: () => Promise<readonly ApiToken[]>
  readonly users: () => Promise<readonly User[]>
  readonly sessions: () => Promise<readonly Session[]>
  readonly webhooks: () => Promise<readonly Webhook[]>
  readonly webhookStandings: () => Promise<readonly WebhookStanding[]>
  readonly groups: () => Promise<readonly SavedGroup[]>
  readonly deltas: () => Promise<readonly DeltaRecord[]>
  /** Devices of a rollout that a later one has had since, by id. */
  readonly overtakenDevices: (rolloutId: string) => Promise<readonly string[]>
  /** The updates of rollouts that are not over, and those of others that a device may still take up. */
  readonly liveUpdates: () => Promise<readonly Update[]>
  readonly updatesOfRollout: (rolloutId: string) => Promise<readonly Update[]>
  /** A device's updates, newest first. */
  readonly updatesOfDevice: (deviceId: string, limit: number) => Promise<readonly Update[]>
  /** The log with seals, and with what the stream does not tell. */
  readonly auditEntries: (query: EventQuery) => Promise<readonly AuditEntry[]>
  readonly lastEventSeq: () => Promise<number>
  readonly seen: () => Promise<readonly Seen[]>
  /** Last contacts, coalesced by the caller: one row a device. */
  readonly saveSeen: (rows: readonly Seen[]) => Promise<void>
}

/** Images by their SHA-256. */
export interface Images {
  /** Stores bytes durably; the same bytes are stored once. Refuses `storage-full`. */
  readonly put: (bytes: Uint8Array) => Promise<ImageRef>
  /**
   * A hold on an image for one transfer: the bytes were checked against their SHA-256 when they were read from disk.
   * Refuses `image-damaged`.
   */
  readonly open: (image: ImageRef) => Promise<ImageHold>
  /** Takes back a `put` that nothing refers to. */
  readonly discard: (image: ImageRef) => Promise<void>
}

export interface ImageHold {
  readonly sizeBytes: number
  /** At most `maxBytes` from `offset`. Shared memory: not to be changed. */
  readonly read: (offset: number, maxBytes: number) => Uint8Array | Promise<Uint8Array>
  readonly release: () => void
}

/** What `publish` of a family makes of an uploaded file. It may take the upload's bytes away: nobody else reads them then. */
export type UploadExaminer = (family: string, upload: Upload) => Promise<Publication>

/** One patch that is to be made. */
export interface DeltaOrder {
  readonly key: string
  readonly recipe: DeltaRecipe
  /** Size of both images, bytes. */
  readonly imageBytes: number
  /** Reads the images when its turn comes. */
  readonly readImages: () => Promise<{ readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array }>
}

/** How a patch in the making stands; the key is its order's. */
export interface DeltaProgress {
  readonly key: string
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled" | "no-gain"
  /** 0 … 1. */
  readonly progress: number
  /** Size of the patch when it is made, bytes. */
  readonly patchBytes?: number
  /** Why it failed. */
  readonly error?: string
}

/** Makes patches in the background, a bounded number at a time. */
export interface DeltaMaker {
  /** Resolves with the patch; null = there is none to be had, and `progress` says why. */
  readonly make: (order: DeltaOrder) => Promise<Uint8Array | null>
  readonly progress: (key: string) => DeltaProgress | null
  /** False when it neither waits nor runs. */
  readonly cancel: (key: string) => Promise<boolean>
  /** Lets go of what is over, the patch included. */
  readonly forget: (key: string) => void
}

export type EventStream = Emitter<WaftEvent>
