import type { Answer, Call, EndpointName, endpoints } from "../../core/contract/endpoints.ts"
import { sessionOver } from "./session.ts"

type Endpoints = typeof endpoints
/** Every route of the contract, as `METHOD /path`, with the name of its endpoint. */
type Routes = { [Name in EndpointName as `${Endpoints[Name]["method"]} ${Endpoints[Name]["path"]}`]: Name }
export type Route = keyof Routes

/** What the server refused, in its own sentence. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  constructor(status: number, code: string, sentence: string) {
    super(sentence)
    this.name = "ApiError"
    this.code = code
    this.status = status
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

type Parts<R extends Route> = Partial<Pick<Call<Routes[R]>, keyof Call<Routes[R]> & ("params" | "query" | "body")>>

/** Calls one endpoint. Path parts are filled in from `params`. Rejects with `ApiError`. */
export async function call<R extends Route>(
  route: R,
  parts: Parts<R> & { readonly signal?: AbortSignal } = {},
): Promise<Answer<Routes[R]>> {
  const [method, path = ""] = route.split(" ")
  const { params, query, body } = parts as {
    params?: Record<string, string>
    query?: Query
    body?: unknown
  }
  const url = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params?.[name] ?? ""))
  const isBytes = body instanceof Uint8Array
  const response = await send(url + queryText(query), {
    method: method ?? "GET",
    headers: {
      ...(body === undefined ? {} : { "content-type": isBytes ? "application/octet-stream" : "application/json" }),
    },
    ...(body === undefined ? {} : { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    ...(parts.signal === undefined ? {} : { signal: parts.signal }),
  })
  return (await response.json()) as Answer<Routes[R]>
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((error: unknown) => {
    if ((error as Error).name === "AbortError") throw error
    throw new ApiError(0, "unreachable", "The server does not answer; what you see may be out of date.")
  })
  if (response.ok) return response
  if (response.status === 401) sessionOver()
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string }
  throw new ApiError(
    response.status,
    problem.title ?? "unknown",
    problem.detail ?? `The server answered with ${response.status}.`,
  )
}

function queryText(query: Query | undefined): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, String(value)]],
  )
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`
}
