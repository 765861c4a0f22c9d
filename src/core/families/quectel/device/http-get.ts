import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { type Body, type ByteStream, LinkError } from "../../body.ts"
import type { DownloadFailure } from "./download-codes.ts"

export interface HttpTarget {
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly path: string
}

/** What takes a download's bytes. */
export interface DownloadSink {
  /** The whole size, once it is known; null = the server does not tell. */
  readonly begin: (sizeBytes: number | null) => Promise<void>
  readonly take: (bytes: Uint8Array) => Promise<void>
  /** Told of what can be hung up. */
  readonly hold: (stream: Pick<ByteStream, "destroy">) => void
}

/** Why a download ended early. */
export class DownloadFailed extends Error {
  override readonly name = "DownloadFailed"
  readonly failure: DownloadFailure

  constructor(failure: DownloadFailure, message: string) {
    super(message)
    this.failure = failure
  }
}

const longestHead = 8192
const chunkBytes = 16_384

/** One plain GET, no redirects, no chunks, as modules do it (quectel.md 4.6). Throws `DownloadFailed`. */
export async function httpGet(body: Body, target: HttpTarget, sink: DownloadSink, timeoutMs: number): Promise<void> {
  const { scheme, host, port, path } = target
  const stream = await open(body, { host, port, timeoutMs, tls: scheme === "https" })
  sink.hold(stream)
  try {
    await request(stream, `GET /${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nAccept: */*\r\nConnection: close\r\n\r\n`)
    await receive(stream, sink, timeoutMs)
    stream.end()
  } catch (error) {
    stream.destroy()
    throw error
  }
}

async function open(body: Body, target: Parameters<Body["net"]["connect"]>[0]): Promise<ByteStream> {
  try {
    return await body.net.connect(target)
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
    const failure = error.kind === "dns" ? "dns" : error.kind === "timeout" ? "timeout" : "connect"
    throw new DownloadFailed(failure, error.message)
  }
}

async function request(stream: ByteStream, text: string): Promise<void> {
  try {
    await stream.write(latin1(text))
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
    throw new DownloadFailed("send", error.message)
  }
}

async function receive(stream: ByteStream, sink: DownloadSink, timeoutMs: number): Promise<void> {
  let head: Uint8Array = new Uint8Array(0)
  let end = -1
  while (end < 0) {
    const bytes = await read(stream, timeoutMs)
    if (bytes.length === 0) throw new DownloadFailed("closed", "the server closed before its answer was whole")
    head = concat([head, bytes])
    end = fromLatin1(head, 0, Math.min(head.length, longestHead)).indexOf("\r\n\r\n")
    if (end < 0 && head.length >= longestHead) throw new DownloadFailed("answer", "headers without an end")
  }
  const size = readHead(fromLatin1(head, 0, end + 2))
  await sink.begin(size)
  let left = size ?? Number.POSITIVE_INFINITY
  let part = head.subarray(end + 4)
  for (;;) {
    const taken = part.subarray(0, Math.min(part.length, left))
    if (taken.length > 0) await sink.take(taken)
    left -= taken.length
    if (left === 0) return
    part = await read(stream, timeoutMs)
    if (part.length > 0) continue
    if (size === null) return
    throw new DownloadFailed("closed", `the server closed ${left} bytes early`)
  }
}

/** The Content-Length of an answer with status 200; null when it has none. */
function readHead(head: string): number | null {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
  if (status === undefined) throw new DownloadFailed("answer", "no HTTP status line")
  if (status === "404" || status === "410") throw new DownloadFailed("missing", `status ${status}`)
  if (status !== "200") throw new DownloadFailed("status", `status ${status}`)
  if (/\r\ntransfer-encoding:/i.test(head)) throw new DownloadFailed("answer", "an answer in chunks")
  const size = /\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n/i.exec(head)?.[1]
  return size === undefined ? null : Number(size)
}

async function read(stream: ByteStream, timeoutMs: number): Promise<Uint8Array> {
  try {
    return await stream.read(chunkBytes, timeoutMs)
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
    throw new DownloadFailed(error.kind === "timeout" ? "timeout" : "read", error.message)
  }
}
