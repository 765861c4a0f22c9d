import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { type Body, type ByteStream, LinkError } from "../../body.ts"
import { parseDeviceUrl, requestText } from "../codec/device-url.ts"

/** Error codes of the device's HTTP client (pic32mzw1.md 2.4). */
export const clientErrors = {
  none: 0,
  cancelled: 1,
  dns: 2,
  connect: 3,
  memory: 4,
  headers: 5,
  receive: 6,
  send: 7,
} as const

/** The device's receive buffer, bytes: the most that one read brings, and the most that headers may fill. */
export const receiveBytes = 1460
const connectTimeoutMs = 360_000
const shortestMessage = 15

export interface Fetch {
  readonly url: string
  /** How long the fetch may take in all, ms as the hardware counts. */
  readonly timeoutMs: number
  /** Turns the hardware's time limits into ours. */
  readonly limit: (ms: number) => number
  /** Called with the Content-Length before the first body byte. False ends the fetch. */
  readonly begin: (contentLength: number) => Promise<boolean> | boolean
  /** Called with body bytes; `fromFirstRead`: they came with the headers. Returns how many more are wanted. */
  readonly take: (bytes: Uint8Array, fromFirstRead: boolean) => Promise<number> | number
  /** A middlebox of a fault, between the wire and the client. */
  readonly meddle?: ((stream: ByteStream) => ByteStream) | undefined
}

export type FetchEnd =
  | { readonly kind: "done" }
  /** No usable Content-Length: the client closes and has received nothing. */
  | { readonly kind: "nothing" }
  | { readonly kind: "timeout" }
  | { readonly kind: "error"; readonly code: number; readonly why: string }

/** One GET as the device does it, with its parser's faults. Only what the sink has taken has happened. */
export async function deviceGet(body: Body, fetch: Fetch): Promise<FetchEnd> {
  const url = parseDeviceUrl(fetch.url)
  if (url === null) return { kind: "error", code: clientErrors.dns, why: `${fetch.url.slice(0, 120)} is no URL` }
  const deadline = body.clock.now() + fetch.limit(fetch.timeoutMs)
  let stream: ByteStream
  try {
    const target = { host: url.host, port: url.port, timeoutMs: fetch.limit(connectTimeoutMs), tls: url.tls }
    const opened = await body.net.connect(target)
    stream = fetch.meddle?.(opened) ?? opened
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
    return { kind: "error", code: error.kind === "dns" ? clientErrors.dns : clientErrors.connect, why: error.message }
  }
  let isPolite = false
  try {
    try {
      await stream.write(latin1(requestText(url)))
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      return { kind: "error", code: clientErrors.send, why: error.message }
    }
    const end = await receive(new PatientStream(body, stream, deadline), fetch)
    isPolite = end.kind === "done" || end.kind === "nothing"
    return end
  } finally {
    if (isPolite) stream.end()
    else stream.destroy()
  }
}

async function receive(stream: PatientStream, fetch: Fetch): Promise<FetchEnd> {
  let head: Uint8Array<ArrayBufferLike> = new Uint8Array(0)
  let bodyStart = -1
  while (bodyStart < 0) {
    const read = await stream.read()
    if (!(read instanceof Uint8Array)) return read
    // The end of the headers is looked for in what this read brought: split over two reads it is never seen.
    const end = fromLatin1(read).indexOf("\r\n\r\n")
    if (head.length + (end < 0 ? read.length : end + 4) > receiveBytes) return stream.hang()
    if (end >= 0) bodyStart = head.length + end + 4
    head = concat([head, read])
  }
  const parsed = parseHead(fromLatin1(head, 0, bodyStart))
  if ("error" in parsed) return parsed.error
  if (parsed.contentLength === 0) return { kind: "nothing" }
  if (!(await fetch.begin(parsed.contentLength))) {
    return { kind: "error", code: clientErrors.cancelled, why: "the application cancelled" }
  }
  let wanted = await fetch.take(head.subarray(bodyStart).slice(0, parsed.contentLength), true)
  while (wanted > 0) {
    const read = await stream.read()
    if (!(read instanceof Uint8Array)) return read
    wanted = await fetch.take(read.subarray(0, wanted), false)
  }
  return { kind: "done" }
}

/** Status line and size; the header's name is compared with its case. */
function parseHead(head: string): { readonly contentLength: number } | { readonly error: FetchEnd } {
  const status = /^HTTP\/\d\.\d (\d{3}) [^\r\n]*\r\n/.exec(head)
  if (head.length < shortestMessage || status === null) {
    return { error: { kind: "error", code: clientErrors.headers, why: "no status line" } }
  }
  if (status[1] !== "200") {
    return { error: { kind: "error", code: clientErrors.cancelled, why: `status ${status[1]}` } }
  }
  const size = /\r\nContent-Length:[ \t]*(\d{1,9})/.exec(head)?.[1]
  return { contentLength: size === undefined ? 0 : Number(size) }
}

/** Reads of 1460 bytes until a deadline. The peer's FIN is no event for this client: it waits on (2.4). */
class PatientStream {
  readonly #body: Body
  readonly #stream: ByteStream
  readonly #deadline: number

  constructor(body: Body, stream: ByteStream, deadline: number) {
    this.#body = body
    this.#stream = stream
    this.#deadline = deadline
  }

  async read(): Promise<Uint8Array | FetchEnd> {
    const left = this.#deadline - this.#body.clock.now()
    if (left <= 0) return { kind: "timeout" }
    try {
      const bytes = await this.#stream.read(receiveBytes, left)
      if (bytes.length > 0) return bytes
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      if (error.kind === "timeout") return { kind: "timeout" }
      return { kind: "error", code: clientErrors.receive, why: error.message }
    }
    return this.hang()
  }

  /** Nothing that comes is understood any more; only the time limit ends it. */
  async hang(): Promise<FetchEnd> {
    await this.#body.clock.sleep(Math.max(0, this.#deadline - this.#body.clock.now()))
    return { kind: "timeout" }
  }
}
