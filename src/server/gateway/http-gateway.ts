import type { DeviceAccess } from "../../core/domain/records.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { OfferedFile } from "../../core/families/family.ts"
import { notFound, type RouteAnswer, type RouteRequest, type RouteSituation } from "../../core/families/routes.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import { isOver, type LiveChannel, type LiveDevice, type Offered, offeredBy, offeredTo } from "../fleet/live-fleet.ts"
import { ticketChars } from "../fleet/make-offers.ts"
import { recordReport } from "../fleet/record-report.ts"
import type { TransferContent } from "../transports/content.ts"
import type { DeviceHttpHost, HttpFile, HttpNode, HttpNotice } from "../transports/http/device-http-host.ts"
import type { Origin } from "../transports/http/origin.ts"
import type { RequestHead } from "../transports/http/request-head.ts"
import { enrolCaller, findCaller } from "./find-caller.ts"
import type { WireSession } from "../fleet/wire/wire-session.ts"
import { takeDownHttp } from "./http-transcript.ts"
import { isSameText } from "./is-same-text.ts"
import { type GatewayNeeds, LoginSession, readingMs, type SessionFile, ticketFiles } from "./login-session.ts"
import { windowOf } from "./window-of.ts"
import { type RouteMatch, RouteTable } from "../../core/families/route-table.ts"

export type HttpGatewayNeeds = GatewayNeeds &
  Pick<FleetNeeds, "randomText"> & {
    /** Scheme, host and port as devices reach the listener; null = the address at which each request came. */
    readonly deviceUrl: string | null
    /** Told of each limit that is met. */
    readonly hit?: (limit: LimitName) => void
  }

type Login = LiveDevice | LiveChannel

/** Where the package of one-time credentials stands: `/p/<user><secret>/<name>`. */
const ticketPath = new RegExp(`^/p/([A-Za-z0-9]{${ticketChars}})([A-Za-z0-9]{${ticketChars}})/([A-Za-z0-9._-]{1,64})$`)

/** The directory of one-time credentials, with a final slash. */
export function ticketDirectory(deviceUrl: string, { user, secret }: DeviceAccess): string {
  return `${deviceUrl}/p/${user}${secret}/`
}

/**
 * Joins the device HTTP server to the fleet: request -> the route of a family -> device or channel -> answer; reads,
 * transfers and reports -> facts. A poll to which there is nothing new is answered from memory.
 */
export function httpGateway(needs: HttpGatewayNeeds): DeviceHttpHost {
  const gateway = new HttpGateway(needs)
  return { find: (head) => gateway.find(head) }
}

class HttpGateway {
  readonly #needs: HttpGatewayNeeds
  readonly #routes: RouteTable
  readonly #told = new WeakMap<Login, { readonly since: number; count: number }>()
  /** The last quiet poll of each device, as it was taken down. */
  readonly #heard = new WeakMap<
    LiveDevice,
    { readonly answer: RouteAnswer; readonly headers: number; readonly session: WireSession }
  >()
  /** Numbers begin anew with every start: no session of an earlier run has the name of a later one. */
  readonly #run: string
  #sessions = 0

  constructor(needs: HttpGatewayNeeds) {
    this.#needs = needs
    this.#run = needs.randomText(8)
    this.#routes = new RouteTable(needs.families)
  }

  find(head: RequestHead): HttpNode | null {
    const ticket = ticketPath.exec(head.path)
    if (ticket !== null) return this.#ticketNode(ticket, head)
    const match = this.#routes.find(head.method, head.path)
    if (match === null) return null
    if ("allowed" in match) return methodRefused(match.allowed)
    const request = requestOf(match, head)
    const caller = findCaller(this.#needs, match.family, match.route.caller(request), head.origin)
    const node = this.#answer({ match, head, request, caller })
    if (caller.kind !== "known" || caller.login.kind !== "device") return node
    return this.#takeDown(caller.login, { match, head, node })
  }

  /** Nearly every request is a poll that says what the one before said: it is counted, which costs next to nothing. */
  #takeDown(
    login: LiveDevice,
    { match, head, node }: { readonly match: RouteMatch; readonly head: RequestHead; readonly node: HttpNode },
  ): HttpNode {
    const { wire } = this.#needs
    if (wire?.isOn !== true) return node
    const { peer } = head.origin
    const answer = login.answered?.answer ?? null
    const headers = Object.keys(head.headers).length
    const before = this.#heard.get(login)
    if (
      before !== undefined &&
      before.answer === answer &&
      before.headers === headers &&
      before.session.peer === peer &&
      before.session.deviceId !== null
    ) {
      before.session.again(login.seenAt)
      return node
    }
    const deviceId = login.device.id
    const taken = takeDownHttp(wire, { deviceId, channel: match.family.id === "ddi" ? "ddi" : "http", head }, node)
    const session = answer === null ? null : wire.single(deviceId)
    if (answer === null || session === null) this.#heard.delete(login)
    else this.#heard.set(login, { answer, headers, session })
    return taken
  }

  #answer({ match, head, request, caller }: Called): HttpNode {
    const { route } = match
    if (caller.kind === "nobody") return { ...textNode(route.stranger ?? notFound), isForStranger: true }
    if (route.bodyBytes !== undefined && caller.kind === "known" && !this.#mayTell(caller.login)) return tooMany
    if (route.bodyBytes !== undefined || caller.kind === "enrolling") {
      const maxBodyBytes = route.bodyBytes ?? 0
      return {
        kind: "exchange",
        maxBodyBytes,
        answer: (body) =>
          orRefusal(async () => {
            const login = caller.kind === "enrolling" ? await enrolCaller(this.#needs, caller) : caller.login
            return this.#answerFresh(match, { ...request, body }, { login, origin: head.origin })
          }),
      }
    }
    const signs = [head.method, ...Object.keys(head.headers)]
    const isHead = head.method === "HEAD"
    return this.#answerGet(match, request, { login: caller.login, origin: head.origin, signs, isHead })
  }

  /** Whether a login may tell something once more in this minute: each has its own limit, whatever address it shares. */
  #mayTell(login: Login): boolean {
    const now = this.#needs.clock.monotonic()
    const before = this.#told.get(login)
    const minute = before !== undefined && now - before.since < 60_000 ? before : { since: now, count: 0 }
    minute.count++
    this.#told.set(login, minute)
    if (minute.count <= limits["device.reports"].most) return true
    this.#needs.hit?.("device.reports")
    return false
  }

  #answerGet(match: RouteMatch, request: RouteRequest, contact: Contact): HttpNode {
    const { login } = contact
    const origin = this.#needs.deviceUrl ?? originUrl(contact.origin)
    if (match.route.isPoll === true) {
      const quiet = this.#poll(match, request, login, origin)
      if (quiet !== null) {
        noteQuietPoll(this.#needs, login, contact.origin.peer)
        return textNode(quiet)
      }
    }
    const offered = offeredNow(this.#needs, login)
    const answer = match.route.answer(this.#situation(login, offered, origin), request)
    if (answer.report !== undefined && contact.isHead !== true && login.kind === "device") {
      return {
        kind: "exchange",
        maxBodyBytes: 0,
        answer: () => orRefusal(() => this.#answerFresh(match, request, contact)),
      }
    }
    return this.#nodeOf(contact, this.#orAsRead(match, request, { login, origin, offered, answer }))
  }

  /** The answer of a poll to which there is nothing new; null = there is. */
  #poll({ route, family }: RouteMatch, request: RouteRequest, login: Login, origin: string): RouteAnswer | null {
    const offered = offeredNow(this.#needs, login)
    const device = login.kind === "device" ? login.device : null
    const asked = `${family.id} ${origin} ${Object.values(request.params).join(" ")} ${request.query} ${Object.values(request.headers).join(" ")}`
    const before = login.answered
    const isSame =
      before !== null &&
      before.request === asked &&
      before.device === device &&
      before.offered === null &&
      offered === null
    if (isSame) return before.answer
    const answer = route.answer(this.#situation(login, offered, origin), request)
    const hasUpdate = login.kind === "device" && login.update !== null && !isOver(login.update)
    const isQuiet = offered === null && !hasUpdate && answer.report === undefined && answer.afterRead === undefined
    login.answered = isQuiet ? { request: asked, device, offered: null, answer } : null
    return isQuiet ? answer : null
  }

  /** Answers once nothing else is under way for the device, and makes durable what the request says. */
  async #answerFresh(match: RouteMatch, request: RouteRequest, contact: Contact): Promise<HttpNotice | HttpFile> {
    const { login, origin: from } = contact
    const origin = this.#needs.deviceUrl ?? originUrl(from)
    const read = (): Found => {
      const offered = offeredNow(this.#needs, login)
      return { offered, answer: match.route.answer(this.#situation(login, offered, origin), request) }
    }
    if (login.kind === "channel") return this.#nodeOf(contact, read())
    this.#needs.live.touch(login, from.peer)
    const found = await recordReport(this.#needs, login, () => {
      const one = read()
      return { report: one.answer.report, read: one }
    })
    return this.#nodeOf(contact, this.#orAsRead(match, request, { login, origin, ...found }))
  }

  /** A file that is not there any more may be what the login has read of. */
  #orAsRead(match: RouteMatch, request: RouteRequest, found: Found & { login: Login; origin: string }): Found {
    const { login, origin, answer } = found
    const reading = answer.status === 404 ? this.#reading(login) : null
    if (reading === null) return found
    const read = match.route.answer(this.#situation(login, reading, origin), request)
    return read.body !== undefined && "image" in read.body ? { offered: reading, answer: read } : found
  }

  #reading(login: Login): Offered | null {
    const { reading } = login
    return reading === null || this.#needs.clock.monotonic() - reading.at > readingMs ? null : reading.offered
  }

  #situation(login: Login, offered: Offered | null, origin: string): RouteSituation {
    const now = this.#needs.clock.now()
    if (login.kind === "channel") return { device: null, offered, update: null, origin, now }
    const { id, model, labels, familyState, running, admission } = login.device
    const { update } = login
    return {
      device: {
        id,
        model,
        labels,
        familyState,
        runningVersion: running.version,
        isReported: running.evidence === "reported",
        isPending: admission === "pending",
      },
      offered,
      update:
        update === null || isOver(update)
          ? null
          : {
              id: update.id,
              state: update.progress.state,
              version: this.#needs.live.releases.get(update.releaseId)?.version ?? "",
              window: windowOf(this.#needs.live, update, now),
            },
      origin,
      now,
    }
  }

  #nodeOf({ login, origin, signs = [] }: Contact, { offered, answer }: Found): HttpNotice | HttpFile {
    const session = new LoginSession(this.#needs, login, {
      id: `http-${this.#run}-${++this.#sessions}`,
      peer: origin.peer,
      signs,
    })
    const { body } = answer
    if (body !== undefined && "image" in body) {
      const file: OfferedFile = { name: "", role: "image", image: body.image }
      return fileNode(session, { file, offered }, { ...body, headers: flat(answer.headers) })
    }
    return this.#noticeNode(session, login, { offered, answer })
  }

  #noticeNode(session: LoginSession, login: Login, { offered, answer }: Found): HttpNotice {
    const node = textNode(answer)
    const hold = answer.isNotice === true ? session.openNotice(offered) : null
    const { afterRead } = answer
    if (hold === null && afterRead === undefined) return node
    const complain = (error: unknown): void => this.#needs.complain(`a device's poll was not recorded`, error)
    return {
      ...node,
      read: () => {
        hold?.().catch(complain)
        if (afterRead === undefined || login.kind !== "device" || session.isVisitor) return
        recordReport(this.#needs, login, () => ({ report: afterRead, read: null })).catch(complain)
      },
    }
  }

  #ticketNode([, user = "", secret = "", name]: RegExpExecArray, head: RequestHead): HttpNode | null {
    const { peer } = head.origin
    const live = this.#needs.live.tickets.get(user)
    if (live === undefined || !isSameText(secret, live.update?.ticket?.secret ?? "")) return null
    const session = new LoginSession(this.#needs, live, { id: `http-${this.#run}-${++this.#sessions}`, peer })
    const found = session.files(ticketFiles(session.family)).find(({ file }) => file.name === name)
    if (found?.file.role !== "image") return null
    const { image } = found.file
    const node = fileNode(session, found, {
      type: "application/octet-stream",
      image,
      entityTag: image.sha256.slice(0, 32),
    })
    const { wire } = this.#needs
    return wire === undefined ? node : takeDownHttp(wire, { deviceId: live.device.id, channel: "http", head }, node)
  }
}

interface Called {
  readonly match: RouteMatch
  readonly head: RequestHead
  readonly request: RouteRequest
  readonly caller: ReturnType<typeof findCaller>
}

interface Contact {
  readonly login: Login
  readonly origin: Origin
  /** The method and the names of the headers, as a client's kind can be told by them. */
  readonly signs?: readonly string[]
  readonly isHead?: boolean
}

/** An answer, and the offer that it was made from. */
interface Found {
  readonly offered: Offered | null
  readonly answer: RouteAnswer
}

function offeredNow({ live }: GatewayNeeds, login: Login): Offered | null {
  return login.kind === "device" ? offeredTo(live, login) : offeredBy(live, login)
}

const noBody = new Uint8Array(0)

function requestOf({ route, params }: RouteMatch, { query, headers }: RequestHead): RouteRequest {
  const wanted: Record<string, string> = {}
  for (const name of route.headers ?? []) {
    const value = headers[name]
    if (typeof value === "string") wanted[name] = value
  }
  return { method: route.method, params, query, headers: wanted, body: noBody }
}

/** What every poll leaves behind, and a quiet one nothing else. */
function noteQuietPoll({ live }: GatewayNeeds, login: Login, peer: string): void {
  if (login.reading !== null) login.reading = null
  if (login.kind === "device") live.touch(login, peer)
  else login.polls++
}

function textNode({ status, body, headers }: RouteAnswer): HttpNotice {
  if (body !== undefined && "image" in body) throw new Error("a file is no text")
  return {
    kind: "notice",
    status,
    contentType: body?.type ?? null,
    content: body?.text ?? "",
    ...(headers === undefined ? {} : { headers: flat(headers) }),
  }
}

/** What a caller did wrong is an answer. */
async function orRefusal(answer: () => Promise<HttpNotice | HttpFile>): Promise<HttpNotice | HttpFile> {
  try {
    return await answer()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { code, status, message } = error
    const text = JSON.stringify({ type: "about:blank", title: code, status, detail: message })
    const type = "application/problem+json"
    return textNode({ status, body: { type, text: Buffer.from(text, "utf8").toString("latin1") } })
  }
}

function methodRefused(allowed: readonly string[]): HttpNotice {
  const names = allowed.flatMap((name) => (name === "GET" ? [name, "HEAD"] : [name])).join(", ")
  const node = textNode({
    status: 405,
    headers: { Allow: names },
    body: { type: "text/plain", text: "method not allowed\n" },
  })
  return { ...node, isForStranger: true }
}

const tooMany: HttpNotice = textNode({
  status: 429,
  headers: { "Retry-After": "60" },
  body: { type: "text/plain", text: `a device may tell ${limits["device.reports"].most} things in a minute\n` },
})

function flat(headers: Readonly<Record<string, string>> = {}): readonly string[] {
  return Object.entries(headers).flat()
}

interface FileShape {
  readonly type: string
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
  readonly part?: { readonly offset: number; readonly sizeBytes: number }
  readonly entityTag: string
  readonly headers?: readonly string[]
}

function fileNode(
  session: LoginSession,
  found: SessionFile,
  { type, image, part, entityTag, headers = [] }: FileShape,
): HttpFile {
  return {
    kind: "file",
    contentType: type,
    headers,
    sizeBytes: part?.sizeBytes ?? image.sizeBytes,
    entityTag,
    share: session.share,
    open: async (offset) => {
      if (part === undefined || part.sizeBytes === image.sizeBytes) return session.open(found, offset)
      const span = [part.offset, part.offset + part.sizeBytes] as const
      return partOf(await session.open(found, part.offset + offset, span), part)
    },
  }
}

/** One of the files that stand one behind another in an image. */
function partOf(
  content: TransferContent,
  { offset, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): TransferContent {
  return {
    sizeBytes,
    read: (from, most) => content.read(offset + from, Math.min(most, sizeBytes - from)),
    progress: (taken) => content.progress?.(offset + taken),
    finished: ({ from, to, sent = to, ...end }) =>
      content.finished({ ...end, from: offset + from, to: offset + to, sent: offset + sent }),
  }
}

/** Devices send their Host header without a port, so the socket's own address is asked. */
export function originUrl({ isTls, localHost, localPort }: Origin): string {
  const host = localHost.includes(":") ? `[${localHost}]` : localHost
  return `${isTls ? "https" : "http"}://${host}:${localPort}`
}
