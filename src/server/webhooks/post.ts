import type { LookupAddress } from "node:dns"
import { request as requestHttp, type RequestOptions } from "node:http"
import { request as requestHttps } from "node:https"
import { isIP } from "node:net"
import type { MayReach } from "./forbidden-addresses.ts"

/** From the first look-up to the last octet of the answer, ms. */
const timeoutMs = 10_000
/** Of the answer, only the status counts; so much of it is read, bytes. */
const mostAnswerBytes = 16_384

export interface PostNeeds {
  readonly mayReach: MayReach
  /** All addresses of a name. */
  readonly resolve: (host: string) => Promise<readonly LookupAddress[]>
  readonly deadline: (ms: number) => AbortSignal
}

export interface Message {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Why nothing was taken, in words. */
export class NotTaken extends Error {
  override readonly name = "NotTaken"
  /** The HTTP status that was answered; null = nothing was answered. */
  readonly status: number | null

  constructor(
    message: string,
    { status = null, cause }: { readonly status?: number | null; readonly cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.status = status
  }
}

/**
 * Posts a message. The name is looked up once, every address of it must be one that may be reached, and the connection goes
 * to the very address that was checked: a name that changes in between changes nothing. No redirection is followed. Resolves
 * with the status of an answer from 200 to 299; rejects with `NotTaken`.
 */
export async function post({ mayReach, resolve, deadline }: PostNeeds, message: Message): Promise<number> {
  const url = new URL(message.url)
  const host = url.hostname.replace(/^\[|\]$/g, "")
  const signal = deadline(timeoutMs)
  const address = await checkedAddress({ mayReach, resolve }, host, signal)
  const status = await send(url, host, address, message, signal)
  if (status >= 200 && status < 300) return status
  const isElsewhere = status >= 300 && status < 400
  throw new NotTaken(`it answered ${status}${isElsewhere ? ", a way elsewhere, which is not followed" : ""}`, {
    status,
  })
}

async function checkedAddress(
  { mayReach, resolve }: Pick<PostNeeds, "mayReach" | "resolve">,
  host: string,
  signal: AbortSignal,
): Promise<string> {
  const addresses = isIP(host) !== 0 ? [host] : (await orNotTaken(resolve(host), signal)).map(({ address }) => address)
  const [first] = addresses
  if (first === undefined) throw new NotTaken(`${host} has no address`)
  const barred = addresses.find((address) => !mayReach(address))
  if (barred === undefined) return first
  throw new NotTaken(`${barred} is not on the public internet; --webhook-allow with its network lets it be reached`)
}

function send(
  url: URL,
  host: string,
  address: string,
  { headers, body }: Message,
  signal: AbortSignal,
): Promise<number> {
  const isTls = url.protocol === "https:"
  const options: RequestOptions & { readonly servername?: string } = {
    method: "POST",
    host: address,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host, "content-length": Buffer.byteLength(body) },
    agent: false,
    signal,
    // A certificate is for the name; an address has none to be asked for.
    ...(isTls && isIP(host) === 0 ? { servername: host } : {}),
  }
  return new Promise((resolve, reject) => {
    const request = (isTls ? requestHttps : requestHttp)(options, (response) => {
      let read = 0
      response.on("data", (chunk: Buffer) => {
        read += chunk.length
        if (read > mostAnswerBytes) response.destroy()
      })
      response.on("error", () => undefined)
      response.once("close", () => resolve(response.statusCode ?? 0))
    })
    request.once("error", (error: NodeJS.ErrnoException) => reject(notTaken(error)))
    request.end(body)
  })
}

async function orNotTaken<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener("abort", () => reject(new DOMException("late", "AbortError")), { once: true }),
  )
  return Promise.race([promise, late]).catch((error: unknown) => {
    throw notTaken(error as NodeJS.ErrnoException)
  })
}

function notTaken(error: NodeJS.ErrnoException): NotTaken {
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nothing listens there",
    ENOTFOUND: "its name is not known",
    EAI_AGAIN: "its name cannot be looked up now",
    ECONNRESET: "it cut the connection",
    ABORT_ERR: `it did not answer within ${timeoutMs / 1000} s`,
  }
  const isLate = error.name === "AbortError" || error.name === "TimeoutError"
  return new NotTaken(why[isLate ? "ABORT_ERR" : (error.code ?? "")] ?? error.message, { cause: error })
}
