import { updateStates } from "../../core/domain/update.ts"
import { Value } from "typebox/value"
import type { Actor } from "../../core/domain/actor.ts"
import { type AuditEntry, firstSeal, type SealStart } from "../../core/domain/audit.ts"
import { eventRow, type WaftEvent } from "../../core/domain/events/table.ts"
import type {
  Channel,
  DeltaRecord,
  Device,
  Enrolment,
  OutgoingMessage,
  Release,
  Rollout,
  SavedGroup,
  Update,
} from "../../core/domain/records.ts"
import { sealed } from "./ledger/seal.ts"
import { AlreadyTaken, type Change, type Seen, type Store } from "./needs.ts"
import type { EventQuery, MessagePlace, MessageQuery, PageOf, TroubledDevice, UpdateQuery } from "./page-reads.ts"
import { isTrouble } from "./index/census.ts"
import type { ApiToken, Session, User, Webhook, WebhookStanding } from "../../core/domain/people.ts"

/** A store in memory that keeps what was committed as text, as a disk would: nobody can change it afterwards. */
export class MemoryStore implements Store {
  readonly #tables: Readonly<Record<TableName, Map<string, string>>> = {
    device: new Map(),
    release: new Map(),
    rollout: new Map(),
    update: new Map(),
    channel: new Map(),
    enrolment: new Map(),
    token: new Map(),
    user: new Map(),
    session: new Map(),
    webhook: new Map(),
    standing: new Map(),
    group: new Map(),
    message: new Map(),
    image: new Map(),
    delta: new Map(),
    seen: new Map(),
  }
  readonly #events: (AuditEntry & SealStart)[] = []
  /** Throws before the commit is taken in, as a full disk would. */
  failure: Error | null = null
  /** Throws at this call of `commit`, counted from 1, and at no other. */
  failAt = 0
  commits = 0
  /** Calls of `commit`, the failed ones among them. */
  calls = 0

  commit = async (actor: Actor, changes: readonly Change[]): Promise<readonly WaftEvent[]> => {
    await Promise.resolve()
    if (this.failure !== null) throw this.failure
    if (++this.calls === this.failAt) throw new Error("the disk is full")
    for (const change of changes) if ("add" in change) this.#refuseTaken(change.device)
    this.commits++
    return changes.flatMap((change) => this.#take(actor, change) ?? [])
  }

  #refuseTaken({ id, access }: Device): void {
    const isTaken = [...this.#tables.device.values()].some((text) => {
      const other = JSON.parse(text) as Device
      return other.id === id || other.access.user === access.user
    })
    if (isTaken) throw new AlreadyTaken(`the device ${id}, or its login, is there already`)
  }

  #take(actor: Actor, change: Change): WaftEvent | null {
    if ("append" in change) {
      const { kind, data } = change.append
      const row = eventRow(kind)
      if (row === null || !Value.Check(row.data, data))
        throw new Error(`${kind} does not carry ${JSON.stringify(data)}`)
      const entry = sealed(this.#events.at(-1) ?? firstSeal, actor, change)
      this.#events.push(entry)
      return eventOf(entry)
    }
    if ("add" in change) {
      this.#tables.device.set(change.device.id, JSON.stringify(change.device))
      return null
    }
    if ("remove" in change) {
      if (change.remove === "device") this.#tables.seen.delete(change.id)
      this.#tables[change.remove].delete(change.id)
      return null
    }
    const record = recordOf(change)
    this.#tables[change.put].set(record.key, JSON.stringify(record.value))
    return null
  }

  devices = (): Promise<readonly Device[]> => this.#all("device")
  releases = (): Promise<readonly Release[]> => this.#all("release")
  rollouts = (): Promise<readonly Rollout[]> => this.#all("rollout")
  channels = (): Promise<readonly Channel[]> => this.#all("channel")
  messages = (): Promise<readonly OutgoingMessage[]> => this.#all("message")
  enrolments = (): Promise<readonly Enrolment[]> => this.#all("enrolment")
  tokens = (): Promise<readonly ApiToken[]> => this.#all("token")
  users = (): Promise<readonly User[]> => this.#all("user")
  sessions = (): Promise<readonly Session[]> => this.#all("session")
  webhooks = (): Promise<readonly Webhook[]> => this.#all("webhook")
  webhookStandings = (): Promise<readonly WebhookStanding[]> => this.#all("standing")
  groups = (): Promise<readonly SavedGroup[]> => this.#all("group")
  deltas = (): Promise<readonly DeltaRecord[]> => this.#all("delta")
  seen = (): Promise<readonly Seen[]> => this.#all("seen")

  async liveUpdates(): Promise<readonly Update[]> {
    const rollouts = new Map((await this.rollouts()).map((rollout) => [rollout.id, rollout.state]))
    const isLive = (id: string): boolean => ["running", "paused"].includes(rollouts.get(id) ?? "")
    const devices = new Map((await this.devices()).map((device) => [device.id, device]))
    const releases = new Map((await this.releases()).map((release) => [release.id, release.version]))
    const isConcluded = ({ progress, deviceId, releaseId }: Update): boolean => {
      const running = devices.get(deviceId)?.running
      const isSame = running?.evidence === "concluded" && running.version === releases.get(releaseId)
      return isSame && progress.state === "succeeded" && progress.basis === "concluded"
    }
    return (await this.#all<Update>("update")).filter(
      (update) =>
        !updateStates[update.progress.state].over ||
        update.progress.state === "no-show" ||
        isLive(update.rolloutId) ||
        isConcluded(update),
    )
  }

  async overtakenDevices(rolloutId: string): Promise<readonly string[]> {
    const numbers = new Map((await this.rollouts()).map(({ id, number }) => [id, number]))
    const number = numbers.get(rolloutId) ?? 0
    const updates = await this.#all<Update>("update")
    const later = new Set(
      updates.filter((update) => (numbers.get(update.rolloutId) ?? 0) > number).map(({ deviceId }) => deviceId),
    )
    return updates
      .filter((update) => update.rolloutId === rolloutId && later.has(update.deviceId))
      .map(({ deviceId }) => deviceId)
  }

  async updatesOfRollout(rolloutId: string): Promise<readonly Update[]> {
    return (await this.#all<Update>("update")).filter((update) => update.rolloutId === rolloutId)
  }

  async updatesOfDevice(deviceId: string, limit: number): Promise<readonly Update[]> {
    const updates = (await this.#all<Update>("update")).filter((update) => update.deviceId === deviceId)
    return updates.reverse().slice(0, limit)
  }

  updatePage = async (query: UpdateQuery, { after, limit, backwards }: PageOf): Promise<readonly Update[]> => {
    const found = (await this.#chosenUpdates(query)).sort((a, b) => (a.id < b.id ? -1 : 1))
    if (backwards) found.reverse()
    return found.filter(({ id }) => after === null || (backwards ? id < after : id > after)).slice(0, limit)
  }
  countUpdates = async (query: UpdateQuery): Promise<number> => (await this.#chosenUpdates(query)).length

  async #chosenUpdates({ rolloutId, state, code }: UpdateQuery): Promise<Update[]> {
    return (await this.updatesOfRollout(rolloutId)).filter(
      ({ progress }) =>
        (state === undefined || progress.state === state) && (code === undefined || progress.code === code),
    )
  }

  newestUpdates = async (deviceIds: readonly string[]): Promise<readonly Update[]> => {
    const newest = await Promise.all(deviceIds.map((id) => this.updatesOfDevice(id, 1)))
    return newest.flat()
  }

  troubledDevices = async (): Promise<readonly TroubledDevice[]> => {
    const ids = [...new Set((await this.#all<Update>("update")).map(({ deviceId }) => deviceId))]
    const newest = await this.newestUpdates(ids)
    return newest.flatMap(({ deviceId, progress: { state } }) => (isTrouble(state) ? [{ deviceId, state }] : []))
  }

  messagePage = async (
    query: MessageQuery,
    { after, limit, backwards }: PageOf<MessagePlace>,
  ): Promise<readonly OutgoingMessage[]> => {
    const order = (a: MessagePlace, b: MessagePlace): number =>
      a.createdAt - b.createdAt || (a.reference < b.reference ? -1 : a.reference === b.reference ? 0 : 1)
    const found = (await this.#chosenMessages(query)).sort(order)
    if (backwards) found.reverse()
    const isAfter = (row: OutgoingMessage): boolean =>
      after === null || (backwards ? order(row, after) < 0 : order(row, after) > 0)
    return found.filter(isAfter).slice(0, limit)
  }
  countMessages = async (query: MessageQuery): Promise<number> => (await this.#chosenMessages(query)).length

  async #chosenMessages({ deviceId }: MessageQuery): Promise<OutgoingMessage[]> {
    return [...(await this.messages())].filter((row) => deviceId === undefined || row.deviceId === deviceId)
  }

  events = async (query: EventQuery): Promise<readonly WaftEvent[]> => (await this.auditEntries(query)).map(eventOf)

  auditEntries = (query: EventQuery): Promise<readonly AuditEntry[]> => {
    const { after, before = Number.POSITIVE_INFINITY, limit, deviceId, rolloutId, isCalledFor, backwards } = query
    const found = this.#events.filter(
      (event) =>
        event.seq > after &&
        event.seq < before &&
        (deviceId === undefined || event.deviceId === deviceId) &&
        (rolloutId === undefined || event.rolloutId === rolloutId) &&
        (isCalledFor !== true || event.from !== null),
    )
    if (backwards === true) found.reverse()
    return Promise.resolve(found.slice(0, limit))
  }

  lastEventSeq = (): Promise<number> => Promise.resolve(this.#events.length)

  saveSeen = (rows: readonly Seen[]): Promise<void> => {
    for (const row of rows) this.#tables.seen.set(row.deviceId, JSON.stringify(row))
    return Promise.resolve()
  }

  #all<Row>(table: TableName): Promise<readonly Row[]> {
    return Promise.resolve([...this.#tables[table].values()].map((text) => JSON.parse(text) as Row))
  }
}

type TableName =
  | "device"
  | "release"
  | "rollout"
  | "update"
  | "channel"
  | "enrolment"
  | "token"
  | "user"
  | "session"
  | "webhook"
  | "standing"
  | "group"
  | "message"
  | "image"
  | "delta"
  | "seen"

function recordOf(change: Exclude<Change, { append: unknown } | { remove: unknown } | { add: unknown }>): {
  readonly key: string
  readonly value: object
} {
  switch (change.put) {
    case "device":
      return { key: change.device.id, value: change.device }
    case "release":
      return { key: change.release.id, value: change.release }
    case "rollout":
      return { key: change.rollout.id, value: change.rollout }
    case "update":
      return { key: change.update.id, value: change.update }
    case "channel":
      return { key: change.channel.name, value: change.channel }
    case "enrolment":
      return { key: change.enrolment.id, value: change.enrolment }
    case "token":
      return { key: change.token.id, value: change.token }
    case "group":
      return { key: change.group.name, value: change.group }
    case "message":
      return { key: change.message.reference, value: change.message }
    case "image":
      return { key: change.image.sha256, value: change.image }
    case "webhook":
      return { key: change.webhook.name, value: change.webhook }
    case "standing":
      return { key: change.standing.name, value: change.standing }
    case "user":
      return { key: change.user.name, value: change.user }
    case "session":
      return { key: change.session.id, value: change.session }
    case "delta":
      return { key: change.delta.key, value: change.delta }
  }
}

function eventOf({ from: _from, changes: _changes, seal: _seal, ...event }: AuditEntry): WaftEvent {
  return event
}
