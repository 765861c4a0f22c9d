import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http"
import { Agent as HttpsAgent, request as httpsRequest } from "node:https"
import type { AgentResponse, AgentTransport } from "./agent-api.ts"
import { WrongUse } from "./wrong-use.ts"

/** The longest answer that is read; the API's own are far below. */
const mostAnswerBytes = 64 * 1024

/**
 * The agent API by HTTP or HTTPS. One transport may serve many agents of a process: it keeps the connections of those
 * that are between two calls. Throws `WrongUse` for a URL that is none.
 */
export function httpTransport(serverUrl: string): AgentTransport {
  const base = parseServerUrl(serverUrl)
  const isTls = base.protocol === "https:"
  const agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const prefix = base.pathname.replace(/\/+$/, "")
  return ({ method, path, token, body, timeoutSeconds }, signal) =>
    new Promise((resolve, reject) => {
      const call = (isTls ? httpsRequest : httpRequest)(
        {
          agent,
          method,
          host: base.hostname.replace(/^\[(.*)\]$/, "$1"),
          port: base.port === "" ? (isTls ? 443 : 80) : base.port,
          path: `${prefix}${path}`,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body === null
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(body).toString() }),
          },
          signal,
        },
        (response) => {
          readAnswer(response).then(resolve, reject)
        },
      )
      call.setTimeout(timeoutSeconds * 1000, () => call.destroy(new Error(`no answer within ${timeoutSeconds} s`)))
      call.on("error", reject)
      call.end(body ?? undefined)
    })
}

async function readAnswer(response: IncomingMessage): Promise<AgentResponse> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    const bytes = chunk as Buffer
    length += bytes.length
    if (length > mostAnswerBytes) throw new Error("the answer is too long")
    chunks.push(bytes)
  }
  const retryAfter = Number(response.headers["retry-after"])
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(chunks).toString("utf8"),
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter >= 0 ? retryAfter : null,
  }
}

function parseServerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new WrongUse(`${JSON.stringify(text)} is no server URL; it looks like http://ota.example:8080`)
  }
  return url
}
