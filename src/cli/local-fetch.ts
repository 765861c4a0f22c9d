import { lstat } from "node:fs/promises"
import { request } from "node:http"
import { dirname } from "node:path"
import { Readable } from "node:stream"
import type { ReadableStream } from "node:stream/web"
import { Failure } from "./failure.ts"

/** `fetch` over a server's own socket: `path` is a path of its API. Rejects as `node:http` does. */
export function localFetch(socket: string, path: string, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers, body, signal } = init
    const sent = request(
      {
        socketPath: socket,
        path,
        method,
        headers: { host: "localhost", ...(headers as Record<string, string>) },
        ...(signal === undefined || signal === null ? {} : { signal }),
      },
      (message) => {
        const { statusCode = 500, statusMessage = "" } = message
        const answer = Readable.toWeb(message) as ReadableStream<Uint8Array>
        resolve(
          new Response(answer, {
            status: statusCode,
            statusText: statusMessage,
          }),
        )
      },
    )
    sent.once("error", reject)
    sent.end(body as string | Uint8Array | undefined)
  })
}

/** A token goes through no folder that others may write to: one of theirs could listen there. Throws `Failure`. */
export async function demandOwn(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder)
  const self = process.getuid?.() ?? uid
  const isOwn = self === 0 || uid === self || uid === 0
  if (isOwn && (mode & 0o022) === 0) return
  throw new Failure(
    `Others may write to ${folder}, so that what listens there need not be your server; close it with \`chmod 700 ${folder}\` and start the server again.`,
    { title: "open-folder" },
  )
}

/** Checks the folder of a socket as `demandOwn` does. */
export const demandOwnSocket = (socket: string): Promise<void> => demandOwn(dirname(socket))
