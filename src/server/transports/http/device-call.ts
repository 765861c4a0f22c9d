import type { IncomingMessage, ServerResponse } from "node:http"
import type { Origin } from "./origin.ts"

/** The host's calls: requests that carry a body or wait for their answer. */
export interface DeviceCalls {
  /** Paths below this, with a final slash, are calls. */
  readonly prefix: string
  readonly maxBodyBytes: number
  /** Must not reject for what a caller may do wrong. */
  readonly answer: (call: DeviceCall) => Promise<CallAnswer>
}

export interface DeviceCall {
  readonly method: string
  readonly path: string
  /** Without the question mark; nothing is decoded. */
  readonly query: string
  /** The `Authorization` header, or nothing. */
  readonly authorization: string
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

/** Reads a call's body and answers it. Rejects when the host fails. */
export async function answerCall(calls: DeviceCalls, { request, response, path, origin }: CallExchange): Promise<void> {
  const body = await readBody(request, calls.maxBodyBytes)
  if (body === null) {
    const text = `the body may have ${calls.maxBodyBytes} bytes\n`
    return send(response, { status: 413, contentType: "text/plain", body: text }, true)
  }
  const gone = new AbortController()
  const leave = (): void => gone.abort()
  response.once("close", leave)
  const { url = "", method = "", headers } = request
  const answer = await calls.answer({
    method,
    path,
    query: /\?([^#]*)/.exec(url)?.[1] ?? "",
    authorization: headers.authorization ?? "",
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

/** The body whole, or null when it is longer than allowed. Rejects when the caller goes away first. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | null> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return null
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > maxBytes) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function send(response: ServerResponse, { status, contentType, body }: CallAnswer, isLast: boolean): void {
  const length = String(Buffer.byteLength(body))
  const head = ["Content-Type", contentType, "Content-Length", length]
  response.writeHead(status, isLast ? [...head, "Connection", "close"] : head)
  response.end(body)
}
