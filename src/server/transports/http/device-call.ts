import type { IncomingMessage, ServerResponse } from "node:http"
import type { BodyRoom } from "./body-room.ts"
import type { Origin } from "./origin.ts"

/** The host's calls: requests that carry a body or wait for their answer. */
export interface DeviceCalls {
  /** Paths below this, with a final slash, are calls. */
  readonly prefix: string
  readonly maxBodyBytes: number
  /** What a caller is answered who has no business here, before a byte of its body is read; null = it has. */
  readonly turnAway: (head: CallHead) => CallAnswer | null
  /** Must not reject for what a caller may do wrong. */
  readonly answer: (call: DeviceCall) => Promise<CallAnswer>
}

export interface CallHead {
  readonly method: string
  readonly path: string
  /** The `Authorization` header, or nothing. */
  readonly authorization: string
}

export interface DeviceCall extends CallHead {
  /** Without the question mark; nothing is decoded. */
  readonly query: string
  readonly body: Uint8Array
  readonly origin: Origin
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
}

export interface CallAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** The head of a call, as its caller is known by it. */
export function headOf({ request, path }: CallExchange): CallHead {
  return { method: request.method ?? "", path, authorization: request.headers.authorization ?? "" }
}

/** Ends the connection with an answer: its body, which nobody reads, may still be on its way. */
export function sendAway({ response }: CallExchange, answer: CallAnswer): void {
  send(response, answer, true)
}

/** Reads a call's body and answers it. Rejects when the host fails. */
export async function answerCall(calls: DeviceCalls, exchange: CallExchange, room: BodyRoom): Promise<void> {
  const { request, response, origin } = exchange
  const body = await room.read(request, calls.maxBodyBytes)
  if (body === null) {
    const text = `the body may have ${calls.maxBodyBytes} bytes\n`
    return send(response, { status: 413, contentType: "text/plain", body: text }, true)
  }
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  response.once("close", leave)
  const answer = await calls.answer({
    ...headOf(exchange),
    query: /\?([^#]*)/.exec(request.url ?? "")?.[1] ?? "",
    body,
    origin,
    signal: gone.signal,
  })
  if (!gone.signal.aborted) send(response, answer, false)
}

export interface CallExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly origin: Origin
}

function send(response: ServerResponse, { status, contentType, body }: CallAnswer, isLast: boolean): void {
  const length = String(Buffer.byteLength(body))
  const head = ["Content-Type", contentType, "Content-Length", length]
  response.writeHead(status, isLast ? [...head, "Connection", "close"] : head)
  response.end(body)
}
