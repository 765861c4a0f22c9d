import type { IncomingMessage } from "node:http"
import { isIP } from "node:net"
import type { FastifyRequest } from "fastify"
import type { Permit } from "../../core/contract/permit.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { Caller } from "../people/caller.ts"
import { demandRole } from "../people/within.ts"

export interface GuardOptions {
  /** Whoever holds this token; null = it is none. */
  readonly callerBy: (token: string) => Caller | null
  /** The cookie that holds a session's text. */
  readonly cookieName: string
  /** Names beside `localhost` under which callers may reach the API, in lower case. */
  readonly hosts: readonly string[]
}

/**
 * Looks at the head of a request, before a byte of its body is read: whom it was meant for, which page sent it, who asks,
 * and whether they have the role for it; null = everybody has. `permit` is undefined where there is nothing. Throws `Refusal`.
 */
export function guardHead(
  options: GuardOptions,
  request: FastifyRequest,
  permit: Permit | null | undefined,
): Caller | null {
  demandHost(options, request.raw)
  if (permit === null) return null
  const caller = identify(options, request)
  if (caller === null) throw new Refusal("bad-token")
  if (permit !== undefined) demandRole(caller, permit)
  return caller
}

/** Who makes a request, as far as it shows; null = nobody known, or nobody any more. */
export function identify(
  { callerBy, cookieName }: Pick<GuardOptions, "callerBy" | "cookieName">,
  request: FastifyRequest,
): Caller | null {
  const { headers, method } = request
  const [scheme, token] = (headers.authorization ?? "").split(" ")
  if (scheme?.toLowerCase() === "bearer" && token !== undefined) return withAddress(callerBy(token), request)
  const text = cookieOf(headers.cookie ?? "", cookieName)
  if (text === null) return null
  demandOwnPage(method, headers)
  return withAddress(callerBy(text), request)
}

function withAddress(caller: Caller | null, request: FastifyRequest): Caller | null {
  return caller === null ? null : { ...caller, from: addressOf(request) }
}

/**
 * A browser adds its cookies to whatever any page asks for: a call by cookie has to come from a page of this server. What
 * changes something says which page sent it in every browser; what only reads, in those that know `Sec-Fetch-Site`.
 */
function demandOwnPage(method: string, headers: IncomingMessage["headers"]): void {
  const site = headers["sec-fetch-site"]
  const isForeign = site !== undefined && site !== "same-origin" && site !== "none"
  const isUnnamed = method !== "GET" && headers.origin === undefined && site !== "same-origin"
  // Another origin was refused already.
  if (isForeign || isUnnamed) throw new Refusal("bad-origin", { origin: headers.origin?.slice(0, 100) ?? "elsewhere" })
}

/** The value of a cookie; null = it was not sent. */
function cookieOf(header: string, name: string): string | null {
  for (const pair of header.split(";", 50)) {
    const [key = "", value = ""] = pair.split("=", 2)
    if (key.trim() === name) return value.trim()
  }
  return null
}

/** Where a request comes from: an address, or `local` for the socket in the data folder. */
export function addressOf({ raw, ip }: FastifyRequest): string {
  return raw.socket.remoteAddress === undefined ? "local" : ip.replace(/^::ffff:/, "")
}

/**
 * A page in somebody's browser reaches this API under its own name (DNS rebinding) or as another origin: a numeric
 * address cannot be rebound, a name must be known.
 */
function demandHost({ hosts }: GuardOptions, { headers }: IncomingMessage): void {
  const given = headers.host ?? ""
  const name = hostName(given)
  if (name === null || (isIP(name) === 0 && name !== "localhost" && !hosts.includes(name))) {
    throw new Refusal("bad-host", { host: given.slice(0, 100) })
  }
  const { origin } = headers
  if (origin !== undefined && origin !== `http://${given}` && origin !== `https://${given}`) {
    throw new Refusal("bad-origin", { origin: origin.slice(0, 100) })
  }
}

/** The name of a Host header without its port; null = it is none. */
function hostName(given: string): string | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/.exec(given)
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null
}

/** Whether the request brings a body, and how large it says it is; null = it does not say. */
export function bodyOf({ headers }: IncomingMessage): { readonly sizeBytes: number | null } | null {
  const length = headers["content-length"]
  if (headers["transfer-encoding"] !== undefined) return { sizeBytes: null }
  return length === undefined || length === "0" ? null : { sizeBytes: Number(length) }
}

/** Memory for the bodies of requests that are being read: what does not fit is told to come again. */
export class BodyBudget {
  readonly #mostBytes: number
  readonly #most: number
  #heldBytes = 0
  #held = 0

  constructor({ bytes, bodies }: { readonly bytes: number; readonly bodies: number }) {
    this.#mostBytes = bytes
    this.#most = bodies
  }

  /** Takes room for a body; the returned function gives it back, once. Null when there is none. */
  take(sizeBytes: number): (() => void) | null {
    if (this.#held >= this.#most || this.#heldBytes + sizeBytes > this.#mostBytes) return null
    this.#held++
    this.#heldBytes += sizeBytes
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#held--
      this.#heldBytes -= sizeBytes
    }
  }
}
