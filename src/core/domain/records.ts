import type { JsonObject } from "../kit/json.ts"
import type { RunningEvidence } from "./evidence.ts"
import type { ReleaseSignature } from "./release-manifest.ts"
import type { RolloutPlan } from "./plan.ts"
import type { PullState } from "./pull-state.ts"
import type { Progress } from "./update.ts"

/** Times are milliseconds since 1970-01-01 UTC throughout. */

/** A record that is saved only over the version that it was read at. */
export interface Versioned {
  /** How often it was saved; absent = never. */
  readonly version?: number
}

/** One thing in the field. */
export interface Device extends Versioned {
  readonly id: string
  readonly family: string
  readonly model: string
  readonly labels: Readonly<Record<string, string>>
  readonly access: DeviceAccess
  /** What the family remembers of it. */
  readonly familyState: JsonObject
  readonly running: { readonly version: string | null; readonly evidence: RunningEvidence }
  readonly addedAt: number
  /** A device that enrolled itself is `pending` until an operator accepts it: it gets no work and is in no rollout. */
  readonly admission: Admission
  /** The enrolment by which it added itself; absent = an operator added it. */
  readonly enrolmentId?: string
}

export type Admission = "accepted" | "pending"

/** Lets devices that the server does not know add themselves, of one family. */
export interface Enrolment {
  readonly id: string
  readonly family: string
  /** The bearer token is the id and this. */
  readonly secret: string
  /** Labels that its devices get. */
  readonly labels: Readonly<Record<string, string>>
  /** Whether its devices wait for an operator. */
  readonly admission: Admission
  readonly createdAt: number
  readonly revokedAt: number | null
}

/**
 * Credentials: an FTP login, the secret part of a manifest URL, or the two halves of the token of the agent beside the device.
 */
export interface DeviceAccess {
  readonly user: string
  readonly secret: string
}

/** An immutable firmware version of a family. */
export interface Release {
  readonly id: string
  readonly family: string
  readonly version: string
  /** A package leads from exactly this version to `version`; null = a full image. */
  readonly source: string | null
  /** Compatible models; empty = all of the family. */
  readonly models: readonly string[]
  readonly image: ImageRef
  readonly fileName: string
  readonly details: JsonObject
  readonly notes: readonly string[]
  /** `unapproved`: it waits for a second person, and is offered to nobody. */
  readonly state: "unapproved" | "active" | "withdrawn"
  readonly publishedAt: number
  /** Who published it, as `actorText` writes it; absent in what an earlier version of the server wrote. */
  readonly publishedBy?: string
  /** Absent = none. */
  readonly rules?: ReleaseRules
  /** Who vouches for it, each by a key. Absent = nobody. */
  readonly signatures?: readonly ReleaseSignature[]
}

/** What a release demands before it is installed. */
export interface ReleaseRules {
  /** The oldest version that it may be installed over; null = any. */
  readonly floor: string | null
  /** Versions that it must not be installed over. */
  readonly forbidden: readonly string[]
  /** The advisory of a security release; null = it is none. */
  readonly security: string | null
  /** It has to succeed on a virtual device of each model first. */
  readonly mustBeRehearsed: boolean
}

export interface ImageRef {
  readonly sha256: string
  readonly sizeBytes: number
}

/** What came of making a patch between two images; the key names both and the way it is made. */
export interface DeltaRecord {
  readonly key: string
  readonly fromSha256: string
  readonly toSha256: string
  /** `no-gain`: hardly smaller than the image, so it is not tried again. `cancelled`: by the operator. */
  readonly state: "done" | "no-gain" | "cancelled"
  /** The patch file; null unless done. */
  readonly patch: ImageRef | null
  /** Time it took, ms. */
  readonly tookMs: number
  readonly at: number
}

export type RolloutState = "running" | "paused" | "succeeded" | "failed" | "aborted" | "superseded"

/** A group of devices on its way to its releases. */
export interface Rollout extends Versioned {
  readonly id: string
  /** Running number from 1: the order in which rollouts were started, whatever the date was. */
  readonly number: number
  readonly releaseIds: readonly string[]
  /** The group expression, or null for every device that fits. */
  readonly group: string | null
  readonly state: RolloutState
  /** A device that is silent for longer becomes `no-show`, ms. */
  readonly silenceTimeoutMs: number
  readonly plan: RolloutPlan
  readonly marks: RolloutMarks
  readonly startedAt: number
  readonly endedAt: number | null
}

/** What the engine and the operators did with a rollout as a whole; everything else is counted from its updates. */
export interface RolloutMarks {
  /** Why it is paused, or ended; null = nothing particular. */
  readonly reason: string | null
  readonly approvedAt: number | null
  /** One for each phase of the plan. */
  readonly phases: readonly PhaseMarks[]
  /** The pace is counted from here: a moment, and the offers that had been made by then. */
  readonly paceFrom: { readonly at: number; readonly offered: number } | null
  /** Makes the order in which this rollout comes to its devices: from 1 to 2^31 - 2. */
  readonly rankMultiplier: number
  /** The rollout that this one takes back. */
  readonly rollbackOf: string | null
  /** Its devices are still joining; null = all have. Absent in what an earlier version of the server wrote. */
  readonly enrolling?: Enrolling | null
  /** Nobody's silence counts from before, on the clock of the server's uptime, ms: it was paused until then. */
  readonly silentFrom?: number
  /** What a rehearsal of the plan foretold. */
  readonly prediction: JsonObject | null
}

/** How far a rollout's devices have joined it, so that a restart can go on. */
export interface Enrolling {
  /** Devices that it has in the end. */
  readonly devices: number
  /** Also devices that are believed to run the release get it. */
  readonly again: boolean
  /** Rollouts that devices were taken from. */
  readonly takenFrom: readonly string[]
}

export interface PhaseMarks {
  readonly openedAt: number | null
  /** When enough of its devices had succeeded. */
  readonly enoughAt: number | null
  readonly gateOpenedAt: number | null
  /** Devices that did not succeed, of which an operator took note when resuming. */
  readonly pardoned: { readonly failed: number; readonly noShow: number }
}

/** Where a device stands in its rollout. */
export interface UpdatePlace {
  /** Index of its phase in the plan. */
  readonly phase: number
  /** 1 for the first try; another try is another update. */
  readonly tryNumber: number
  /** How the try before ended. */
  readonly lastEnd: "failed" | "no-show" | null
  /** An operator wants another try after this one, which did not succeed. */
  readonly isWantedAgain?: boolean
  /** No offer can be made before the device says what it runs. */
  readonly isHeld: boolean
  /** Offers made to the device in this rollout, in all its tries. */
  readonly offers: number
  /** It has begun to fetch or to install. */
  readonly hasBegun: boolean
  /** What it ran, as far as was known, when it was offered the update first. */
  readonly from: string | null
  /** What its transfers and messages took in this rollout, in all its tries. */
  readonly spentBytes: number
  readonly spentSms: number
  /** What they took since a moment, for caps of a day. */
  readonly day: { readonly since: number; readonly bytes: number; readonly sms: number } | null
}

/** Devices under a name: those that an expression means whenever it is asked, or a list that changes only by hand. */
export interface SavedGroup {
  readonly name: string
  readonly devices:
    | { readonly by: "filter"; readonly filter: string }
    | { readonly by: "list"; readonly ids: readonly string[] }
  readonly changedAt: number
}

/** One device's journey in one rollout. */
export interface Update extends Versioned {
  readonly id: string
  readonly rolloutId: string
  readonly deviceId: string
  readonly releaseId: string
  readonly progress: Progress
  /** What the family offers this device; null while waiting. */
  readonly offer: JsonObject | null
  readonly image: ImageRef | null
  /** Why the offer differs from the release, where it does. */
  readonly offerReason: string | null
  readonly pull: PullState
  readonly place: UpdatePlace
  /** The release whose image is offered, where that is a package on the way; null = the release itself. */
  readonly packageId: string | null
  /** When it counts as silent at the earliest, on the clock of the server's uptime, ms; absent = nothing is waited for. */
  readonly dueAt?: number
  /** Credentials for this offer alone, where the family's devices are told where to fetch; gone when the update is over. */
  readonly ticket: DeviceAccess | null
}

/** A message to a device that waits for its fate. It is a row until that is known: a crash loses none. */
export interface OutgoingMessage {
  /** Unique; who made the message knows it by this. */
  readonly reference: string
  readonly deviceId: string
  /** International number. */
  readonly to: string
  /** Base64. */
  readonly payload: string
  readonly coding: "8-bit-class-0" | "7-bit-no-class"
  readonly validitySeconds: number
  readonly createdAt: number
  /**
   * `sending`: it is being handed over. `doubtful`: it was, and the carrier did not say whether it took it. `sent`: the carrier
   * has it.
   */
  readonly state: "waiting" | "sending" | "doubtful" | "sent"
  /** The carrier's own name for it once it is sent. */
  readonly carrierReference: string | null
  /** When it was handed over, for how long a receipt is waited for. */
  readonly sentAt: number | null
}

/** A login that offers one release, or nothing, to whoever comes. */
export interface Channel {
  readonly name: string
  readonly family: string
  readonly access: DeviceAccess
  readonly releaseId: string | null
  readonly version: string | null
  readonly offer: JsonObject | null
  readonly image: ImageRef | null
  /** What the operator should know about this offer. */
  readonly warning: string | null
  readonly changedAt: number
}
