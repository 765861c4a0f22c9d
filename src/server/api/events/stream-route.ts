import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from "fastify"
import { eventStream, type EventStreamQuery } from "../../../core/contract/event-stream.ts"
import { reachWords } from "../../../core/contract/permit.ts"
import { Problem } from "../../../core/contract/schemas.ts"
import { eventFilter } from "../../../core/domain/events/filter.ts"
import { Refusal } from "../../../core/domain/refusal.ts"
import type { Caller } from "../../people/caller.ts"
import { eventsFor, type EventsForNeeds } from "../../people/within.ts"
import { EventStreams, type StreamNeeds } from "./event-streams.ts"

export interface StreamRoute {
  readonly needs: StreamNeeds & EventsForNeeds
  readonly callerOf: (request: FastifyRequest) => Caller
  /** Who the request's token belongs to now; null = nobody any more. */
  readonly callerNow: (request: FastifyRequest) => Caller | null
}

/** `GET /api/events`: the event log as server-sent events. */
export function addEventStream(api: FastifyInstance, { needs, callerOf, callerNow }: StreamRoute): void {
  const streams = new EventStreams(needs)
  const { path, permit, summary, query, answer } = eventStream
  const schema = {
    operationId: "streamEvents",
    summary,
    description: `Takes the role ${permit.role}; a group ${reachWords[permit.reach]}.`,
    tags: ["events"],
    querystring: query,
    headers: eventStream.headers,
    response: { 200: answer, "4xx": Problem, "5xx": Problem },
  }
  api.get(path, { schema, config: { permit } as FastifyContextConfig }, async (request, reply) => {
    streams.demandRoom()
    const caller = callerOf(request)
    const asked = request.query as EventStreamQuery
    const isWanted = eventFilter(asked)
    const isTheirs = eventsFor(needs, caller)
    const isWhole = caller.role === "admin" && Object.keys(asked).every((key) => key === "after")
    const from = startOf(request)
    reply.hijack()
    reply.raw.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    })
    const reader = {
      from,
      chosen: asked,
      isFor: isWhole ? null : (event: Parameters<typeof isWanted>[0]) => isWanted(event) && isTheirs(event),
      isWelcome: () => {
        const now = callerNow(request)
        return now !== null && now.role === caller.role && now.group === caller.group
      },
    }
    try {
      await streams.tell(reply.raw, reader)
    } catch (error) {
      needs.complain("an event stream failed", error)
      reply.raw.destroy()
    }
  })
}

/** A browser that lost its connection sends the last number that it has heard. */
function startOf(request: FastifyRequest): number | "now" {
  const { after } = request.query as EventStreamQuery
  const last = request.headers["last-event-id"]
  const text = (typeof last === "string" ? last : after) ?? "0"
  if (text === "now") return "now"
  if (!/^\d{1,15}$/.test(text)) throw new Refusal("bad-request", { detail: "Last-Event-ID must be a running number" })
  return Number(text)
}
