import { type CompiledQuery, type Kysely, sql } from "kysely"
import type { AuditEntry } from "../../core/domain/audit.ts"
import type { Change, Seen } from "../fleet/needs.ts"
import type { Statement } from "./database.ts"
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

/**
 * The statements of changes. Kysely takes longer to build one than SQLite to run it, so each is built once: the rows of a
 * table have the same columns in the same order every time.
 */
export class PutStatements {
  readonly #builder: Kysely<Tables>
  readonly #texts = new Map<string, string>()

  constructor(builder: Kysely<Tables>) {
    this.#builder = builder
  }

  /** The statements of one change that appends no event. */
  of(change: RecordChange): readonly Statement[] {
    if ("remove" in change && change.remove === "device") return this.#removeDevice(change.id)
    return [this.#one(change)]
  }

  #one(change: RecordChange): Statement {
    if ("add" in change) return this.#add(deviceRow(change.device))
    if ("remove" in change) return this.#remove(change.remove, change.id)
    const { table, key, row } = putTable[change.put] as PutRow
    return this.#upsert(table, key, row(change as never))
  }

  seen({ deviceId, at, peer, rhythm }: Seen): Statement {
    return this.#upsert("seen", "device_id", { device_id: deviceId, at, peer, rhythm })
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
