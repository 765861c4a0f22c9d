import type { ByteStream } from "../../src/core/families/body.ts"
import { LinkError } from "../../src/core/families/body.ts"
import type { MemoryNet } from "../../src/core/families/testing/memory-net.testing.ts"
import { requestIn, type SmallRequest } from "../../src/core/families/testing/small-http-server.testing.ts"
import { concat, latin1 } from "../../src/core/kit/bytes.ts"
import type { DeviceHttpHost, HttpFile, HttpNotice } from "../../src/server/transports/http/device-http-host.ts"

/** Serves the device HTTP gateway on a `MemoryNet`: requests and answers whole, ranges of files, one after another on a connection. */
export function startMemoryHttp(net: MemoryNet, host: () => DeviceHttpHost): number {
  const port: number = net.listen((stream) => void serve(stream, host, port))
  return port
}

async function serve(stream: ByteStream, host: () => DeviceHttpHost, port: number): Promise<void> {
  let pending: Uint8Array = new Uint8Array(0)
  try {
    for (;;) {
      const taken = requestIn(pending)
      if (taken === null) {
        const bytes = await stream.read(4096, 60_000)
        if (bytes.length === 0) break
        pending = concat([pending, bytes])
        continue
      }
      pending = pending.subarray(taken.length)
      if (!(await answer(stream, host(), { request: taken.request, port }))) break
    }
  } catch (error) {
    if (!(error instanceof LinkError)) throw error
  } finally {
    stream.end()
  }
}

interface Asked {
  readonly request: SmallRequest
  readonly port: number
}

/** Whether the connection may carry another request. */
async function answer(stream: ByteStream, host: DeviceHttpHost, { request, port }: Asked): Promise<boolean> {
  const { method, url, headers, body } = request
  const [path = "", query = ""] = url.split("?")
  const origin = { peer: "10.0.0.7", localHost: "127.0.0.1", localPort: port, isTls: false }
  let node = host.find({ method, path, query, headers, origin })
  if (node?.kind === "exchange") node = await node.answer(body)
  if (node === null) await stream.write(head(404, { "Content-Length": "0" }))
  else if (node.kind === "file") await sendFile(stream, node, request)
  else await sendNotice(stream, node, method)
  return node?.kind !== "file" && headers["connection"] !== "close"
}

async function sendNotice(stream: ByteStream, node: HttpNotice, method: string): Promise<void> {
  const content = latin1(node.content)
  const type = node.contentType === null ? {} : { "Content-Type": node.contentType }
  const own = { ...named(node.headers), ...type, "Content-Length": String(content.length) }
  await stream.write(concat([head(node.status ?? 200, own), method === "HEAD" ? new Uint8Array(0) : content]))
  if (method !== "HEAD") node.read?.()
}

async function sendFile(stream: ByteStream, node: HttpFile, { method, headers }: SmallRequest): Promise<void> {
  const from = Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1] ?? 0)
  const isPart = headers["range"] !== undefined
  const span = { "Content-Range": `bytes ${from}-${node.sizeBytes - 1}/${node.sizeBytes}` }
  const own = {
    ...named(node.headers),
    "Content-Type": node.contentType,
    ETag: `"${node.entityTag}"`,
    "Content-Length": String(node.sizeBytes - from),
    ...(isPart ? span : {}),
  }
  await stream.write(head(isPart ? 206 : 200, own))
  if (method === "HEAD") return
  const content = await node.open(from)
  let isWhole = false
  let sent = from
  try {
    while (sent < content.sizeBytes) {
      const bytes = await content.read(sent, 4096)
      await stream.write(bytes)
      sent += bytes.length
    }
    // Whether it hangs up politely or breaks off.
    isWhole = (await stream.read(1, 60_000)).length === 0
  } finally {
    await content.finished({ from, to: isWhole ? content.sizeBytes : from, sent, whole: isWhole })
  }
}

function named(headers: readonly string[] = []): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (let at = 0; at + 1 < headers.length; at += 2) pairs[headers[at] ?? ""] = headers[at + 1] ?? ""
  return pairs
}

function head(status: number, headers: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return latin1(`HTTP/1.1 ${status} -\r\n${lines.join("")}\r\n`)
}
