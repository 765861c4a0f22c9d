import { concat, fromLatin1, latin1 } from "../../kit/bytes.ts"
import type { ByteStream } from "../body.ts"
import type { MemoryNet } from "./memory-net.testing.ts"

/** A small HTTP server on a `MemoryNet`: whole answers to plain GET requests, for tests that need no sockets. */
export interface SmallHttpServer {
  readonly port: number
  /** The files by path; may be changed at any time. */
  readonly files: Map<string, Uint8Array>
  /** The paths it was asked for. */
  readonly requests: string[]
}

export function startSmallHttpServer(net: MemoryNet): SmallHttpServer {
  const files = new Map<string, Uint8Array>()
  const requests: string[] = []
  const port = net.listen((stream) => {
    void serve(stream, files, requests)
  })
  return { port, files, requests }
}

async function serve(stream: ByteStream, files: ReadonlyMap<string, Uint8Array>, requests: string[]): Promise<void> {
  let pending = ""
  try {
    for (;;) {
      const bytes = await stream.read(4096, 60_000)
      if (bytes.length === 0) return stream.end()
      pending += fromLatin1(bytes)
      for (let end = pending.indexOf("\r\n\r\n"); end >= 0; end = pending.indexOf("\r\n\r\n")) {
        const path = /^GET (\S+)/.exec(pending)?.[1] ?? ""
        pending = pending.slice(end + 4)
        requests.push(path)
        await stream.write(answer(files.get(path)))
      }
    }
  } catch {
    // The device hung up: there is nobody left to answer.
    stream.destroy()
  }
}

function answer(content: Uint8Array | undefined): Uint8Array {
  if (content === undefined) return latin1("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
  return concat([latin1(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`), content])
}
