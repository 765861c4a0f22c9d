import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { type Body, type ByteStream, LinkError } from "../../body.ts"

/** A request of the virtual client, on a connection of its own. */
export interface ClientRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT"
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Takes the answer's body as it comes; false = no more is wanted. Absent = it is gathered. */
  readonly take?: (bytes: Uint8Array) => Promise<boolean>
  readonly timeoutMs: number
}

export interface ClientAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The body came to its end. */
  readonly isWhole: boolean
}

const mostGathered = 1_000_000
const readBytes = 16_384

/** Asks and takes the answer. Rejects with `LinkError` when there is none. */
export async function ask(body: Body, request: ClientRequest): Promise<ClientAnswer> {
  const [, scheme = "", host = "", port = "", path = "/"] =
    /^(https?):\/\/([^:/]+|\[[^\]]+\])(?::(\d+))?(\/.*)?$/.exec(request.url) ?? []
  if (host === "") throw new LinkError("dns", `${request.url.slice(0, 100)} is no URL`)
  const isTls = scheme === "https"
  const stream = await body.net.connect({
    host: host.replace(/^\[|\]$/g, ""),
    port: port === "" ? (isTls ? 443 : 80) : Number(port),
    timeoutMs: request.timeoutMs,
    ...(isTls ? { tls: true } : {}),
  })
  let isWhole = false
  try {
    await stream.write(textOf(request, `${host}${port === "" ? "" : `:${port}`}`, path))
    const answer = await receive(stream, request)
    ;({ isWhole } = answer)
    return answer
  } finally {
    // Whoever has everything says goodbye; a reset would tell the server that something was lost.
    if (isWhole) stream.end()
    else stream.destroy()
  }
}

function textOf({ method, headers, body }: ClientRequest, host: string, path: string): Uint8Array {
  const length = body === undefined ? {} : { "Content-Length": String(body.length), "Content-Type": "application/json" }
  const lines = Object.entries({ Host: host, ...headers, ...length, Connection: "close" }).map((pair) =>
    pair.join(": "),
  )
  return concat([latin1(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`), body ?? new Uint8Array(0)])
}

async function receive(stream: ByteStream, request: ClientRequest): Promise<ClientAnswer> {
  let head: Uint8Array = new Uint8Array(0)
  let end = -1
  while (end < 0) {
    const bytes = await stream.read(readBytes, request.timeoutMs)
    if (bytes.length === 0 || head.length > 65_536) throw new LinkError("reset", "the answer has no end of its headers")
    head = concat([head, bytes])
    end = fromLatin1(head).indexOf("\r\n\r\n")
  }
  const [first = "", ...lines] = fromLatin1(head, 0, end).split("\r\n")
  const headers = Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":")
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
    }),
  )
  const status = Number(/^HTTP\/\d\.\d (\d{3})/.exec(first)?.[1] ?? 0)
  const hasBody = request.method !== "HEAD" && status !== 204 && status !== 304
  const sizeBytes = hasBody ? Number(headers["content-length"] ?? 0) : 0
  return {
    status,
    headers,
    ...(await takeBody(stream, request, head.slice(end + 4), { sizeBytes, isGood: status < 300 })),
  }
}

async function takeBody(
  stream: ByteStream,
  { take, timeoutMs }: ClientRequest,
  first: Uint8Array,
  { sizeBytes, isGood }: { readonly sizeBytes: number; readonly isGood: boolean },
): Promise<Pick<ClientAnswer, "body" | "isWhole">> {
  const gathered: Uint8Array[] = []
  let taken = 0
  const takeIn = async (bytes: Uint8Array): Promise<boolean> => {
    const own = bytes.subarray(0, sizeBytes - taken)
    taken += own.length
    if (take !== undefined && isGood) return take(own)
    if (taken <= mostGathered) gathered.push(own)
    return true
  }
  let goesOn = first.length === 0 || (await takeIn(first))
  while (goesOn && taken < sizeBytes) {
    let bytes: Uint8Array
    try {
      bytes = await stream.read(readBytes, timeoutMs)
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      break
    }
    if (bytes.length === 0) break
    goesOn = await takeIn(bytes)
  }
  return { body: concat(gathered), isWhole: taken === sizeBytes }
}
