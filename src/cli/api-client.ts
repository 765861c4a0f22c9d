import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { type Answer, type Call, type Endpoint, type EndpointName, endpoints } from "../core/contract/endpoints.ts"
import type { EventView, Problem } from "../core/contract/schemas.ts"
import { createParser } from "eventsource-parser"
import { Failure } from "./failure.ts"

/** The parts of a call that an endpoint takes; those it does not take are left out. */
type Parts<Name extends EndpointName> = {
  readonly [Part in keyof Call<Name> as Call<Name>[Part] extends undefined ? never : Part]: Call<Name>[Part]
}

export interface ApiClient {
  readonly url: string
  /** Calls the server. Throws `Failure` with the server's own sentence. */
  readonly call: <Name extends EndpointName>(name: Name, parts: Parts<Name>) => Promise<Answer<Name>>
  /** The event log from after `from`, then as it grows; goes on after a lost connection without missing one. */
  readonly events: (from: number, signal: AbortSignal) => AsyncGenerator<EventView>
}

export interface ServerChoice {
  /** Data folder of a server on this machine. */
  readonly data?: string
}

/** Finds the server: WAFT_SERVER and WAFT_TOKEN, else the data folder (`--data`, WAFT_DATA, ./waft-data). */
export async function connect({ data }: ServerChoice): Promise<ApiClient> {
  const { WAFT_SERVER: server, WAFT_TOKEN: token, WAFT_DATA: envData } = process.env
  if (data === undefined && server !== undefined) {
    if (token === undefined) throw new Failure("WAFT_SERVER is set but WAFT_TOKEN is not; set it to the admin token.")
    return client(server.replace(/\/+$/, ""), token)
  }
  const folder = resolve(data ?? envData ?? "./waft-data")
  return client(await serverUrl(folder), await readToken(folder))
}

async function serverUrl(folder: string): Promise<string> {
  try {
    const { url } = JSON.parse(await readFile(join(folder, "server.json"), "utf8")) as { readonly url: string }
    return url
  } catch {
    throw new Failure(
      `No server uses the data folder ${folder}; start one with \`waft serve --data ${folder}\`, or name another with --data or WAFT_SERVER.`,
      { title: "no-server" },
    )
  }
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
  return {
    url,
    call: (name, parts) => call({ url, token }, name, parts),
    events: (from, signal) => events({ url, token }, from, signal),
  }
}

interface Server {
  readonly url: string
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

async function request(server: Server, url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error
    const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
    const why = cause?.code === "ECONNREFUSED" ? "nothing listens there" : (cause?.message ?? String(error))
    throw new Failure(`The server at ${server.url} cannot be reached: ${why}; is it running?`, { title: "no-server" })
  }
}

async function problemOf(response: Response): Promise<Failure> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as Problem
    return new Failure(problem.detail, { title: problem.title })
  } catch {
    return new Failure(`The server answered ${response.status} ${response.statusText}.`)
  }
}

async function* events(server: Server, from: number, signal: AbortSignal): AsyncGenerator<EventView> {
  let last = from
  for (let failures = 0; ; ) {
    try {
      for await (const event of oneStream(server, last, signal)) {
        failures = 0
        last = event.seq
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Failure && error.title !== "no-server") throw error
      if (++failures > 30) throw error
    }
    if (signal.aborted) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function* oneStream(server: Server, from: number, signal: AbortSignal): AsyncGenerator<EventView> {
  const response = await request(server, new URL("/api/events", server.url), {
    headers: { authorization: `Bearer ${server.token}`, "last-event-id": String(from) },
    signal,
  })
  if (!response.ok || response.body === null) throw await problemOf(response)
  const arrived: EventView[] = []
  const parser = createParser({ onEvent: ({ data }) => arrived.push(JSON.parse(data) as EventView) })
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
    yield* arrived.splice(0)
  }
}
