import type { Server } from "node:http"
import { Server as TlsServer } from "node:https"
import type { Socket } from "node:net"
import swagger from "@fastify/swagger"
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox"
import {
  type FastifyContextConfig,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from "fastify"
import type { TSchema } from "typebox"
import { type Endpoint, type EndpointName, endpoints } from "../../core/contract/endpoints.ts"
import { type Permit, permit, reachWords } from "../../core/contract/permit.ts"
import { Problem } from "../../core/contract/schemas.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { limits } from "../../core/kit/limits.ts"
import { sha256 } from "../fleet/ledger/seal.ts"
import { type Asked, FairTurns } from "../transports/http/fair-turns.ts"
import { cleanText } from "../../core/kit/clean-text.ts"
import { anybody, type Caller } from "../people/caller.ts"
import type { Visit } from "../people/sessions.ts"
import { withinGroup } from "../people/within.ts"
import { serveConsole } from "./console-files.ts"
import { addEventStream } from "./events/stream-route.ts"
import { addressOf, BodyBudget, bodyOf, guardHead, identify } from "./guard.ts"
import type { Around } from "./handler.ts"
import type { ApiNeeds } from "./api-needs.ts"
import { handlers } from "./handlers.ts"
import { openApiDocument } from "./openapi-document.ts"
import { addOperations, type OperationsNeeds } from "./operations.ts"
import { addProviderRoutes } from "./provider-routes.ts"
import { RepeatedCalls, repeatOf } from "./repeated-calls.ts"
import { isList, listReader, type ListSchema, listTypes } from "./streamed-list.ts"

/** Largest JSON body of a call that names no other, bytes. */
const bodyBytesByDefault = 256 << 10
/** Memory for them beside one file as large as may be published, bytes. */
const bodyRoomBytes = 64 << 20
/** A caller may take so long for the head of a request, and so long for all of it. */
const headTimeoutMs = 10_000
const requestTimeoutMs = 300_000

/** A certificate with those that issued it, and its key: PEM texts. */
export interface Credentials {
  readonly cert: string
  readonly key: string
}

export interface ApiOptions {
  readonly needs: ApiNeeds
  /** Whoever holds this token; null = it is none. */
  readonly callerBy: (token: string) => Caller | null
  /** The cookie that holds a session's text: servers on one machine have one each. */
  readonly cookieName: string
  /** Names beside `localhost` under which callers may reach the API, in lower case. */
  readonly hosts: readonly string[]
  /** Addresses of reverse proxies whose word about a caller's address is believed. */
  readonly proxies: readonly string[]
  /** Largest file that may be published, bytes. */
  readonly uploadLimitBytes: number
  readonly metrics: OperationsNeeds["metrics"]
  /** The folder of the built web console. */
  readonly consoleFolder: string
  /** Reports a bug of ours. */
  readonly complain: (what: string, error: unknown) => void
  /** PEM texts of certificate and key; null = plain HTTP. */
  readonly tls: Credentials | null
  /** Calls back now and then until the returned function is called. */
  readonly heartbeat: (beat: () => void) => () => void
  /** Calls back once, so many ms later. */
  readonly later: (deed: () => void, ms: number) => void
}

/** The management API as a Fastify server, not listening yet. Routes, checks and the OpenAPI document come from the contract. */
export async function buildApi(options: ApiOptions): Promise<FastifyInstance> {
  const api = fastify({
    ...serverOptions(options.tls),
    bodyLimit: bodyBytesByDefault,
    forceCloseConnections: true,
    // Without one nobody's word about an address is believed.
    trustProxy: options.proxies.length === 0 ? false : [...options.proxies],
    routerOptions: { maxParamLength: 300 },
    requestTimeout: requestTimeoutMs,
  }).setValidatorCompiler(TypeBoxValidatorCompiler)
  api.server.maxConnections = limits["api.connections"].most
  api.server.on("drop", () => options.needs.hits.hit("api.connections"))
  // A form of another site's page may send text without asking first; nothing here takes it.
  api.removeContentTypeParser("text/plain")
  guardRequests(api, options)
  api.addContentTypeParser("application/octet-stream", (request: FastifyRequest, body: AsyncIterable<Buffer>) =>
    readFile(request, body),
  )
  api.setErrorHandler((error, request, reply) => {
    const { code } = error as { readonly code?: string }
    const isTooLarge = code === "FST_ERR_CTP_BODY_TOO_LARGE"
    return answerProblem(options, isTooLarge ? tooLarge(request, request.routeOptions.bodyLimit) : error, reply)
  })
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
      components: {
        securitySchemes: {
          token: { type: "http", scheme: "bearer" },
          session: { type: "apiKey", in: "cookie", name: options.cookieName },
        },
      },
      servers: [{ url: "/", description: "the server that answers this document" }],
      security: [{ token: [] }, { session: [] }],
    },
  })
  // Within a plugin, so that the OpenAPI document sees every route.
  await api.register((routes, _options, done) => {
    addRoutes(routes, options)
    done()
  })
  await serveConsole(api, options.consoleFolder)
  return api
}

/** HTTP, or HTTPS: the routes are the same. */
function serverOptions(tls: Credentials | null): FastifyHttpOptions<Server> {
  const heads = { headersTimeout: headTimeoutMs, connectionsCheckingInterval: 2000, maxHeaderSize: 16_384 }
  if (tls === null) return { http: heads }
  const https = { ...heads, ...tls, handshakeTimeout: headTimeoutMs }
  // Its requests and replies are those of HTTP: nothing but the socket below tells them apart.
  return { https } as FastifyHttpOptions<Server>
}

/** Gives a listener with TLS another certificate: connections that are open keep the one they have. */
export function renewCertificate(api: FastifyInstance, { cert, key }: Credentials): void {
  if (api.server instanceof TlsServer) api.server.setSecureContext({ cert, key })
}

interface RouteConfig {
  readonly permit?: Permit | null
}

/** Who makes each request that is being answered. */
const callers = new WeakMap<FastifyRequest, Caller>()

/** Who makes a request; a call that everybody may make has nobody's rights. */
function callerOf(request: FastifyRequest): Caller {
  return callers.get(request) ?? anybody
}

/** Before a byte of the body: host, origin, token, and room for what the head announces. */
function guardRequests(api: FastifyInstance, options: ApiOptions): void {
  demandTurns(api, options)
  const budget = new BodyBudget({ bytes: options.uploadLimitBytes + bodyRoomBytes, bodies: limits["api.bodies"].most })
  api.addHook("onRequest", async (request, reply) => {
    const body = bodyOf(request.raw)
    // Whoever is refused has the body still to send; the connection ends instead of taking it.
    const refuse = (error: unknown): never => {
      if (body !== null) reply.header("Connection", "close")
      throw error
    }
    try {
      const caller = guardHead(options, request, (request.routeOptions.config as RouteConfig).permit)
      if (caller !== null) callers.set(request, caller)
      if (body === null) return
      const limit = request.routeOptions.bodyLimit
      if (body.sizeBytes !== null && body.sizeBytes > limit) throw tooLarge(request, limit)
      const giveBack = budget.take(body.sizeBytes ?? limit)
      if (giveBack === null) {
        options.needs.hits.hit("api.bodies")
        throw new Refusal("busy")
      }
      reply.raw.once("close", giveBack)
    } catch (error) {
      refuse(error)
    }
  })
}

/** Whoever sends requests ahead of their answers has no more turns than others. */
function demandTurns(api: FastifyInstance, { needs: { hits } }: ApiOptions): void {
  const turns = new FairTurns()
  const asked = new WeakMap<Socket, Asked>()
  api.addHook("onRequest", (request, reply, done) => {
    const { socket } = request.raw
    const own = asked.get(socket) ?? FairTurns.newcomer()
    asked.set(socket, own)
    if (turns.mayAsk(own)) return done()
    if (!socket.destroyed) hits.hit("http.pipelined")
    reply.hijack()
    socket.destroy()
  })
}

function tooLarge(request: FastifyRequest, limit: number): Refusal {
  const isFile = (request.headers["content-type"] ?? "").startsWith("application/octet-stream")
  return new Refusal(isFile ? "image-too-large" : "body-too-large", { limit })
}

function addRoutes(api: FastifyInstance, options: ApiOptions): void {
  const deeds = handlers(options.needs)
  const repeated = new RepeatedCalls(options.needs.clock.monotonic)
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const endpoint: Endpoint = endpoints[name]
    const deed = deeds[name] as (call: unknown, caller: Caller, around: Around) => unknown
    const act = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const caller = callerOf(request)
      const body = endpoint.body === "bytes" ? bodyBytes(request) : request.body
      const call = { params: request.params, query: request.query, body }
      const reached = await withinGroup(options.needs, caller, endpoint.permit?.reach ?? "everything", call)
      const repeat = endpoint.method === "POST" ? repeatOf(request, caller) : null
      const repeatId = repeat === null ? null : sha256(JSON.stringify(repeat))
      const answer = async () => deed(reached, caller, { ...around(options, request, reply), repeatId })
      return repeat === null ? answer() : repeated.once(repeat, answer)
    }
    const add = (routes: FastifyInstance): unknown =>
      routes.route({
        method: endpoint.method,
        url: endpoint.path,
        schema: routeSchema(name, endpoint),
        config: { permit: endpoint.permit } as FastifyContextConfig,
        bodyLimit:
          endpoint.body === "bytes" ? options.uploadLimitBytes : (endpoint.mostBodyBytes ?? bodyBytesByDefault),
        handler: async (request, reply) => {
          const answer = await act(request, reply)
          if (endpoint.makes === true) reply.code(201)
          return answer
        },
      })
    if (isList(endpoint.body)) addWithList(api, endpoint.body, add)
    else add(api)
  }
  let document: object | null = null
  api.get(
    "/api/openapi.json",
    { schema: { hide: true }, config: { permit: null } as FastifyContextConfig },
    () => (document ??= openApiDocument(api.swagger())),
  )
  addEventStream(api, {
    needs: { ...options.needs, ...options },
    callerOf,
    callerNow: (request) => identify(options, request),
  })
  addProviderRoutes(api, {
    ...options,
    visitOf: (request) => visitOf(request),
    keepSession: (request, reply, { text, session }) =>
      around(options, request, reply).keepCookie(text, session.expiresAt),
  })
  addBackup(api, options)
  addOperations(api, {
    whyNotReady: options.needs.whyNotReady,
    metrics: options.metrics,
    isKnown: (request) => identify(options, request) !== null,
  })
}

/** A route whose body is a long list reads it as it comes, and checks it so; it is not checked again. */
function addWithList(api: FastifyInstance, schema: ListSchema, add: (routes: FastifyInstance) => unknown): void {
  void api.register((routes, _options, done) => {
    routes.removeContentTypeParser("application/json")
    routes.addContentTypeParser([...listTypes], listReader(schema, tooLarge))
    routes.setValidatorCompiler((route) =>
      route.httpPart === "body" ? (value: unknown) => ({ value }) : TypeBoxValidatorCompiler(route as never),
    )
    add(routes)
    done()
  })
}

function around({ cookieName }: ApiOptions, request: FastifyRequest, reply: FastifyReply): Around {
  const secure = request.protocol === "https" ? "; Secure" : ""
  const setCookie = (value: string, more: string): void =>
    void reply.header("Set-Cookie", `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}; ${more}`)
  return {
    visit: visitOf(request),
    keepCookie: (text, expiresAt) => setCookie(text, `Expires=${new Date(expiresAt).toUTCString()}`),
    dropCookie: () => setCookie("", "Max-Age=0"),
    tag: ({ version = 1 }) => void reply.header("ETag", `"${version}"`),
    expected: expectedOf(request),
    repeatId: null,
  }
}

/** The version in `If-Match`, as an answer's `ETag` gave it. */
function expectedOf({ headers }: FastifyRequest): number | null {
  const text = headers["if-match"]
  if (text === undefined || text === "*") return null
  const version = /^"(\d{1,15})"$/.exec(text)?.[1]
  if (version === undefined) throw new Refusal("bad-request", { detail: "If-Match must be the ETag of an answer" })
  return Number(version)
}

function visitOf(request: FastifyRequest): Visit {
  return { from: addressOf(request), browser: cleanText(request.headers["user-agent"] ?? "", "label") }
}

function routeSchema(name: string, endpoint: Endpoint): Record<string, unknown> {
  const { summary, permit, params, query, body, response } = endpoint
  const tag = endpoint.path.split("/")[2] ?? "api"
  return {
    operationId: name,
    summary,
    ...(permit === null ? {} : { description: `Takes the role ${permit.role}; a group ${reachWords[permit.reach]}.` }),
    tags: [tag],
    ...(endpoint.permit === null ? { security: [] } : {}),
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined || body === "bytes" ? {} : { body }),
    ...(body === "bytes" ? { consumes: ["application/octet-stream"] } : {}),
    response: { [endpoint.makes === true ? 201 : 200]: response satisfies TSchema, "4xx": Problem, "5xx": Problem },
  }
}

/** A file as it comes: into one piece of memory where its size is announced, so that nothing is copied together at the end. */
async function readFile(request: FastifyRequest, body: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const { bodyLimit } = request.routeOptions
  const announced = bodyOf(request.raw)?.sizeBytes ?? null
  const whole = announced === null ? null : new Uint8Array(announced)
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    if (length + piece.length > bodyLimit) throw tooLarge(request, bodyLimit)
    if (whole === null) pieces.push(piece)
    else whole.set(piece, length)
    length += piece.length
  }
  return whole ?? Buffer.concat(pieces)
}

function bodyBytes(request: FastifyRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body
  throw new Refusal("bad-request", { detail: "the body must be the file itself, as application/octet-stream" })
}

const backingUp = { permit: permit("admin", "fleet") } as FastifyContextConfig

/** One at a time: each takes room in the data folder. */
function addBackup(api: FastifyInstance, { needs }: ApiOptions): void {
  let isTaken = false
  api.get("/api/backup", { schema: { hide: true }, config: backingUp }, async (_request, reply) => {
    if (isTaken) throw new Refusal("busy")
    isTaken = true
    reply.raw.once("close", () => (isTaken = false))
    return reply.header("Content-Type", "application/x-tar").send(await needs.backup())
  })
}

async function answerProblem(options: ApiOptions, error: unknown, reply: FastifyReply): Promise<void> {
  const problem = toProblem(options, error)
  await reply.code(problem.status).header("Content-Type", "application/problem+json").send(problem)
}

function toProblem(options: ApiOptions, error: unknown): Problem {
  if (error instanceof Refusal) return problem(error.code, error.status, error.message)
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string }
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
