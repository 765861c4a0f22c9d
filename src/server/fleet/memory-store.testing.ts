import { updateStates } from "../../core/domain/update.ts"
import { Value } from "typebox/value"
import type { Actor } from "../../core/domain/actor.ts"
import { type AuditEntry, firstSeal, type SealStart } from "../../core/domain/audit.ts"
import { endingsOfMany, eventRow, type WaftEvent } from "../../core/domain/events/table.ts"
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
import {
  AlreadyTaken,
  type BulkChange,
  type Change,
  type ChannelPolls,
  type Count,
  isBulk,
  type Seen,
  StaleRecord,
  type Store,
} from "./needs.ts"
import type { EventQuery, MessagePlace, MessageQuery, PageOf, TroubledDevice, UpdateQuery } from "./page-reads.ts"
import { isTrouble } from "./index/census.ts"
import { doubted, endedAs } from "./ledger/apply.ts"
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
    counter: new Map(),
  }
  readonly #events: (AuditEntry & SealStart)[] = []
  /** Devices by their login's user. */
  readonly #logins = new Map<string, string>()
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
    this.#refuseStale(changes)
    this.commits++
    return changes.flatMap((change) => this.#take(actor, change) ?? [])
  }

  #refuseTaken({ id, access }: Device): void {
    if (this.#tables.device.has(id) || this.#logins.has(access.user))
      throw new AlreadyTaken(`the device ${id}, or its login, is there already`)
  }

  /** As the database does: a new record is not there yet, a later version goes over the one before it. */
  #refuseStale(changes: readonly Change[]): void {
    const seen = new Map<string, number>()
    for (const change of changes) {
      if (!("put" in change) || !["device", "update", "rollout"].includes(change.put)) continue
      const { key, value } = recordOf(change)
      const { version = 1 } = value as { readonly version?: number }
      const name = `${change.put} ${key}`
      const stored = this.#tables[change.put].get(key)
      const known = seen.get(name) ?? (stored === undefined ? 0 : ((JSON.parse(stored) as Device).version ?? 1))
      const isDoubted = changes.some((one) => "doubt" in one && one.doubt.some(({ id }) => id === key))
      if (version === 1 && known > 0) throw new AlreadyTaken(`${name} is there already`)
      if (version > 1 && known !== version - (isDoubted ? 2 : 1)) throw new StaleRecord(`${name} has another version`)
      seen.set(name, version)
    }
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
      this.#logins.set(change.device.access.user, change.device.id)
      return null
    }
    if ("remove" in change) {
      if (change.remove === "device") this.#forgetDevice(change.id)
      this.#tables[change.remove].delete(change.id)
      return null
    }
    if (isBulk(change)) {
      this.#takeMany(change)
      return null
    }
    if ("count" in change) {
      for (const { rolloutId, phase, name, by } of change.count) {
        const key = `${rolloutId} ${phase} ${name}`
        const known = JSON.parse(this.#tables.counter.get(key) ?? "null") as Count | null
        this.#tables.counter.set(key, JSON.stringify({ rolloutId, phase, name, by: (known?.by ?? 0) + by }))
      }
      return null
    }
    const record = recordOf(change)
    this.#tables[change.put].set(record.key, JSON.stringify(record.value))
    return null
  }

  #forgetDevice(id: string): void {
    this.#tables.seen.delete(id)
    const device = this.#tables.device.get(id)
    if (device !== undefined) this.#logins.delete((JSON.parse(device) as Device).access.user)
  }

  #takeMany(change: BulkChange): void {
    const { device, update } = this.#tables
    if ("enrol" in change) for (const one of change.enrol) update.set(one.id, JSON.stringify(one))
    else if ("end" in change) {
      for (const { id } of change.end) {
        const stored = JSON.parse(update.get(id) ?? "") as Update
        update.set(id, JSON.stringify(endedAs(stored, change.as)))
      }
    } else {
      for (const { id } of change.doubt) {
        const stored = device.get(id)
        if (stored !== undefined) device.set(id, JSON.stringify(doubted(JSON.parse(stored) as Device)))
      }
    }
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

  counters = (): Promise<readonly Count[]> => this.#all("counter")
  #uptime = 0
  uptime = (): Promise<number> => Promise.resolve(this.#uptime)
  saveUptime = (ms: number): Promise<void> => Promise.resolve(void (this.#uptime = ms))
  readonly #polls = new Map<string, ChannelPolls>()
  channelPolls = (): Promise<readonly ChannelPolls[]> => Promise.resolve([...this.#polls.values()])
  saveChannelPolls = (rows: readonly ChannelPolls[]): Promise<void> => {
    for (const row of rows) this.#polls.set(row.name, row)
    return Promise.resolve()
  }
  device = (id: string): Promise<Device | null> =>
    Promise.resolve(JSON.parse(this.#tables.device.get(id) ?? "null") as Device | null)

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
    const newest = new Map((await this.#all<Update>("update")).map((update) => [update.deviceId, update]))
    return deviceIds.flatMap((id) => newest.get(id) ?? [])
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
        (deviceId === undefined || event.deviceId === deviceId || this.#hasEnded(event, deviceId)) &&
        (rolloutId === undefined || event.rolloutId === rolloutId) &&
        (isCalledFor !== true || event.from !== null),
    )
    if (backwards === true) found.reverse()
    return Promise.resolve(found.slice(0, limit))
  }

  /** Whether an event of a rollout ended an update of the device, with those of others. */
  #hasEnded({ kind, at, rolloutId }: WaftEvent, deviceId: string): boolean {
    if (!Object.hasOwn(endingsOfMany, kind)) return false
    return [...this.#tables.update.values()].some((text) => {
      const { progress, ...update } = JSON.parse(text) as Update
      const isOver = progress.state === "cancelled" || progress.state === "superseded"
      return isOver && update.deviceId === deviceId && update.rolloutId === rolloutId && progress.since === at
    })
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
  | "counter"

function recordOf(change: Extract<Change, { put: unknown }>): {
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
