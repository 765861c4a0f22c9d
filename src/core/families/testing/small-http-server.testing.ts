import { concat, fromLatin1, latin1 } from "../../kit/bytes.ts"
import type { ByteStream } from "../body.ts"
import type { MemoryNet } from "./memory-net.testing.ts"

/** A small HTTP server on a `MemoryNet`: whole answers, for tests that need no sockets. */
export interface SmallHttpServer {
  readonly port: number
  /** The files by path, for plain GET requests; may be changed at any time. */
  readonly files: Map<string, Uint8Array>
  /** Asked first; null = it does not know. */
  handler: ((request: SmallRequest) => SmallAnswer | null) | null
  /** The paths it was asked for. */
  readonly requests: string[]
}

export interface SmallRequest {
  readonly method: string
  readonly url: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface SmallAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly content: Uint8Array
}

export function startSmallHttpServer(net: MemoryNet): SmallHttpServer {
  const server: Omit<SmallHttpServer, "port"> = { files: new Map(), handler: null, requests: [] }
  const port = net.listen((stream) => {
    void serve(stream, server)
  })
  return Object.assign(server, { port })
}

async function serve(stream: ByteStream, server: Omit<SmallHttpServer, "port">): Promise<void> {
  let pending: Uint8Array = new Uint8Array(0)
  try {
    for (;;) {
      const taken = requestIn(pending)
      if (taken === null) {
        const bytes = await stream.read(4096, 60_000)
        if (bytes.length === 0) return stream.end()
        pending = concat([pending, bytes])
        continue
      }
      pending = pending.subarray(taken.length)
      server.requests.push(taken.request.url)
      await stream.write(answer(server, taken.request))
    }
  } catch {
    // The device hung up: there is nobody left to answer.
    stream.destroy()
  }
}

/** The first whole request in bytes, and how many it took; null = there is none yet. */
export function requestIn(bytes: Uint8Array): { readonly request: SmallRequest; readonly length: number } | null {
  const text = fromLatin1(bytes)
  const end = text.indexOf("\r\n\r\n")
  if (end < 0) return null
  const [first = "", ...lines] = text.slice(0, end).split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":")
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
    }),
  )
  const length = end + 4 + Number(headers["content-length"] ?? 0)
  if (bytes.length < length) return null
  const [method = "", url = ""] = first.split(" ")
  return { request: { method, url, headers, body: bytes.slice(end + 4, length) }, length }
}

function answer({ files, handler }: Omit<SmallHttpServer, "port">, request: SmallRequest): Uint8Array {
  const found = handler?.(request) ?? null
  const content = request.method === "GET" ? files.get(request.url) : undefined
  const {
    status,
    headers,
    content: bytes,
  } = found ??
  (content === undefined
    ? { status: 404, headers: {}, content: new Uint8Array(0) }
    : { status: 200, headers: {}, content })
  const lines = Object.entries({ ...headers, "Content-Length": String(bytes.length) }).map((pair) => pair.join(": "))
  const head = latin1(`HTTP/1.1 ${status} ${words[status] ?? "Answer"}\r\n${lines.join("\r\n")}\r\n\r\n`)
  return request.method === "HEAD" ? head : concat([head, bytes])
}

const words: Readonly<Record<number, string>> = { 200: "OK", 206: "Partial Content", 404: "Not Found" }
