import swagger from "@fastify/swagger"
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox"
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify"
import type { TSchema } from "typebox"
import { type Endpoint, type EndpointName, endpoints } from "../../core/contract/endpoints.ts"
import { Problem } from "../../core/contract/schemas.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { type ApiNeeds, handlers } from "./handlers.ts"
import { streamEvents } from "./stream-events.ts"

export interface ApiOptions {
  readonly needs: ApiNeeds
  /** Whether this is the admin token. */
  readonly isToken: (token: string) => boolean
  /** Largest file that may be published, bytes. */
  readonly uploadLimitBytes: number
  /** Reports a bug of ours. */
  readonly complain: (what: string, error: unknown) => void
  /** Calls back now and then until the returned function is called. */
  readonly heartbeat: (beat: () => void) => () => void
}

/** The management API as a Fastify server, not listening yet. Routes, checks and the OpenAPI document come from the contract. */
export async function buildApi(options: ApiOptions): Promise<FastifyInstance> {
  const api = fastify({
    bodyLimit: 32 << 20,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300 },
  }).setValidatorCompiler(TypeBoxValidatorCompiler)
  api.addContentTypeParser(
    "application/octet-stream",
    { parseAs: "buffer", bodyLimit: options.uploadLimitBytes },
    (_request, body, done) => done(null, body),
  )
  api.setErrorHandler((error, _request, reply) => answerProblem(options, error, reply))
  api.setNotFoundHandler((request, reply) =>
    answerProblem(options, new Refusal("no-such-route", { path: request.url.slice(0, 200) }), reply),
  )
  await api.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Waft management API",
        description: "Over-the-air updates for devices in the field. Refusals are RFC 9457 problem details.",
        version: options.needs.version,
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
  })
  // Within a plugin, so that the OpenAPI document sees every route.
  await api.register((routes, _options, done) => {
    addRoutes(routes, options)
    done()
  })
  return api
}

function addRoutes(api: FastifyInstance, options: ApiOptions): void {
  const deeds = handlers(options.needs)
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name]
    const deed = deeds[name] as (call: unknown) => unknown
    api.route({
      method: endpoint.method,
      url: endpoint.path,
      schema: routeSchema(name, endpoint),
      preHandler: async (request) => (endpoint.open === true ? undefined : requireToken(options, request)),
      handler: async (request) =>
        deed({
          params: request.params,
          query: request.query,
          body: endpoint.body === "bytes" ? bodyBytes(request) : request.body,
        }),
    })
  }
  api.get("/api/openapi.json", { schema: { hide: true } }, () => api.swagger())
  addEventStream(api, options)
}

function routeSchema(name: string, endpoint: Endpoint): Record<string, unknown> {
  const { summary, params, query, body, response } = endpoint
  const tag = endpoint.path.split("/")[2] ?? "api"
  return {
    operationId: name,
    summary,
    tags: [tag],
    ...(endpoint.open === true ? { security: [] } : {}),
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined || body === "bytes" ? {} : { body }),
    ...(body === "bytes" ? { consumes: ["application/octet-stream"] } : {}),
    response: { 200: response satisfies TSchema, "4xx": Problem, "5xx": Problem },
  }
}

function bodyBytes(request: FastifyRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body
  throw new Refusal("bad-request", { detail: "the body must be the file itself, as application/octet-stream" })
}

function requireToken({ isToken }: ApiOptions, request: FastifyRequest): void {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ")
  if (scheme?.toLowerCase() !== "bearer" || token === undefined || !isToken(token)) throw new Refusal("bad-token")
}

function addEventStream(api: FastifyInstance, options: ApiOptions): void {
  api.get("/api/events", { schema: { hide: true } }, async (request, reply) => {
    requireToken(options, request)
    const from = eventStreamStart(request)
    reply.hijack()
    reply.raw.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    })
    reply.raw.write(": waft events\n\n")
    try {
      await streamEvents(options.needs, reply.raw, { from, heartbeat: options.heartbeat })
    } catch (error) {
      options.complain("an event stream failed", error)
      reply.raw.destroy()
    }
  })
}

function eventStreamStart(request: FastifyRequest): number {
  const { after } = request.query as { readonly after?: string }
  const last = request.headers["last-event-id"]
  const text = (typeof last === "string" ? last : after) ?? "0"
  if (!/^\d{1,15}$/.test(text)) throw new Refusal("bad-request", { detail: "after must be a running number" })
  return Number(text)
}

async function answerProblem(options: ApiOptions, error: unknown, reply: FastifyReply): Promise<void> {
  const problem = toProblem(options, error)
  await reply.code(problem.status).header("Content-Type", "application/problem+json").send(problem)
}

function toProblem(options: ApiOptions, error: unknown): Problem {
  if (error instanceof Refusal) return problem(error.code, error.status, error.message)
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string }
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const tooLarge = new Refusal("image-too-large", { limit: options.uploadLimitBytes })
    return problem(tooLarge.code, tooLarge.status, tooLarge.message)
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return problem("bad-request", statusCode, `The request is not understood: ${message}.`)
  }
  if (code === "SQLITE_FULL") return problem("storage-full", 507, new Refusal("storage-full").message)
  options.complain("a request failed", error)
  return problem("bug", 500, "Something failed inside the server; its log says what.")
}

function problem(title: string, status: number, detail: string): Problem {
  return { type: "about:blank", title, status, detail }
}
