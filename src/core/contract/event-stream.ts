import { type Static, Type } from "typebox"
import { EventFilters, endpoints } from "./endpoints.ts"
import { Query } from "./list.ts"

const query = Query({
  after: Type.Optional(
    Type.String({
      pattern: "^(now|\\d{1,15})$",
      default: "0",
      description: "the running number after which it begins; now = only what happens from now on",
    }),
  ),
  ...EventFilters,
})
export type EventStreamQuery = Static<typeof query>

/**
 * The event log as server-sent events, from where the reader was and without a gap. It is no endpoint: it answers for as long as
 * somebody reads. Beside the log's own kinds, all of which have a dot in their names, it tells `heartbeat`
 * (`{ at, seq }`: everything up to that number has been told) and, before it closes a stream whose reader does not keep up,
 * `behind` (`{ seq }`: the number to go on from).
 */
export const eventStream = {
  path: "/api/events",
  permit: endpoints.listEvents.permit,
  summary: "The event log as it grows, as server-sent events; `id` is the running number",
  query,
  headers: Type.Object({
    "last-event-id": Type.Optional(
      Type.String({ maxLength: 20, description: "the last number that was heard; it wins over `after`" }),
    ),
  }),
  answer: {
    description:
      "Each event's `event` is its kind and its `data` what GET /api/events/list gives; heartbeat and behind have no dot in their names.",
    content: { "text/event-stream": { schema: Type.String() } },
  },
} as const
