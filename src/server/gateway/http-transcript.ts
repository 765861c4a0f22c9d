import type { WireChannel } from "../../core/domain/wire/transcript.ts"
import type { WireLog } from "../fleet/wire/wire-log.ts"
import type { WireSession } from "../fleet/wire/wire-session.ts"
import type { HttpFile, HttpNode, HttpNotice } from "../transports/http/device-http-host.ts"
import type { RequestHead } from "../transports/http/request-head.ts"
import { endWords, watched } from "./login-session.ts"

/** Of a body that is text so many characters are kept. */
const mostBodyChars = 300

export interface Heard {
  readonly deviceId: string
  readonly channel: WireChannel
  readonly head: RequestHead
}

/** Takes down a request of a device and its answer; gives the answer as it is to be handed on. */
export function takeDownHttp(wire: WireLog, heard: Heard, node: HttpNode): HttpNode {
  if (!wire.isOn) return node
  if (node.kind === "exchange") {
    return {
      ...node,
      answer: async (body) => {
        const answer = await node.answer(body)
        return takeDownAnswer(wire, { ...heard, body }, answer)
      },
    }
  }
  return takeDownAnswer(wire, { ...heard, body: noBody }, node)
}

const noBody = new Uint8Array(0)

function takeDownAnswer(
  wire: WireLog,
  { deviceId, channel, head, body }: Heard & { readonly body: Uint8Array },
  node: HttpNotice | HttpFile,
): HttpNotice | HttpFile {
  const { method, path, query, origin } = head
  const target = query === "" ? path : `${path}?${query}`
  const answer = answerWords(node)
  const isSimple = node.kind === "notice" && body.length === 0
  const session = wire.exchange({
    deviceId,
    channel,
    peer: origin.peer,
    // A file or a body is never the same as before: what came of it is told apart.
    mark: isSimple ? `${method} ${target} ${answer}` : "",
    lines: () => [`${method} ${target} HTTP/1.1`, ...headerLines(head), ...bodyLines(body)],
    answer,
  })
  return session === null || node.kind === "notice" ? node : withEnd(node, session)
}

function answerWords(node: HttpNotice | HttpFile): string {
  if (node.kind === "file") return `200 or a part, ${node.contentType}, ${node.sizeBytes} bytes`
  return node.content === ""
    ? `${node.status ?? 200}`
    : `${node.status ?? 200} ${node.contentType}, ${node.content.length} bytes`
}

function headerLines({ headers }: RequestHead): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${typeof value === "string" ? value : value.join(", ")}`],
  )
}

function bodyLines(body: Uint8Array): readonly string[] {
  if (body.length === 0) return []
  const text = new TextDecoder("latin1").decode(body.subarray(0, mostBodyChars))
  return [body.length > mostBodyChars ? `${text} … (${body.length} bytes)` : text]
}

function withEnd(node: HttpFile, session: WireSession): HttpFile {
  return {
    ...node,
    open: async (offset) => {
      const content = await node.open(offset)
      return watched(content, (end) => session.said("note", endWords("the file", content.sizeBytes, end)))
    },
  }
}
