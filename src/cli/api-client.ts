import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { type Answer, type Call, type Endpoint, type EndpointName, endpoints } from "../core/contract/endpoints.ts"
import { mostRows } from "../core/contract/list.ts"
import type { EventView, Problem } from "../core/contract/schemas.ts"
import { createParser } from "eventsource-parser"
import { Failure } from "./failure.ts"
import { savedSession } from "./saved-sessions.ts"
import { demandOwn, demandOwnSocket, localFetch } from "./local-fetch.ts"

/** The parts of a call that an endpoint takes; those it does not take are left out. */
type Parts<Name extends EndpointName> = {
  readonly [Part in keyof Call<Name> as Call<Name>[Part] extends undefined ? never : Part]: Call<Name>[Part]
}

/** The calls that answer a page at a time. */
export type ListName = {
  [Name in EndpointName]: Answer<Name> extends { readonly items: readonly unknown[] } ? Name : never
}[EndpointName]
export type ItemOf<Name extends ListName> = Answer<Name>["items"][number]

/** What a list takes beside where its pages begin and end. */
type ListParts<Name extends ListName> = Omit<Parts<Name>, "query"> & {
  readonly query?: Omit<Call<Name>["query"], "cursor" | "limit">
}

/** The first rows of a list. */
export interface Some<Item> {
  readonly items: Item[]
  /** Rows of the whole list; null = it is not counted. */
  readonly total: number | null
  readonly hasMore: boolean
}

export interface ApiClient {
  readonly url: string
  /** Calls the server. Throws `Failure` with the server's own sentence. */
  readonly call: <Name extends EndpointName>(name: Name, parts: Parts<Name>) => Promise<Answer<Name>>
  /** All rows of a list, page after page. Throws as `call` does. */
  readonly list: <Name extends ListName>(name: Name, parts: ListParts<Name>) => Promise<ItemOf<Name>[]>
  /** At most so many rows of a list, and whether there are more. Throws as `call` does. */
  readonly some: <Name extends ListName>(
    name: Name,
    parts: ListParts<Name>,
    most: number,
  ) => Promise<Some<ItemOf<Name>>>
  /** A backup of the server, as a tar archive that is still to be verified. */
  readonly backup: () => Promise<Response>
  /**
   * The event log from after `from`, then as it grows; goes on after a lost connection without missing one. Throws `Failure`
   * when the server has not answered for `patienceMs`, 15 s unless told.
   */
  readonly events: (from: number, signal: AbortSignal, patienceMs?: number) => AsyncGenerator<EventView>
}

export interface ServerChoice {
  /** Data folder of a server on this machine. */
  readonly data?: string
}

/** A server's address as it is written everywhere. */
export function serverUrl(given: string): string {
  return given.replace(/\/+$/, "")
}

/**
 * Finds the server: WAFT_SERVER and WAFT_TOKEN or what `waft login` kept, else the data folder (`--data`, WAFT_DATA, ./waft-data). A server on this
 * machine is asked through the socket in its folder, which only its owner can reach: whatever else may listen on its
 * port by now never sees the token.
 */
export async function connect({ data }: ServerChoice): Promise<ApiClient> {
  const { WAFT_SERVER: server, WAFT_TOKEN: token, WAFT_DATA: envData } = process.env
  if (data === undefined && server !== undefined) {
    const url = serverUrl(server)
    const text = token ?? (await savedSession(url))
    if (text === null) {
      throw new Failure(
        "WAFT_SERVER is set but WAFT_TOKEN is not; set it to a token (`waft token add` makes one), or log in with `waft login USER`.",
      )
    }
    return client(url, text)
  }
  const folder = resolve(data ?? envData ?? "./waft-data")
  const { url, socket } = await announcement(folder)
  await demandOwn(folder)
  try {
    await demandOwnSocket(socket)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw noServer(folder)
  }
  return clientOf({ url, socket, folder, token: await readToken(folder) })
}

interface Announcement {
  readonly url: string
  readonly socket: string
}

async function announcement(folder: string): Promise<Announcement> {
  try {
    const found = JSON.parse(await readFile(join(folder, "server.json"), "utf8")) as Partial<Announcement>
    const { url, socket } = found
    if (typeof url === "string" && typeof socket === "string") return { url, socket }
  } catch {
    // Told below: there is none.
  }
  throw noServer(folder)
}

function noServer(folder: string): Failure {
  return new Failure(
    `No server uses the data folder ${folder}; start one with \`waft serve --data ${folder}\`, or name another with --data or WAFT_SERVER.`,
    { title: "no-server" },
  )
}

async function readToken(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, "admin-token"), "utf8")).trim()
  } catch (error) {
    throw new Failure(`The admin token of ${folder} cannot be read: ${(error as Error).message}.`)
  }
}

/** A client for a server whose URL and token are known. */
export function client(url: string, token: string): ApiClient {
  return clientOf({ url, token })
}

function clientOf(server: Server): ApiClient {
  return {
    url: server.url,
    call: (name, parts) => call(server, name, parts),
    list: async (name, parts) => (await some(server, name, parts, Number.POSITIVE_INFINITY)).items,
    some: (name, parts, most) => some(server, name, parts, most),
    backup: () => backup(server),
    events: (from, signal, patienceMs) => events(server, { from, signal, patienceMs }),
  }
}

interface Server {
  readonly url: string
  /** Where the server listens for its folder's owner; absent = it is asked at its URL. */
  readonly socket?: string
  /** The data folder of that socket. */
  readonly folder?: string
  readonly token: string
}

async function call<Name extends EndpointName>(server: Server, name: Name, parts: object): Promise<Answer<Name>> {
  const endpoint: Endpoint = endpoints[name]
  const { params, query, body } = parts as { params?: Record<string, string>; query?: object; body?: unknown }
  const path = endpoint.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params?.[key] ?? ""))
  const url = new URL(path, `${server.url}/`)
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.set(key, String(value))
  }
  const response = await request(server, url, {
    method: endpoint.method,
    ...(body === undefined ? {} : { body: endpoint.body === "bytes" ? (body as Uint8Array) : JSON.stringify(body) }),
    headers: {
      authorization: `Bearer ${server.token}`,
      ...(body === undefined
        ? {}
        : { "content-type": endpoint.body === "bytes" ? "application/octet-stream" : "application/json" }),
    },
  })
  if (!response.ok) throw await problemOf(response)
  return (await response.json()) as Answer<Name>
}

interface Page {
  readonly items: readonly unknown[]
  readonly total?: number
  readonly next: string | null
}

async function some<Name extends ListName>(
  server: Server,
  name: Name,
  { query, ...parts }: { readonly query?: object },
  most: number,
): Promise<Some<ItemOf<Name>>> {
  const items: unknown[] = []
  for (let cursor: string | null = null; ; ) {
    const from: object = cursor === null ? {} : { cursor }
    const limit = Math.min(mostRows, most - items.length)
    const page = (await call(server, name, { ...parts, query: { ...query, limit, ...from } })) as Page
    for (const item of page.items) items.push(item)
    cursor = page.next
    if (cursor === null || items.length >= most) {
      return { items: items as ItemOf<Name>[], total: page.total ?? null, hasMore: cursor !== null }
    }
  }
}

interface Fault {
  readonly code?: string
  readonly message?: string
}

async function request(server: Server, url: URL, init: RequestInit): Promise<Response> {
  try {
    if (server.socket === undefined) return await fetch(url, init)
    return await localFetch(server.socket, `${url.pathname}${url.search}`, init)
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") throw error
    const { cause = error as Fault } = error as { readonly cause?: Fault }
    const isNobody = cause.code === "ECONNREFUSED" || cause.code === "ENOENT"
    if (isNobody && server.folder !== undefined) throw noServer(server.folder)
    const why = isNobody ? "nothing listens there" : (cause.message ?? String(error))
    throw new Failure(`The server at ${server.url} cannot be reached: ${why}; is it running?`, { title: "no-server" })
  }
}

async function problemOf(response: Response): Promise<Failure> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as Problem
    return new Failure(problem.detail, { title: problem.title, status: response.status })
  } catch {
    const { status, statusText } = response
    // A proxy speaks for a server that does not answer it.
    const isGone = status >= 502 && status <= 504
    return new Failure(`The server answered ${status} ${statusText}.`, {
      status,
      ...(isGone ? { title: "no-server" } : {}),
    })
  }
}

async function backup(server: Server): Promise<Response> {
  const headers = { authorization: `Bearer ${server.token}` }
  const response = await request(server, new URL("/api/backup", server.url), { headers })
  if (!response.ok) throw await problemOf(response)
  return response
}

/** Between two tries to reach a server that does not answer, ms. */
const retryMs = 500

async function* events(
  server: Server,
  { from, signal, patienceMs = 15_000 }: { from: number; signal: AbortSignal; patienceMs?: number | undefined },
): AsyncGenerator<EventView> {
  let last = from
  for (let silentSince: number | null = null; ; ) {
    try {
      for await (const event of oneStream(server, last, signal)) {
        silentSince = null
        last = event.seq
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Failure && error.title !== "no-server") throw error
      silentSince ??= performance.now()
      if (performance.now() - silentSince > patienceMs) throw error
    }
    if (signal.aborted) return
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}

async function* oneStream(server: Server, from: number, signal: AbortSignal): AsyncGenerator<EventView> {
  const response = await request(server, new URL("/api/events", server.url), {
    headers: { authorization: `Bearer ${server.token}`, "last-event-id": String(from) },
    signal,
  })
  if (!response.ok || response.body === null) throw await problemOf(response)
  const arrived: EventView[] = []
  const parser = createParser({
    // What the stream itself says has no dot in its name; whoever is behind comes back for the rest.
    onEvent: ({ event = "", data }) => {
      if (event.includes(".")) arrived.push(JSON.parse(data) as EventView)
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
    yield* arrived.splice(0)
  }
}
