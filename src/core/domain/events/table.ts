import { type Static, type TObject, type TProperties, Type } from "typebox"
import type { Actor } from "../actor.ts"
import type { Basis, EvidenceKind } from "../evidence.ts"
import { type UpdateState, updateStates } from "../update.ts"

/** One kind of event: what it means, and what it carries beside its sentence. */
export interface EventRow<Data extends TObject = TObject> {
  readonly means: string
  readonly data: Data
}

function row<Properties extends TProperties>(means: string, data: Properties): EventRow<TObject<Properties>> {
  return { means, data: Type.Object(data, { additionalProperties: false }) }
}

const bare = (means: string): EventRow<TObject<{ [key in never]: never }>> => row(means, {})

const StateName = Type.Unsafe<UpdateState>(Type.Enum(Object.keys(updateStates)))
const Counts = Type.Unsafe<Partial<Record<UpdateState, number>>>(Type.Record(Type.String(), Type.Integer()))
const OptionalText = Type.Union([Type.String(), Type.Null()])

const ended = (means: string) => row(means, { counts: Counts })

const moved = (means: string) =>
  row(means, {
    from: StateName,
    to: StateName,
    attempt: Type.Integer(),
    code: Type.Optional(Type.String()),
    raw: Type.Optional(Type.String()),
  })

const patch = (means: string) =>
  row(means, {
    fromReleaseId: Type.String(),
    fromVersion: Type.String(),
    toVersion: Type.String(),
    tookMs: Type.Integer(),
  })

const rights = { name: Type.String(), role: Type.String(), group: OptionalText }

/** What evidence did to an update: one kind for each kind of evidence. */
const updateEvents = {
  "update.offer-made": moved("the device gets an offer"),
  "update.offer-impossible": moved("no offer can be made to the device"),
  "update.not-yet": moved("an offer is made later"),
  "update.offer-read": moved("the device has read its offer"),
  "update.accepted": moved("the device has agreed to the update"),
  "update.transfer-started": moved("the device began to fetch"),
  "update.transfer-cut": moved("a transfer ended early"),
  "update.transfer-finished": moved("the device has fetched the whole file"),
  "update.install-started": moved("the device installs"),
  "update.installed": moved("the device runs the release"),
  "update.hop-installed": moved("the device runs a version on the way to the release"),
  "update.try-failed": moved("a try failed and is repeated"),
  "update.came-back": moved("a device that was silent since its download polls again"),
  "update.quiet-poll": moved("the device left the offer alone in a contact; how far a conclusion is"),
  "update.asked-again": moved("the device asked for the image again after its download, in vain"),
  "update.late-fetch": moved("the device fetched another release, late: it is offered this one again"),
  "update.left-alone": moved("the device leaves the offer alone because it runs the release"),
  "update.install-failed": moved("the update failed"),
  "update.loop-broken": moved("the device fetches the same image again and again"),
  "update.declined": moved("the device does not want the offer"),
  "update.silence": moved("the device was silent for too long"),
  "update.cancelled": moved("an operator ended the update"),
  "update.superseded": moved("a newer rollout took the device over"),
} as const satisfies Readonly<Record<`update.${EvidenceKind}`, EventRow>>

/**
 * Every kind of event, whole: room and past participle. The log, the stream, the documents and their readers know the kinds
 * and what they carry from here. `agent.*` and `conversation.*` stand for kinds that agents and families name themselves.
 */
export const eventTable = {
  "device.added": bare("an operator added a device"),
  "device.enrolled": bare("a device added itself"),
  "device.accepted": bare("a device that added itself may take part"),
  "device.removed": bare("a device was forgotten"),
  "device.version-reported": row("a device says what it runs", { version: Type.String(), before: OptionalText }),
  "device.labels-reported": bare("a device says what it is"),
  "device.erase-ordered": bare("a device is to delete an image from its store"),
  "device.erase-read": bare("a device has read the order to delete an image"),
  "device.set": row("an operator said what is known of a device", { running: Type.Optional(Type.String()) }),
  "device.replaced": bare("an operator put another device in a device's place"),
  "device.visited": bare("somebody else than the device used its login"),
  "device.doubted": bare("two devices seem to share a login"),
  "device.late-fetch-started": bare("a device began to fetch what had been taken back"),
  "device.late-fetch-finished": bare("a device fetched what had been taken back"),
  "device.data-contested": row("two peers came to a data connection of one device", { peer: Type.String() }),
  "enrolment.created": bare("a token was made with which devices add themselves"),
  "enrolment.revoked": bare("an enrolment's token was taken back"),
  "group.saved": bare("a group of devices got a name, or what its name means changed"),
  "group.removed": bare("a saved group was forgotten"),
  "release.published": row("a release was published", { sha256: Type.String(), sizeBytes: Type.Integer() }),
  "release.approved": bare("a second person approved a release: it may be offered"),
  "release.rules-set": bare("what a release demands before it is installed was changed"),
  "release.signed": bare("a release got the signatures of further keys"),
  "release.unsigned": bare("what would be offered is not signed as it has to be, and is held back"),
  "release.withdrawn": bare("a release was taken back"),
  "release.flagged": bare("a package does not fit the devices that it was published for"),
  "release.unreadable": row("an image in the store cannot be read", { image: Type.String() }),
  "rollout.started": row("a rollout was started", {
    releaseIds: Type.Array(Type.String()),
    devices: Type.Integer(),
    group: OptionalText,
  }),
  "rollout.phase-opened": bare("a phase of a rollout began"),
  "rollout.phase-succeeded": bare("a phase of a rollout has enough devices on the release"),
  "rollout.gate-opened": bare("an operator lets a rollout go on to its next phase"),
  "rollout.approved": bare("an operator approved a rollout"),
  "rollout.paused": bare("a rollout begins nothing new"),
  "rollout.resumed": bare("a rollout goes on"),
  "rollout.reopened": bare("a rollout that had ended goes on: a device took back what was concluded of it"),
  "rollout.succeeded": ended("a rollout ended with every device on the release"),
  "rollout.failed": ended("a rollout ended without all devices"),
  "rollout.aborted": ended("an operator ended a rollout"),
  "rollout.superseded": ended("other rollouts took what was left of a rollout"),
  "rollout.retried": bare("an operator lets devices that did not succeed try again"),
  "rollout.enrolled": ended("every device of a rollout has its update in it"),
  "rollout.updates-cancelled": ended("updates of a rollout ended together: their release was withdrawn"),
  "rollout.devices-taken": row("a newer rollout took devices over from this one", {
    counts: Counts,
    by: Type.String(),
  }),
  ...updateEvents,
  "channel.set": bare("a channel was made or changed"),
  "channel.removed": bare("a channel was taken away"),
  "delta.done": patch("a patch was made"),
  "delta.no-gain": patch("a patch would hardly be smaller than the image"),
  "delta.failed": patch("a patch could not be made"),
  "delta.cancelled": bare("an operator gave a patch up"),
  "token.created": row("an API token was made", rights),
  "token.rotated": bare("an API token got a new text"),
  "token.revoked": bare("an API token was taken back"),
  "user.created": row("somebody may log in", rights),
  "user.set": row("somebody's rights or password were changed", rights),
  "user.removed": bare("somebody may log in no longer"),
  "session.opened": row("somebody logged in", { session: Type.String(), until: Type.Integer() }),
  "session.refused": bare(
    "somebody was not let in: a wrong password, or someone of the identity provider who is no user here",
  ),
  "session.ended": row("a login was ended", { session: Type.String() }),
  "webhook.created": row("another server is told of events", { name: Type.String(), kinds: Type.Array(Type.String()) }),
  "webhook.removed": bare("another server is told of events no longer"),
  "webhook.failing": row("a webhook's server takes nothing; it is tried again", { name: Type.String() }),
  "webhook.recovered": row("a webhook's server takes events again", { name: Type.String() }),
  "webhook.given-up": row("a webhook's server took nothing for days; nothing is tried until somebody says so", {
    name: Type.String(),
  }),
  "webhook.resumed": row("an operator lets a webhook go on", { name: Type.String(), after: Type.Integer() }),
  "secret.revealed": row("somebody was shown a secret", { secret: Type.String() }),
  "message.doubtful": bare("a message may or may not have gone"),
  "message.unreadable": row("a short message that cannot be read was kept", { octets: Type.String() }),
  "message.sent-again": bare("a message that may have gone is sent again"),
  "agent.*": row("what the agent beside a device saw or did", { version: Type.Optional(Type.String()) }),
  "conversation.*": bare("what a device said that moves no update"),
} as const satisfies Readonly<Record<string, EventRow>>

/** Events of a rollout that end updates of many devices at once, and how: they stand for one of each. */
export const endingsOfMany = {
  "rollout.aborted": "cancelled",
  "rollout.updates-cancelled": "cancelled",
  "rollout.devices-taken": "superseded",
} as const satisfies Readonly<Record<string, UpdateState>>

type Named = keyof typeof eventTable
type Open = "agent" | "conversation"

/** The kinds of events; behind `agent.` and `conversation.` stands any word. */
export type EventKind = Exclude<Named, `${Open}.*`> | `${Open}.${string}`

type RowOf<Kind extends EventKind> = Kind extends Named
  ? Kind
  : Kind extends `${infer Room extends Open}.${string}`
    ? `${Room}.*`
    : never

/** What events of a kind carry. */
export type EventData<Kind extends EventKind> = Static<(typeof eventTable)[RowOf<Kind>]["data"]>

/** An event of one kind, as the log has it. */
export interface EventOf<Kind extends EventKind> {
  /** Running number from 1, without gaps that a reader could miss something in. */
  readonly seq: number
  /** ms since 1970-01-01 UTC. */
  readonly at: number
  readonly kind: Kind
  /** Who did it; null in what an earlier version of the server wrote. */
  readonly actor: Actor | null
  readonly deviceId: string | null
  readonly rolloutId: string | null
  readonly releaseId: string | null
  readonly basis: Basis | null
  /** One sentence for people. */
  readonly sentence: string
  readonly data: EventData<Kind>
}

type Each<Kind extends EventKind> = Kind extends EventKind ? EventOf<Kind> : never

/** What the server appended to its log: `kind` tells what `data` is. */
export type WaftEvent = Each<EventKind>

type Bare<Kind extends EventKind> = Kind extends EventKind
  ? keyof EventData<Kind> extends never
    ? Kind
    : never
  : never

/** The kinds that carry nothing beside their sentence. */
export type BareEventKind = Bare<EventKind>

type Undone<Event> = Event extends WaftEvent ? Omit<Event, "seq" | "actor"> : never

/** An event that is not in the log yet: its commit says who, and gives it its number. */
export type NewEvent = Undone<WaftEvent>

type Optional = "deviceId" | "rolloutId" | "releaseId" | "basis"
type Told<Kind extends EventKind> = Pick<EventOf<Kind>, "at" | "kind" | "sentence"> &
  Partial<Pick<EventOf<Kind>, Optional>>
/** Data is left out where a kind needs none. */
type Carried<Kind extends EventKind> =
  Partial<EventData<Kind>> extends EventData<Kind>
    ? { readonly data?: EventData<Kind> }
    : { readonly data: EventData<Kind> }

/** An event with everything that is not said left empty. */
export function newEvent<Kind extends EventKind>(event: Told<Kind> & Carried<Kind>): NewEvent {
  return { deviceId: null, rolloutId: null, releaseId: null, basis: null, data: {}, ...event } as NewEvent
}

/** The row of a kind; null = a kind that this version does not know. */
export function eventRow(kind: string): EventRow | null {
  const open = /^(agent|conversation)\.[a-z]+(-[a-z]+)*$/.exec(kind)?.[1]
  const name = open === undefined ? kind : `${open}.*`
  return Object.hasOwn(eventTable, name) ? eventTable[name as Named] : null
}

/** One update's move. */
export type MoveEvent = Each<`update.${EvidenceKind}`>
