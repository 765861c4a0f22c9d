import type { Static, TSchema } from "typebox"
import { Compile, type Validator } from "typebox/compile"
import {
  type AgentCall,
  agentCalls,
  type EnrolBody,
  type EnrolView,
  type NoteBody,
  type NoteView,
  type ReportBody,
  type ReportView,
  type WorkQuery,
  type WorkView,
} from "../core/contract/agent-api.ts"

export interface AgentRequest {
  readonly method: "GET" | "POST"
  /** With its query. */
  readonly path: string
  readonly token: string
  /** JSON. */
  readonly body: string | null
  /** How long the answer may take, s. */
  readonly timeoutSeconds: number
}

export interface AgentResponse {
  readonly status: number
  readonly body: string
  /** `Retry-After` in seconds, when the server gave one. */
  readonly retryAfterSeconds: number | null
}

/** Carries one call to the server. Rejects when it cannot be reached, or with the signal's reason. */
export type AgentTransport = (request: AgentRequest, signal: AbortSignal) => Promise<AgentResponse>

export type CallResult<T> =
  | { readonly kind: "ok"; readonly value: T }
  /** The server understood and says no: the same call would be refused again. */
  | { readonly kind: "refused"; readonly status: number; readonly sentence: string }
  /** Nobody answered, or not now: the same call may succeed later. */
  | { readonly kind: "unreachable"; readonly sentence: string; readonly retryAfterSeconds: number | null }

/** Beyond what the server waits by itself. */
const answerSeconds = 30
const checks = new Map<TSchema, Validator>()

/** The calls of the agent API, their answers checked against the contract. */
export class AgentApi {
  readonly #transport: AgentTransport

  constructor(transport: AgentTransport) {
    this.#transport = transport
  }

  enrol(token: string, body: EnrolBody, signal: AbortSignal): Promise<CallResult<EnrolView>> {
    return this.#call(agentCalls.enrol, { token, body, signal })
  }

  /** Waits as long as the query says. */
  work(token: string, query: WorkQuery, signal: AbortSignal): Promise<CallResult<WorkView>> {
    return this.#call(agentCalls.work, { token, query, signal })
  }

  report(token: string, body: ReportBody, signal: AbortSignal): Promise<CallResult<ReportView>> {
    return this.#call(agentCalls.report, { token, body, signal })
  }

  note(token: string, body: NoteBody, signal: AbortSignal): Promise<CallResult<NoteView>> {
    return this.#call(agentCalls.note, { token, body, signal })
  }

  async #call<Schema extends TSchema>(
    { method, path, response }: Pick<AgentCall, "method" | "path"> & { readonly response: Schema },
    parts: CallParts,
  ): Promise<CallResult<Static<Schema>>> {
    const { token, query = {}, body, signal } = parts
    const pairs = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])
    const search = pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`
    const timeoutSeconds = (query.wait ?? 0) + answerSeconds
    let answer: AgentResponse
    try {
      const text = body === undefined ? null : JSON.stringify(body)
      answer = await this.#transport({ method, path: `${path}${search}`, token, body: text, timeoutSeconds }, signal)
    } catch (error) {
      signal.throwIfAborted()
      return unreachable(`The server cannot be reached: ${error instanceof Error ? error.message : String(error)}.`)
    }
    return read(answer, response)
  }
}

interface CallParts {
  readonly token: string
  readonly query?: WorkQuery
  readonly body?: EnrolBody | ReportBody | NoteBody
  readonly signal: AbortSignal
}

function read<Schema extends TSchema>(answer: AgentResponse, schema: Schema): CallResult<Static<Schema>> {
  const { status, body, retryAfterSeconds } = answer
  const value = parseJson(body)
  if (status >= 200 && status < 300) {
    if (validator(schema).Check(value)) return { kind: "ok", value: value as Static<Schema> }
    return unreachable("The server's answer is not what the agent API promises; is this the device HTTP listener?")
  }
  const sentence = detailOf(value) ?? `The server answered ${status}.`
  const isLater = status >= 500 || status === 408 || status === 425 || status === 429
  return isLater ? unreachable(sentence, retryAfterSeconds) : { kind: "refused", status, sentence }
}

function validator(schema: TSchema): Validator {
  const known = checks.get(schema) ?? Compile(schema)
  checks.set(schema, known)
  return known
}

function unreachable(sentence: string, retryAfterSeconds: number | null = null): CallResult<never> {
  return { kind: "unreachable", sentence, retryAfterSeconds }
}

/** The sentence of a problem document (RFC 9457). */
function detailOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !("detail" in value)) return null
  return typeof value.detail === "string" ? value.detail.slice(0, 300) : null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
