import { type CompiledQuery, type Kysely, Migrator } from "kysely"
import { type Actor, authorOf } from "../../core/domain/actor.ts"
import { firstSeal, type SealStart } from "../../core/domain/audit.ts"
import { endingsOfMany, type WaftEvent } from "../../core/domain/events/table.ts"
import type { Update } from "../../core/domain/records.ts"
import { sealed } from "../fleet/ledger/seal.ts"
import {
  AlreadyTaken,
  type Change,
  type ChannelPolls,
  type Count,
  type Seen,
  StaleRecord,
  type Store,
} from "../fleet/needs.ts"
import type {
  EventQuery,
  MessagePlace,
  MessageQuery,
  PageOf,
  TroubledDevice,
  UpdateQuery,
} from "../fleet/page-reads.ts"
import { DatabaseError, type Statement, type WaftDatabase } from "./database.ts"
import { type Dialect, migrations } from "./migrations.ts"
import {
  countMessagesQuery,
  countUpdatesQuery,
  messagePageQuery,
  newestUpdatesQuery,
  troubledDevicesQuery,
  updatePageQuery,
} from "./page-queries.ts"
import { PutStatements } from "./put-statements.ts"
import {
  auditEntryOf,
  channelOf,
  deltaOf,
  deviceOf,
  enrolmentOf,
  eventOf,
  groupOf,
  messageOf,
  releaseOf,
  rolloutOf,
  sessionOf,
  standingOf,
  tokenOf,
  updateOf,
  userOf,
  webhookOf,
} from "./rows.ts"
import type { Tables } from "./tables.ts"

/** At most this many changes share one transaction, so that no waiter waits for long. */
const batchLimit = 2000
/** Rows that are read at once. */
const rowsAtOnce = 2000

interface Waiting {
  readonly actor: Actor
  readonly changes: readonly Change[]
  readonly resolve: (events: readonly WaftEvent[]) => void
  readonly reject: (error: unknown) => void
}

/** The database was used by a version of this program that knows more. */
export class NewerDatabase extends Error {
  constructor(migration: string, cause: unknown) {
    super(`it was written by a newer version of waft (it has ${migration})`, { cause })
  }
}

/** Brings the schema up to date and opens the store. Throws `NewerDatabase`, and when a migration fails; nothing is half migrated. */
export async function openStore(database: WaftDatabase, dialect: Dialect): Promise<Store> {
  const migrator = new Migrator({ db: database.builder, provider: migrations(dialect) })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    const { message } = error as Error
    const unknown = /previously executed migration (\S+) is missing/.exec(message)?.[1]
    if (unknown !== undefined) throw new NewerDatabase(unknown, error)
    throw new Error(`the database could not be brought up to date: ${message}`, { cause: error })
  }
  const [last] = await database.query(
    database.builder.selectFrom("events").select(["seq", "seal"]).orderBy("seq", "desc").limit(1).compile(),
  )
  return new SqlStore(database, dialect, { seq: last?.seq ?? 0, seal: last?.seal ?? firstSeal.seal })
}

/** The store over any SQL database. Commits that arrive together share one sync to disk. */
class SqlStore implements Store {
  readonly #database: WaftDatabase
  readonly #builder: Kysely<Tables>
  readonly #statements: PutStatements
  #waiting: Waiting[] = []
  #flushing = false
  /** What was appended last. One process writes the log, one transaction after another. */
  #last: SealStart

  constructor(database: WaftDatabase, dialect: Dialect, last: SealStart) {
    this.#database = database
    this.#last = last
    this.#builder = database.builder
    this.#statements = new PutStatements(database.builder, dialect)
  }

  commit = (actor: Actor, changes: readonly Change[]): Promise<readonly WaftEvent[]> => {
    if (changes.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#waiting.push({ actor, changes, resolve, reject })
      if (!this.#flushing) void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    this.#flushing = true
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        const events = await this.#run(batch)
        settle(batch, events)
      } catch (error) {
        if (batch.length === 1) batch[0]?.reject(error)
        else await this.#runApart(batch)
      }
    }
    this.#flushing = false
  }

  #takeBatch(): Waiting[] {
    let size = 0
    let count = 0
    for (const { changes } of this.#waiting) {
      if (count > 0 && size + changes.length > batchLimit) break
      size += changes.length
      count++
    }
    return this.#waiting.splice(0, count)
  }

  /** One bad commit must not fail those that happened to share its transaction. */
  async #runApart(batch: readonly Waiting[]): Promise<void> {
    for (const waiting of batch) {
      try {
        waiting.resolve(await this.#run([waiting]))
      } catch (error) {
        waiting.reject(error)
      }
    }
  }

  async #run(batch: readonly Waiting[]): Promise<readonly WaftEvent[]> {
    const statements: Statement[] = []
    const appended: WaftEvent[] = []
    let last = this.#last
    const append = (actor: Actor, change: Extract<Change, { append: unknown }>): void => {
      const entry = sealed(last, actor, change)
      last = entry
      statements.push(this.#statements.append(entry))
      appended.push({ seq: entry.seq, actor: authorOf(actor), ...change.append })
    }
    for (const { actor, changes } of batch) {
      for (const change of changes) {
        if ("append" in change) append(actor, change)
        else statements.push(...this.#statements.of(change))
      }
    }
    await this.#database.transact(statements).catch((error: unknown) => {
      if (isTaken(error)) throw new AlreadyTaken((error as Error).message, { cause: error })
      if (error instanceof DatabaseError && error.code === "stale")
        throw new StaleRecord(error.message, { cause: error })
      throw error
    })
    this.#last = last
    return appended
  }

  devices = () =>
    this.#readAll(
      (after) => this.#builder.selectFrom("devices").selectAll().where("id", ">", after).orderBy("id"),
      ({ id }) => id,
      deviceOf,
    )
  releases = async () =>
    (await this.#read(this.#builder.selectFrom("releases").selectAll().orderBy("published_at"))).map(releaseOf)
  rollouts = async () =>
    (await this.#read(this.#builder.selectFrom("rollouts").selectAll().orderBy("number"))).map(rolloutOf)
  channels = async () =>
    (await this.#read(this.#builder.selectFrom("channels").selectAll().orderBy("name"))).map(channelOf)
  enrolments = async () =>
    (await this.#read(this.#builder.selectFrom("enrolments").selectAll().orderBy("created_at"))).map(enrolmentOf)
  tokens = async () =>
    (await this.#read(this.#builder.selectFrom("api_tokens").selectAll().orderBy("created_at"))).map(tokenOf)
  users = async () => (await this.#read(this.#builder.selectFrom("users").selectAll().orderBy("name"))).map(userOf)
  sessions = async () =>
    (await this.#read(this.#builder.selectFrom("sessions").selectAll().orderBy("created_at"))).map(sessionOf)
  webhooks = async () =>
    (await this.#read(this.#builder.selectFrom("webhooks").selectAll().orderBy("name"))).map(webhookOf)
  webhookStandings = async () =>
    (await this.#read(this.#builder.selectFrom("webhook_standings").selectAll().orderBy("name"))).map(standingOf)
  groups = async () =>
    (await this.#read(this.#builder.selectFrom("saved_groups").selectAll().orderBy("name"))).map(groupOf)
  deltas = async () => (await this.#read(this.#builder.selectFrom("deltas").selectAll().orderBy("at"))).map(deltaOf)
  messages = async () =>
    (await this.#read(this.#builder.selectFrom("messages").selectAll().orderBy("created_at"))).map(messageOf)
  seen = () =>
    this.#readAll(
      (after) => this.#builder.selectFrom("seen").selectAll().where("device_id", ">", after).orderBy("device_id"),
      ({ device_id }) => device_id,
      ({ device_id, at, peer, rhythm, up_at }): Seen => ({
        deviceId: device_id,
        at,
        peer,
        rhythm: rhythm ?? "",
        upAt: up_at ?? 0,
      }),
    )
  counters = async () =>
    (await this.#read(this.#builder.selectFrom("counters").selectAll().where("n", "!=", 0))).map(
      ({ rollout_id, phase, name, n }): Count => ({ rolloutId: rollout_id, phase, name: name as Count["name"], by: n }),
    )
  uptime = async () => {
    const [row] = await this.#read(this.#builder.selectFrom("clocks").select("ms").where("name", "=", "uptime"))
    return row?.ms ?? 0
  }
  saveUptime = async (ms: number) => {
    await this.#database.transact([this.#statements.uptime(ms)])
  }
  channelPolls = () => this.#read(this.#builder.selectFrom("channel_polls").selectAll())
  saveChannelPolls = async (rows: readonly ChannelPolls[]) => {
    await this.#database.transact(rows.map((row) => this.#statements.polls(row)))
  }
  device = async (id: string) => {
    const [row] = await this.#read(this.#builder.selectFrom("devices").selectAll().where("id", "=", id))
    return row === undefined ? null : deviceOf(row)
  }

  /** Reads a large table in parts: its rows must not all be in memory while they cross from the database. */
  async #readAll<Row, Value>(
    after: (key: string) => { readonly limit: (rows: number) => { readonly compile: () => CompiledQuery<Row> } },
    keyOf: (row: Row) => string,
    valueOf: (row: Row) => Value,
  ): Promise<readonly Value[]> {
    const values: Value[] = []
    for (let key: string | null = ""; key !== null; ) {
      const rows: readonly Row[] = await this.#read(after(key).limit(rowsAtOnce))
      for (const row of rows) values.push(valueOf(row))
      const last = rows[rowsAtOnce - 1]
      key = last === undefined ? null : keyOf(last)
    }
    return values
  }

  #read<Row>(query: { readonly compile: () => CompiledQuery<Row> }): Promise<readonly Row[]> {
    return this.#database.query(query.compile())
  }

  /** Rollout by rollout, over the range of ids that is its own: no page sorts what another has read. */
  liveUpdates = async () => {
    const unfinished = this.#builder.selectFrom("rollouts").select("id").where("state", "in", ["running", "paused"])
    const updates: Update[] = []
    for (const { id: rolloutId } of await this.#read(unfinished)) {
      for (const update of await this.updatesOfRollout(rolloutId)) updates.push(update)
    }
    // What a device is concluded to run stays offered to it, so that it can take that back; a silent one may still come.
    const concluded = this.#builder
      .selectFrom("updates as u")
      .innerJoin("devices", "devices.id", "u.device_id")
      .innerJoin("releases", "releases.id", "u.release_id")
      .select("u.id")
      .where("u.state", "=", "succeeded")
      .where("u.basis", "=", "concluded")
      .where("devices.running_evidence", "=", "concluded")
      .whereRef("devices.running_version", "=", "releases.version")
    const others = this.#builder
      .selectFrom("updates")
      .selectAll()
      .where("rollout_id", "not in", unfinished)
      .where((where) => where.or([where("over", "=", 0), where("state", "=", "no-show"), where("id", "in", concluded)]))
    const read = await this.#readAll(
      (after) => others.where("id", ">", after).orderBy("id"),
      ({ id }) => id,
      updateOf,
    )
    for (const update of read) updates.push(update)
    return updates
  }

  overtakenDevices = async (rolloutId: string) => {
    const query = this.#builder
      .selectFrom("updates as own")
      .innerJoin("rollouts as rollout", "rollout.id", "own.rollout_id")
      .innerJoin("updates as later", "later.device_id", "own.device_id")
      .innerJoin("rollouts as next", "next.id", "later.rollout_id")
      .select("own.device_id as id")
      .distinct()
      .where("own.rollout_id", "=", rolloutId)
      .whereRef("next.number", ">", "rollout.number")
    return (await this.#read(query)).map(({ id }) => id)
  }

  updatesOfRollout = (rolloutId: string) => {
    const own = this.#builder.selectFrom("updates").selectAll().where("id", "<", `${rolloutId}0`)
    return this.#readAll(
      (after) => own.where("id", ">", after === "" ? `${rolloutId}/` : after).orderBy("id"),
      ({ id }) => id,
      updateOf,
    )
  }

  updatesOfDevice = async (deviceId: string, limit: number) => {
    const query = this.#builder
      .selectFrom("updates")
      .innerJoin("rollouts", "rollouts.id", "updates.rollout_id")
      .selectAll("updates")
      .where("device_id", "=", deviceId)
      .orderBy("rollouts.number", "desc")
      .orderBy("updates.since", "desc")
      .limit(limit)
    return (await this.#read(query)).map(updateOf)
  }

  events = async (query: EventQuery) => (await this.#eventRows(query)).map(eventOf)
  auditEntries = async (query: EventQuery) => (await this.#eventRows(query)).map(auditEntryOf)

  updatePage = async (query: UpdateQuery, page: PageOf) =>
    (await this.#read(updatePageQuery(this.#builder, query, page))).map(updateOf)
  countUpdates = (query: UpdateQuery) => this.#count(countUpdatesQuery(this.#builder, query))
  newestUpdates = async (deviceIds: readonly string[]) =>
    deviceIds.length === 0 ? [] : (await this.#read(newestUpdatesQuery(this.#builder, deviceIds))).map(updateOf)
  troubledDevices = async () =>
    (await this.#read(troubledDevicesQuery(this.#builder))).map(
      ({ device_id, state }): TroubledDevice => ({ deviceId: device_id, state: state as TroubledDevice["state"] }),
    )
  messagePage = async (query: MessageQuery, page: PageOf<MessagePlace>) =>
    (await this.#read(messagePageQuery(this.#builder, query, page))).map(messageOf)
  countMessages = (query: MessageQuery) => this.#count(countMessagesQuery(this.#builder, query))

  async #count(query: { readonly compile: () => CompiledQuery<{ readonly count: number }> }): Promise<number> {
    const [row] = await this.#read(query)
    return row?.count ?? 0
  }

  async #eventRows({ after, before, limit, deviceId, rolloutId, isCalledFor, backwards }: EventQuery) {
    const page = () =>
      this.#builder
        .selectFrom("events")
        .selectAll("events")
        .where("events.seq", ">", after)
        .orderBy("events.seq", backwards === true ? "desc" : "asc")
        .limit(limit)
    const chosen = (query: ReturnType<typeof page>) => {
      let some = before === undefined ? query : query.where("events.seq", "<", before)
      if (rolloutId !== undefined) some = some.where("events.rollout_id", "=", rolloutId)
      return isCalledFor === true ? some.where("events.origin", "is not", null) : some
    }
    if (deviceId === undefined) return this.#read(chosen(page()))
    // What ended its updates together with many others is told once, of their rollout.
    const endings = this.#builder
      .selectFrom("updates as own")
      .innerJoin("events as told", (join) =>
        join.onRef("told.rollout_id", "=", "own.rollout_id").onRef("told.at", "=", "own.since"),
      )
      .select("told.seq")
      .where("own.device_id", "=", deviceId)
      .where("own.state", "in", ["cancelled", "superseded"])
      .where("told.device_id", "is", null)
      .where("told.kind", "in", Object.keys(endingsOfMany))
    const [own, together] = await Promise.all([
      this.#read(chosen(page().where("events.device_id", "=", deviceId))),
      this.#read(chosen(page().where("events.seq", "in", endings))),
    ])
    const order = backwards === true ? -1 : 1
    const both = together.length === 0 ? own : [...own, ...together].sort((a, b) => order * (a.seq - b.seq))
    return both.slice(0, limit)
  }

  lastEventSeq = async () => {
    const query = this.#builder.selectFrom("events").select((select) => select.fn.max("seq").as("seq"))
    const [row] = await this.#read(query)
    return row?.seq ?? 0
  }

  saveSeen = async (rows: readonly Seen[]) => {
    for (let from = 0; from < rows.length; from += batchLimit) {
      await this.#database.transact(rows.slice(from, from + batchLimit).map((row) => this.#statements.seen(row)))
    }
  }
}

/** A device's id or its login is there already: the only uniqueness that a caller can break. */
function isTaken(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  // SQLite's names, and PostgreSQL's unique_violation.
  return ["SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "23505"].includes(error.code)
}

function settle(batch: readonly Waiting[], events: readonly WaftEvent[]): void {
  let at = 0
  for (const { changes, resolve } of batch) {
    const count = changes.filter((change) => "append" in change).length
    resolve(events.slice(at, at + count))
    at += count
  }
}
