import {
  type ColumnDefinitionBuilder,
  type CreateTableBuilder,
  type Kysely,
  type Migration,
  type MigrationProvider,
  sql,
} from "kysely"

/** The SQL dialect in use; it decides only how a running number is made. */
export type Dialect = "sqlite" | "postgresql"

/** Numbered migrations, never edited once released. They run on SQLite and PostgreSQL alike. */
export function migrations(dialect: Dialect): MigrationProvider {
  return {
    getMigrations: () =>
      Promise.resolve({
        "0001-foundation": foundation(dialect),
        "0002-agents": agents,
        "0003-deltas": deltas,
        "0004-messages": messages,
        "0005-rollout-numbers": rolloutNumbers,
        "0006-plans": plans,
        "0007-authors": authors,
        "0008-rhythms": rhythms,
        "0009-enrolled-by": enrolledBy,
        "0010-people": people,
        "0011-audit": audit,
        "0012-pages": pages,
        "0013-users": users,
        "0014-webhooks": webhooks,
        "0015-published-by": publishedBy,
        "0016-groups": groups,
        "0017-release-rules": releaseRules,
        "0018-endings": endings,
        "0019-ledger": ledger,
        "0020-channel-polls": channelPolls,
        "0021-signatures": signatures,
      }),
  }
}

type Schema = Kysely<unknown>

const required = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull()

function foundation(dialect: Dialect): Migration {
  return {
    up: async (db: Schema) => {
      for (const table of [devices, seen, images, releases, rollouts, updates, channels]) await table(db).execute()
      await events(db, dialect).execute()
      await db.schema.createIndex("updates_by_device").on("updates").column("device_id").execute()
      await db.schema.createIndex("updates_by_rollout").on("updates").columns(["rollout_id", "state"]).execute()
      await db.schema.createIndex("updates_not_over").on("updates").columns(["over"]).execute()
      await db.schema.createIndex("events_by_device").on("events").columns(["device_id", "seq"]).execute()
      await db.schema.createIndex("events_by_rollout").on("events").columns(["rollout_id", "seq"]).execute()
    },
  }
}

/** Packages between exact versions, one-time credentials, devices that enrol themselves. */
const agents: Migration = {
  up: async (db: Schema) => {
    await db.schema.alterTable("releases").addColumn("source_version", "text").execute()
    await db.schema.alterTable("updates").addColumn("package_id", "text").execute()
    await db.schema.alterTable("updates").addColumn("ticket_user", "text").execute()
    await db.schema.alterTable("updates").addColumn("ticket_secret", "text").execute()
    await db.schema
      .alterTable("devices")
      .addColumn("admission", "text", (column) => column.notNull().defaultTo("accepted"))
      .execute()
    await enrolments(db).execute()
  },
}

/** Rollouts by a plan, and each device's place in it. */
const plans: Migration = {
  up: async (db: Schema) => {
    await db.schema.alterTable("rollouts").addColumn("plan", "text").execute()
    await db.schema.alterTable("rollouts").addColumn("marks", "text").execute()
    await db.schema.alterTable("updates").addColumn("place", "text").execute()
  },
}

/** How often each device comes. */
const rhythms: Migration = {
  up: async (db: Schema) => {
    await db.schema.alterTable("seen").addColumn("rhythm", "text").execute()
  },
}

const enrolments = (db: Schema): Table =>
  db.schema
    .createTable("enrolments")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("family", "text", required)
    .addColumn("secret", "text", required)
    .addColumn("labels", "text", required)
    .addColumn("admission", "text", required)
    .addColumn("created_at", "bigint", required)
    .addColumn("revoked_at", "bigint")

/** Patches between images, made or given up. */
const deltas: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("deltas")
      .addColumn("key", "text", (column) => column.primaryKey())
      .addColumn("from_sha256", "text", required)
      .addColumn("to_sha256", "text", required)
      .addColumn("state", "text", required)
      .addColumn("patch_sha256", "text")
      .addColumn("patch_size_bytes", "bigint")
      .addColumn("took_ms", "bigint", required)
      .addColumn("at", "bigint", required)
      .execute()
  },
}

/** Messages to devices, kept until their fate is known. */
const messages: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("messages")
      .addColumn("reference", "text", (column) => column.primaryKey())
      .addColumn("device_id", "text", required)
      .addColumn("to_number", "text", required)
      .addColumn("payload", "text", required)
      .addColumn("coding", "text", required)
      .addColumn("validity_seconds", "integer", required)
      .addColumn("created_at", "bigint", required)
      .addColumn("state", "text", required)
      .addColumn("carrier_reference", "text")
      .addColumn("sent_at", "bigint")
      .execute()
  },
}

/** Rollouts in the order in which they were started: the date of a machine may go back. */
const rolloutNumbers: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .alterTable("rollouts")
      .addColumn("number", "integer", (column) => column.notNull().defaultTo(0))
      .execute()
    await sql`update rollouts set number = (select count(*) from rollouts as earlier
      where earlier.started_at < rollouts.started_at
      or (earlier.started_at = rollouts.started_at and earlier.id <= rollouts.id))`.execute(db)
  },
}

/** Who did it. */
const authors: Migration = {
  up: async (db: Schema) => {
    await db.schema.alterTable("events").addColumn("actor", "text").execute()
  },
}

/** Which enrolment a device came by: each has bounds of its own. */
const enrolledBy: Migration = {
  up: (db: Schema) => db.schema.alterTable("devices").addColumn("enrolment_id", "text").execute(),
}

/** Tokens of programs and people. */
const people: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("api_tokens")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("name", "text", required)
      .addColumn("role", "text", required)
      .addColumn("group_expression", "text")
      .addColumn("hash", "text", required)
      .addColumn("created_at", "bigint", required)
      .addColumn("expires_at", "bigint")
      .addColumn("revoked_at", "bigint")
      .execute()
  },
}

/** From where, what changed, and a seal over every event. */
const audit: Migration = {
  up: async (db: Schema) => {
    for (const column of ["origin", "changes", "seal"]) {
      await db.schema.alterTable("events").addColumn(column, "text").execute()
    }
    await sql`create index events_called_for on events (seq) where origin is not null`.execute(db)
  },
}

/** Lists of updates go along an index, whatever they are filtered by. */
const pages: Migration = {
  up: async (db: Schema) => {
    await db.schema.dropIndex("updates_by_rollout").execute()
    await db.schema.createIndex("updates_by_state").on("updates").columns(["rollout_id", "state", "id"]).execute()
    await db.schema
      .createIndex("updates_by_code")
      .on("updates")
      .columns(["rollout_id", "code", "id"])
      .where(sql.ref("code"), "is not", null)
      .execute()
    await db.schema.createIndex("messages_by_time").on("messages").columns(["created_at", "reference"]).execute()
  },
}

/** People who log in, and their logins that last. */
const users: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("users")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("role", "text", required)
      .addColumn("group_expression", "text")
      .addColumn("password_hash", "text")
      .addColumn("subject", "text")
      .addColumn("created_at", "bigint", required)
      .execute()
    await db.schema
      .createTable("sessions")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("owner_kind", "text", required)
      .addColumn("owner_id", "text", required)
      .addColumn("basis", "text", required)
      .addColumn("hash", "text", required)
      .addColumn("created_at", "bigint", required)
      .addColumn("expires_at", "bigint", required)
      .addColumn("called_from", "text", required)
      .addColumn("browser", "text", required)
      .execute()
  },
}

/** Groups of devices under names. */
const groups: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("saved_groups")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("filter", "text")
      .addColumn("ids", "text")
      .addColumn("changed_at", "bigint", required)
      .execute()
  },
}

/** Other servers that are told of events, and how far each has come. */
const webhooks: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("webhooks")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("url", "text", required)
      .addColumn("kinds", "text", required)
      .addColumn("secret", "text", required)
      .addColumn("created_at", "bigint", required)
      .execute()
    await db.schema
      .createTable("webhook_standings")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("seq", "bigint", required)
      .addColumn("state", "text", required)
      .addColumn("failing_since", "bigint")
      .addColumn("failures", "integer", required)
      .addColumn("trouble", "text")
      .addColumn("delivered_at", "bigint")
      .execute()
  },
}

/** Who published a release: somebody else approves it. */
const publishedBy: Migration = {
  up: (db: Schema) => db.schema.alterTable("releases").addColumn("published_by", "text").execute(),
}

/** What releases demand before they are installed. */
const releaseRules: Migration = {
  up: (db: Schema) => db.schema.alterTable("releases").addColumn("rules", "text").execute(),
}

/** What is told once of many devices, of a rollout as a whole: a device's own history looks it up. */
const endings: Migration = {
  up: (db: Schema) =>
    db.schema
      .createIndex("events_of_rollouts")
      .on("events")
      .columns(["rollout_id", "at"])
      .where(sql.ref("device_id"), "is", null)
      .execute(),
}

/** Versions of records, counters of rollouts, and silence on a clock that stands still while no server is up. */
const ledger: Migration = {
  up: async (db: Schema) => {
    for (const table of ["devices", "rollouts", "updates"]) {
      await db.schema
        .alterTable(table)
        .addColumn("version", "bigint", (column) => column.notNull().defaultTo(1))
        .execute()
    }
    await db.schema.alterTable("updates").addColumn("due_at", "bigint").execute()
    await db.schema.alterTable("seen").addColumn("up_at", "bigint").execute()
    await db.schema
      .createTable("counters")
      .addColumn("rollout_id", "text", required)
      .addColumn("phase", "integer", required)
      .addColumn("name", "text", required)
      .addColumn("n", "double precision", required)
      .addPrimaryKeyConstraint("counters_key", ["rollout_id", "phase", "name"])
      .execute()
    await db.schema
      .createTable("clocks")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("ms", "bigint", required)
      .execute()
  },
}

/** How often a channel was asked: what is counted of it, beside what people say of it. */
const channelPolls: Migration = {
  up: async (db: Schema) => {
    await db.schema
      .createTable("channel_polls")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("polls", "bigint", required)
      .execute()
  },
}

/** Who vouches for a release. */
const signatures: Migration = {
  up: (db: Schema) => db.schema.alterTable("releases").addColumn("signatures", "text").execute(),
}

type Table = CreateTableBuilder<string, string>

const devices = (db: Schema): Table =>
  db.schema
    .createTable("devices")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("family", "text", required)
    .addColumn("model", "text", required)
    .addColumn("labels", "text", required)
    .addColumn("access_user", "text", (column) => column.notNull().unique())
    .addColumn("access_secret", "text", required)
    .addColumn("family_state", "text", required)
    .addColumn("running_version", "text")
    .addColumn("running_evidence", "text", required)
    .addColumn("added_at", "bigint", required)

const seen = (db: Schema): Table =>
  db.schema
    .createTable("seen")
    .addColumn("device_id", "text", (column) => column.primaryKey())
    .addColumn("at", "bigint", required)
    .addColumn("peer", "text", required)

const images = (db: Schema): Table =>
  db.schema
    .createTable("images")
    .addColumn("sha256", "text", (column) => column.primaryKey())
    .addColumn("size_bytes", "bigint", required)

const releases = (db: Schema): Table =>
  db.schema
    .createTable("releases")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("family", "text", required)
    .addColumn("version", "text", required)
    .addColumn("models", "text", required)
    .addColumn("image_sha256", "text", required)
    .addColumn("image_size_bytes", "bigint", required)
    .addColumn("file_name", "text", required)
    .addColumn("details", "text", required)
    .addColumn("notes", "text", required)
    .addColumn("state", "text", required)
    .addColumn("published_at", "bigint", required)

const rollouts = (db: Schema): Table =>
  db.schema
    .createTable("rollouts")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("release_ids", "text", required)
    .addColumn("group_expression", "text")
    .addColumn("state", "text", required)
    .addColumn("silence_timeout_ms", "bigint", required)
    .addColumn("started_at", "bigint", required)
    .addColumn("ended_at", "bigint")

const updates = (db: Schema): Table =>
  db.schema
    .createTable("updates")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("rollout_id", "text", required)
    .addColumn("device_id", "text", required)
    .addColumn("release_id", "text", required)
    .addColumn("state", "text", required)
    .addColumn("over", "integer", required)
    .addColumn("attempt", "integer", required)
    .addColumn("basis", "text", required)
    .addColumn("since", "bigint", required)
    .addColumn("sentence", "text", required)
    .addColumn("code", "text")
    .addColumn("offer", "text")
    .addColumn("image_sha256", "text")
    .addColumn("image_size_bytes", "bigint")
    .addColumn("offer_reason", "text")
    .addColumn("pull", "text", required)

const channels = (db: Schema): Table =>
  db.schema
    .createTable("channels")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("family", "text", required)
    .addColumn("access_user", "text", (column) => column.notNull().unique())
    .addColumn("access_secret", "text", required)
    .addColumn("release_id", "text")
    .addColumn("version", "text")
    .addColumn("offer", "text")
    .addColumn("image_sha256", "text")
    .addColumn("image_size_bytes", "bigint")
    .addColumn("warning", "text")
    .addColumn("changed_at", "bigint", required)

const events = (db: Schema, dialect: Dialect): Table =>
  db.schema
    .createTable("events")
    .addColumn("seq", dialect === "sqlite" ? "integer" : "bigserial", (column) =>
      dialect === "sqlite" ? column.primaryKey().autoIncrement() : column.primaryKey(),
    )
    .addColumn("at", "bigint", required)
    .addColumn("kind", "text", required)
    .addColumn("device_id", "text")
    .addColumn("rollout_id", "text")
    .addColumn("release_id", "text")
    .addColumn("basis", "text")
    .addColumn("sentence", "text", required)
    .addColumn("data", "text", required)
