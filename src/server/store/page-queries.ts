import { type CompiledQuery, type Kysely, type Selectable, sql } from "kysely"
import type { MessagePlace, MessageQuery, PageOf, UpdateQuery } from "../fleet/page-reads.ts"
import type { Tables } from "./tables.ts"

/** The queries behind lists. Each reads along one index from where its page begins. */

type Builder = Kysely<Tables>
/** A query, however it was built. */
interface Query<Row> {
  readonly compile: () => CompiledQuery<Row>
}
type UpdateRow = Selectable<Tables["updates"]>
type MessageRow = Selectable<Tables["messages"]>
interface CountRow {
  readonly count: number
}

const orderOf = (backwards: boolean) => (backwards ? ("desc" as const) : ("asc" as const))

function chosenUpdates(builder: Builder, { rolloutId, state, code }: UpdateQuery) {
  const updates = builder.selectFrom("updates")
  // The ids of a rollout's updates are a range of their own, along which its pages go.
  if (state === undefined && code === undefined) {
    return updates.where("id", ">", `${rolloutId}/`).where("id", "<", `${rolloutId}0`)
  }
  const own = updates.where("rollout_id", "=", rolloutId)
  const ofState = state === undefined ? own : own.where("state", "=", state)
  return code === undefined ? ofState : ofState.where("code", "=", code)
}

export function updatePageQuery(
  builder: Builder,
  query: UpdateQuery,
  { after, limit, backwards }: PageOf,
): Query<UpdateRow> {
  const all = chosenUpdates(builder, query).selectAll()
  const rest = after === null ? all : all.where("id", backwards ? "<" : ">", after)
  return rest.orderBy("id", orderOf(backwards)).limit(limit)
}

export function countUpdatesQuery(builder: Builder, query: UpdateQuery): Query<CountRow> {
  return chosenUpdates(builder, query).select((select) => select.fn.countAll<number>().as("count"))
}

/** For at least one device. */
export function newestUpdatesQuery(builder: Builder, deviceIds: readonly string[]): Query<UpdateRow> {
  // A few lengths only, so that there are a few texts only: each is compiled once.
  const length = 2 ** Math.ceil(Math.log2(deviceIds.length))
  const wanted = Array.from({ length }, (_, i) => deviceIds[Math.min(i, deviceIds.length - 1)] ?? "")
  return builder
    .selectFrom(
      builder
        .selectFrom("updates")
        .innerJoin("rollouts", "rollouts.id", "updates.rollout_id")
        .selectAll("updates")
        .select(
          sql<number>`row_number() over (partition by updates.device_id order by rollouts.number desc, updates.since desc)`.as(
            "age",
          ),
        )
        .where("updates.device_id", "in", wanted)
        .as("aged"),
    )
    .selectAll()
    .where("age", "=", 1)
}

const troubles = ["failed", "no-show", "declined"] as const

export function troubledDevicesQuery(builder: Builder): Query<{ readonly device_id: string; readonly state: string }> {
  const troubled = builder.selectFrom("updates").select("device_id").where("state", "in", troubles)
  return builder
    .selectFrom(
      builder
        .selectFrom("updates")
        .innerJoin("rollouts", "rollouts.id", "updates.rollout_id")
        .select(["updates.device_id", "updates.state"])
        .select(
          sql<number>`row_number() over (partition by updates.device_id order by rollouts.number desc, updates.since desc)`.as(
            "age",
          ),
        )
        .where("updates.device_id", "in", troubled)
        .as("aged"),
    )
    .select(["device_id", "state"])
    .where("age", "=", 1)
    .where("state", "in", troubles)
}

function chosenMessages(builder: Builder, { deviceId }: MessageQuery) {
  const all = builder.selectFrom("messages")
  return deviceId === undefined ? all : all.where("device_id", "=", deviceId)
}

export function messagePageQuery(builder: Builder, query: MessageQuery, page: PageOf<MessagePlace>): Query<MessageRow> {
  const { after, limit, backwards } = page
  const sign = backwards ? "<" : ">"
  let rows = chosenMessages(builder, query).selectAll()
  if (after !== null) {
    const { createdAt, reference } = after
    rows = rows.where((where) =>
      where.or([
        where("created_at", sign, createdAt),
        where.and([where("created_at", "=", createdAt), where("reference", sign, reference)]),
      ]),
    )
  }
  return rows.orderBy("created_at", orderOf(backwards)).orderBy("reference", orderOf(backwards)).limit(limit)
}

export function countMessagesQuery(builder: Builder, query: MessageQuery): Query<CountRow> {
  return chosenMessages(builder, query).select((select) => select.fn.countAll<number>().as("count"))
}
