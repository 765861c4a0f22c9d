import { type CompiledQuery, type Kysely, sql } from "kysely"
import type { AuditEntry } from "../../core/domain/audit.ts"
import { type BulkChange, type Change, type ChannelPolls, type Count, isBulk, type Seen } from "../fleet/needs.ts"
import { bulkStatements } from "./bulk-statements.ts"
import type { Statement } from "./database.ts"
import type { Dialect } from "./migrations.ts"
import {
  channelRow,
  deltaRow,
  deviceRow,
  enrolmentRow,
  eventRow,
  groupRow,
  messageRow,
  releaseRow,
  rolloutRow,
  sessionRow,
  standingRow,
  tokenRow,
  updateRow,
  userRow,
  webhookRow,
} from "./rows.ts"
import type { Tables } from "./tables.ts"

type Row = Readonly<Record<string, unknown>>
type Put = Extract<Change, { put: string }>
/** A change that is no event. */
export type RecordChange = Exclude<Change, { append: unknown }>

interface PutRow {
  readonly table: keyof Tables
  readonly key: string
  readonly row: (put: never) => Row
}

/** Where each kind of record stands, and the column that tells one from another. */
const putTable = {
  device: { table: "devices", key: "id", row: ({ device }) => deviceRow(device) },
  release: { table: "releases", key: "id", row: ({ release }) => releaseRow(release) },
  rollout: { table: "rollouts", key: "id", row: ({ rollout }) => rolloutRow(rollout) },
  update: { table: "updates", key: "id", row: ({ update }) => updateRow(update) },
  channel: { table: "channels", key: "name", row: ({ channel }) => channelRow(channel) },
  enrolment: { table: "enrolments", key: "id", row: ({ enrolment }) => enrolmentRow(enrolment) },
  token: { table: "api_tokens", key: "id", row: ({ token }) => tokenRow(token) },
  user: { table: "users", key: "name", row: ({ user }) => userRow(user) },
  session: { table: "sessions", key: "id", row: ({ session }) => sessionRow(session) },
  webhook: { table: "webhooks", key: "name", row: ({ webhook }) => webhookRow(webhook) },
  standing: { table: "webhook_standings", key: "name", row: ({ standing }) => standingRow(standing) },
  group: { table: "saved_groups", key: "name", row: ({ group }) => groupRow(group) },
  delta: { table: "deltas", key: "key", row: ({ delta }) => deltaRow(delta) },
  message: { table: "messages", key: "reference", row: ({ message }) => messageRow(message) },
  image: {
    table: "images",
    key: "sha256",
    row: ({ image }) => ({ sha256: image.sha256, size_bytes: image.sizeBytes }),
  },
} as const satisfies {
  readonly [Kind in Put["put"]]: PutRow & { readonly row: (put: Extract<Put, { put: Kind }>) => Row }
}

/** Records that are saved only over the version that they were read at. */
const versioned: ReadonlySet<string> = new Set(["devices", "rollouts", "updates"])

/**
 * The statements of changes. Kysely takes longer to build one than SQLite to run it, so each is built once: the rows of a
 * table have the same columns in the same order every time.
 */
export class PutStatements {
  readonly #builder: Kysely<Tables>
  readonly #dialect: Dialect
  readonly #texts = new Map<string, string>()

  constructor(builder: Kysely<Tables>, dialect: Dialect) {
    this.#builder = builder
    this.#dialect = dialect
  }

  /** The statements of one change that appends no event. */
  of(change: RecordChange): readonly Statement[] {
    if ("remove" in change && change.remove === "device") return this.#removeDevice(change.id)
    if ("count" in change) return change.count.map((count) => this.#count(count))
    if (isBulk(change)) return bulkStatements(this.#dialect, change)
    return [this.#one(change)]
  }

  #one(change: Exclude<RecordChange, BulkChange>): Statement {
    if ("add" in change) return this.#add(deviceRow(change.device))
    if ("remove" in change) return this.#remove(change.remove, change.id)
    if ("count" in change) throw new Error("counters have statements of their own")
    const { table, key, row } = putTable[change.put] as PutRow
    const values = row(change as never)
    return versioned.has(table) ? this.#putVersion(table, values) : this.#upsert(table, key, values)
  }

  seen({ deviceId, at, peer, rhythm, upAt }: Seen): Statement {
    return this.#upsert("seen", "device_id", { device_id: deviceId, at, peer, rhythm, up_at: upAt })
  }

  polls(counted: ChannelPolls): Statement {
    return this.#upsert("channel_polls", "name", { ...counted })
  }

  uptime(ms: number): Statement {
    return this.#upsert("clocks", "name", { name: "uptime", ms })
  }

  #count({ rolloutId, phase, name, by }: Count): Statement {
    const text = `insert into counters (rollout_id, phase, name, n) values (?, ?, ?, ?) on conflict (rollout_id, phase, name) do update set n = counters.n + excluded.n`
    return { sql: text, parameters: [rolloutId, phase, name, by] }
  }

  /** A new record is inserted, a later version goes only over the one before it. */
  #putVersion(table: keyof Tables, row: Row): Statement {
    const { id, ...others } = row
    const version = Number(others["version"])
    if (version === 1) {
      return this.#once(`insert ${table}`, Object.values(row), () =>
        this.#builder.insertInto(table).values(row).compile(),
      )
    }
    const sets = Object.keys(others)
      .map((column) => `${column} = ?`)
      .join(", ")
    return {
      sql: `update ${table} set ${sets} where id = ? and version = ?`,
      parameters: [...Object.values(others), id, version - 1],
      mustChange: true,
    }
  }

  #add(row: Row): Statement {
    return this.#once("add-device", Object.values(row), () =>
      this.#builder
        .insertInto("devices")
        .values(row as never)
        .compile(),
    )
  }

  append(entry: AuditEntry): Statement {
    const row = eventRow(entry)
    return this.#once("append", Object.values(row), () => this.#builder.insertInto("events").values(row).compile())
  }

  /** Its last contact goes with it; its history stays in the log. */
  #removeDevice(id: string): readonly Statement[] {
    return [
      this.#builder.deleteFrom("devices").where("id", "=", id).compile(),
      this.#builder.deleteFrom("seen").where("device_id", "=", id).compile(),
    ]
  }

  #remove(kind: Put["put"], key: string): Statement {
    const { table, key: column } = putTable[kind]
    return this.#once(`remove-${kind}`, [key], () =>
      this.#builder.deleteFrom(table).where(sql.ref(column), "=", key).compile(),
    )
  }

  #upsert(table: keyof Tables, key: string, row: Row): Statement {
    return this.#once(table, Object.values(row), () => {
      const others = Object.keys(row).filter((column) => column !== key)
      return this.#builder
        .insertInto(table)
        .values(row)
        .onConflict((conflict) =>
          conflict
            .column(key as never)
            .doUpdateSet(Object.fromEntries(others.map((column) => [column, sql.ref(`excluded.${column}`)]))),
        )
        .compile()
    })
  }

  #once(name: string, parameters: readonly unknown[], build: () => CompiledQuery): Statement {
    let text = this.#texts.get(name)
    if (text === undefined) {
      text = build().sql
      this.#texts.set(name, text)
    }
    return { sql: text, parameters }
  }
}
