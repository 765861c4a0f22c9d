import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createTlsServer, Server as TlsServer } from "node:https"
import type { Socket } from "node:net"
import { type TlsOptions, TLSSocket } from "node:tls"
import type { LimitName } from "../../../core/kit/limits.ts"
import { Deadlines, type SteadyClock } from "../deadlines.ts"
import { Lobby, type Visitor } from "../lobby.ts"
import { plainAddress } from "../peer-address.ts"
import { UnacknowledgedBytes } from "../unacknowledged.ts"
import { type ByteRange, parseRange } from "./byte-range.ts"
import { BodyRoom } from "./body-room.ts"
import { answerCall, type CallExchange, type DeviceCalls, headOf, sendAway } from "./device-call.ts"
import type { DeviceHttpHost, HttpExchange, HttpFile, HttpNode, HttpNotice } from "./device-http-host.ts"
import { breakOff, FileTransfer, type FileTransferNeeds } from "./file-transfer.ts"
import { type Asked, FairTurns } from "./fair-turns.ts"
import { defaultHttpLimits, type HttpLimits } from "./http-limits.ts"
import type { Origin } from "./origin.ts"
import { requestPath } from "./request-path.ts"

export interface DeviceHttpOptions {
  /** Port 0 = a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** PEM; `null` = plain HTTP. */
  readonly tls: {
    readonly key: string
    readonly cert: string
    /** Who issues clients' certificates (PEM); absent = none is asked for. */
    readonly clientCa?: string
  } | null
  readonly limits?: Partial<HttpLimits>
  readonly host: DeviceHttpHost
  readonly clock: SteadyClock
  readonly log?: (entry: HttpLogEntry) => void
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

export interface HttpLogEntry {
  readonly event: "turned-away" | "bad-request" | "failed"
  readonly peer: string
  readonly error?: unknown
}

export interface DeviceHttpServer {
  readonly address: { readonly host: string; readonly port: number }
  readonly stats: () => HttpStats
  /** Another certificate for connections from now on; only where there was one. */
  readonly renewCertificate: (tls: NonNullable<DeviceHttpOptions["tls"]>) => void
  /**
   * Takes nobody new, gives transfers and calls that run `drainMs` to come to their end, cuts the others with a reset and resolves
   * when the last has told its end.
   */
  readonly close: (drainMs?: number) => Promise<void>
}

export interface HttpStats {
  readonly connections: number
  readonly transfers: number
  readonly totals: {
    readonly connections: number
    readonly turnedAway: number
    readonly requests: number
    readonly transfersWhole: number
    readonly transfersCut: number
    readonly bytesSent: number
  }
}

const backlog = 4096

/** Starts the HTTP server for devices; rejects when it cannot listen. The host says what stands behind a path. */
export async function startDeviceHttp(options: DeviceHttpOptions): Promise<DeviceHttpServer> {
  const running = new RunningDeviceHttp(options)
  await running.listen()
  return running
}

/** What is kept of a connection for the answers on it. */
interface Peer {
  readonly origin: Origin
  readonly asked: Asked
  readonly visitor: Visitor
}

/**
 * Answers as narrow parsers need it (pic32mzw1.md 2.4): exactly `Content-Length`, no chunks, no redirect, no compression, few
 * headers, a notice's headers and body in one write, an abort by reset.
 */
class RunningDeviceHttp implements DeviceHttpServer {
  readonly #options: DeviceHttpOptions
  readonly #limits: HttpLimits
  readonly #deadlines: Deadlines
  readonly #server: Server
  readonly #peers = new Map<Socket, Peer>()
  readonly #lobby: Lobby
  /** Connections whose TLS is not up yet, as visitors. */
  readonly #arriving = new Map<string, Visitor>()
  readonly #transfers = new Map<FileTransfer, Promise<void>>()
  /** Connections that carry a file. */
  readonly #sending = new WeakSet<Socket>()
  readonly #needs: FileTransferNeeds
  /** Connections that carry a file, by whose it is, oldest first. */
  readonly #shares = new WeakMap<object, Set<Socket>>()
  readonly #turns = new FairTurns()
  readonly #bodies: BodyRoom
  #closing: Promise<void> | null = null
  /** Files and calls that are being answered. */
  #underWay = 0
  #totals = { connections: 0, turnedAway: 0, requests: 0, transfersWhole: 0, transfersCut: 0, bytesSent: 0 }

  constructor(options: DeviceHttpOptions) {
    this.#options = options
    this.#limits = { ...defaultHttpLimits, ...options.limits }
    this.#deadlines = new Deadlines(options.clock)
    this.#lobby = new Lobby(this.#limits, this.#deadlines, (what) => options.hit?.(`http.${what}`))
    this.#bodies = new BodyRoom(this.#limits.maxBodyBytes, () => options.hit?.("http.bodies"))
    this.#needs = {
      deadlines: this.#deadlines,
      unacknowledged: new UnacknowledgedBytes(options.clock, this.#deadlines),
      limits: this.#limits,
      countSent: (bytes) => {
        this.#totals.bytesSent += bytes
      },
    }
    const settings = {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
      maxHeaderSize: this.#limits.maxHeaderBytes,
      headersTimeout: this.#limits.headersTimeoutMs,
      requestTimeout: this.#limits.headersTimeoutMs,
      keepAliveTimeout: this.#limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, this.#limits.headersTimeoutMs),
    }
    const answer = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response)
    this.#server =
      options.tls === null
        ? createServer(settings, answer)
        : createTlsServer(
            { ...settings, ...tlsSettings(options.tls), handshakeTimeout: this.#limits.handshakeTimeoutMs },
            answer,
          )
    // Reset at every byte of progress, so it limits standing still and not the whole transfer.
    this.#server.timeout = this.#limits.progressTimeoutMs
    this.#server.on("timeout", (socket) => this.#standStill(socket))
    // Under TLS the connection counts from its first moment, and its requests come on another object.
    this.#server.on("connection", (socket: Socket) => this.#accept(socket, options.tls === null))
    if (options.tls !== null) this.#server.on("secureConnection", (socket: Socket) => this.#secured(socket))
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket as Socket))
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the device HTTP server is not listening")
    return { host: address.address, port: address.port }
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error) => {
        this.#deadlines.stop()
        reject(error)
      })
      this.#server.listen({ ...this.#options.listen, backlog }, () => {
        this.#server.removeAllListeners("error")
        this.#server.on("error", (error) => this.#log("failed", "", error))
        resolve()
      })
    })
  }

  stats(): HttpStats {
    return { connections: this.#peers.size, transfers: this.#transfers.size, totals: { ...this.#totals } }
  }

  renewCertificate({ key, cert, clientCa }: NonNullable<DeviceHttpOptions["tls"]>): void {
    if (!(this.#server instanceof TlsServer)) return
    this.#server.setSecureContext({ key, cert, ...(clientCa === undefined ? {} : { ca: clientCa }) })
  }

  close(drainMs = 0): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#drain(drainMs)
    const ends = [...this.#transfers.values()]
    for (const transfer of this.#transfers.keys()) transfer.cancel("aborted")
    await Promise.all(ends)
    for (const socket of this.#peers.keys()) socket.destroy()
    for (const { giveWay } of this.#arriving.values()) giveWay()
    this.#deadlines.stop()
    await stopped
  }

  /** Resolves when nothing is under way any more, or when the time is up. */
  #drain(ms: number): Promise<void> {
    const until = this.#deadlines.now + ms
    return new Promise((resolve) => {
      const look = (): void => {
        this.#server.closeIdleConnections()
        if (this.#underWay === 0 || this.#deadlines.now >= until) resolve()
        else this.#deadlines.after(1, look)
      }
      look()
    })
  }

  #accept(socket: Socket, isPlain: boolean): void {
    const peer = plainAddress(socket.remoteAddress ?? "")
    this.#totals.connections++
    if (!this.#lobby.hasRoom(peer)) {
      this.#totals.turnedAway++
      this.#log("turned-away", peer)
      breakOff(socket)
      return
    }
    const visitor: Visitor = { peer, lastActiveAt: this.#deadlines.now, giveWay: () => breakOff(socket) }
    this.#lobby.enter(visitor)
    const key = `${peer} ${socket.remotePort ?? 0}`
    if (isPlain) this.#peers.set(socket, { origin: originOf(socket, peer), visitor, asked: FairTurns.newcomer() })
    else this.#arriving.set(key, visitor)
    socket.once("close", () => {
      this.#peers.delete(socket)
      if (this.#arriving.get(key) === visitor) this.#arriving.delete(key)
      this.#lobby.leave(visitor)
    })
  }

  #secured(socket: Socket): void {
    const peer = plainAddress(socket.remoteAddress ?? "")
    const visitor = this.#arriving.get(`${peer} ${socket.remotePort ?? 0}`)
    if (visitor === undefined) {
      breakOff(socket)
      return
    }
    this.#peers.set(socket, { origin: originOf(socket, peer), visitor, asked: FairTurns.newcomer() })
    socket.once("close", () => this.#peers.delete(socket))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const peer = this.#peers.get(request.socket)
    if (peer === undefined) {
      breakOff(request.socket)
      return
    }
    if (!this.#turns.mayAsk(peer.asked)) {
      if (!request.socket.destroyed) this.#options.hit?.("http.pipelined")
      breakOff(request.socket)
      return
    }
    this.#totals.requests++
    response.sendDate = false
    if (this.#closing !== null) return plain(response, 503, "the server is closing")
    const { method = "", url = "" } = request
    const { calls } = this.#options.host
    if (calls !== undefined && url.startsWith(calls.prefix) && url.length <= this.#limits.maxUrlChars) {
      return this.#call(calls, { request, response, path: requestPath(url) ?? "", origin: peer.origin }, peer.visitor)
    }
    if (url.length > this.#limits.maxUrlChars) return plain(response, 414, "URI too long")
    const path = requestPath(url)
    const query = /\?([^#]*)/.exec(url)?.[1] ?? ""
    const { headers } = request
    const node = path === null ? null : this.#options.host.find({ method, path, query, headers, origin: peer.origin })
    const isGet = method === "GET" || method === "HEAD"
    // Whoever shows nothing stays one that gives way, however many requests it makes.
    if (node !== null && !(node.kind === "notice" && node.isForStranger === true)) this.#lobby.isKnown(peer.visitor)
    if (node === null && isGet) return plain(response, 404, "not found")
    if (node === null || (!isGet && isPlainGet(node))) {
      return plain(response, 405, "method not allowed", ["Allow", "GET, HEAD"])
    }
    if (node.kind === "exchange") return this.#exchange(request, response, node)
    if (hasBody(request) && isPlainGet(node)) return plain(response, 413, "this request has no body here")
    this.#give(request, response, node)
  }

  #give(request: IncomingMessage, response: ServerResponse, node: HttpNotice | HttpFile): void {
    if (node.kind === "notice") sendNotice(response, node, request.method ?? "")
    else this.#sendFile(request, response, node)
  }

  #exchange(request: IncomingMessage, response: ServerResponse, { maxBodyBytes, answer }: HttpExchange): void {
    const take = async (): Promise<void> => {
      const body = await this.#bodies.read(request, maxBodyBytes)
      if (body === null) return plain(response, 413, `the body may have ${maxBodyBytes} bytes`)
      const node = await answer(body)
      if (!request.socket.destroyed) this.#give(request, response, node)
    }
    this.#whileUnderWay(take).catch((error: unknown) => this.#failed(request, response, error))
  }

  #call(calls: DeviceCalls, exchange: CallExchange, visitor: Visitor): void {
    const refusal = calls.turnAway(headOf(exchange))
    if (refusal !== null) return sendAway(exchange, refusal)
    this.#lobby.isKnown(visitor)
    const answer = (): Promise<void> => answerCall(calls, exchange, this.#bodies)
    this.#whileUnderWay(answer).catch((error: unknown) => this.#failed(exchange.request, exchange.response, error))
  }

  async #whileUnderWay(deed: () => Promise<void>): Promise<void> {
    this.#underWay++
    try {
      await deed()
    } finally {
      this.#underWay--
    }
  }

  #failed(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    // A caller that goes away in the middle of its own request is nobody's failure.
    if (request.socket.destroyed || !request.complete) return breakOff(request.socket)
    this.#log("failed", this.#peers.get(request.socket)?.origin.peer ?? "", error)
    if (response.headersSent) breakOff(request.socket)
    else plain(response, 503, "not available now")
  }

  #sendFile(request: IncomingMessage, response: ServerResponse, file: HttpFile): void {
    const { headers } = request
    const tag = `"${file.entityTag}"`
    if (!isMatch(headers["if-match"], tag)) return plain(response, 412, "it is another content now", ["ETag", tag])
    const isSame = headers["if-range"] === undefined || headers["if-range"] === tag
    const range = isSame ? parseRange(headers.range, file.sizeBytes) : "whole"
    if (range === "unsatisfiable") {
      return plain(response, 416, "range not satisfiable", ["Content-Range", `bytes */${file.sizeBytes}`])
    }
    const part = range === "whole" ? { from: 0, to: file.sizeBytes } : range
    const head = ["Content-Type", file.contentType, "Content-Length", String(part.to - part.from)]
    if (range !== "whole") head.push("Content-Range", `bytes ${part.from}-${part.to - 1}/${file.sizeBytes}`)
    head.push("Accept-Ranges", "bytes", "ETag", tag, ...(file.headers ?? []), "Connection", "close")
    const status = range === "whole" ? 200 : 206
    if (request.method === "HEAD") {
      response.writeHead(status, head)
      response.end()
      return
    }
    const give = (): Promise<void> => this.#transfer(request.socket, response, { file, part, status, head })
    this.#whileUnderWay(give).catch((error: unknown) => {
      this.#log("failed", this.#peers.get(request.socket)?.origin.peer ?? "", error)
      if (response.headersSent) breakOff(request.socket)
      else plain(response, 503, "not available now")
    })
  }

  async #transfer(
    socket: Socket,
    response: ServerResponse,
    answer: { readonly file: HttpFile; readonly part: ByteRange; readonly status: number; readonly head: string[] },
  ): Promise<void> {
    this.#sending.add(socket)
    const leave = this.#takeShare(answer.file, socket)
    try {
      await this.#transferShared(socket, response, answer)
    } finally {
      leave()
    }
  }

  /** What the kernel holds for a reader who does not read is its owner's: beyond its share the oldest of them is reset. */
  #takeShare({ share }: HttpFile, socket: Socket): () => void {
    if (share === undefined) return () => undefined
    const own = this.#shares.get(share.owner) ?? new Set<Socket>()
    this.#shares.set(share.owner, own)
    for (const oldest of own) {
      if (own.size < share.most) break
      own.delete(oldest)
      this.#options.hit?.("http.transfers-per-login")
      breakOff(oldest)
    }
    own.add(socket)
    return () => void own.delete(socket)
  }

  async #transferShared(
    socket: Socket,
    response: ServerResponse,
    answer: { readonly file: HttpFile; readonly part: ByteRange; readonly status: number; readonly head: string[] },
  ): Promise<void> {
    const content = await answer.file.open(answer.part.from)
    response.writeHead(answer.status, answer.head)
    const transfer = new FileTransfer(response, socket, { content, range: answer.part, needs: this.#needs })
    const over = transfer.run().then(async (end) => {
      if (end.cause === undefined) this.#totals.transfersWhole++
      else this.#totals.transfersCut++
      await content.finished(end)
    })
    this.#transfers.set(
      transfer,
      over.catch(() => undefined),
    )
    try {
      await over
    } finally {
      this.#transfers.delete(transfer)
    }
  }

  /** An answer that does not move is reset; an idle connection is closed. */
  #standStill(socket: Socket): void {
    if (this.#sending.has(socket) || socket.writableLength > 0) breakOff(socket)
    else socket.destroySoon()
  }

  /** Bytes that are no request, headers that are too long or too slow. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    const peer = this.#peers.get(socket)
    if (error.code === "ECONNRESET" || !socket.writable || peer === undefined) {
      socket.destroy()
      return
    }
    this.#options.hit?.("http.bad-requests")
    this.#log("bad-request", peer.origin.peer, error)
    const status = refusals[error.code ?? ""] ?? "400 Bad Request"
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  }

  #log(event: HttpLogEntry["event"], peer: string, error?: unknown): void {
    this.#options.log?.({ event, peer, ...(error === undefined ? {} : { error }) })
  }
}

function originOf(socket: Socket, peer: string): Origin {
  return {
    peer,
    localHost: plainAddress(socket.localAddress ?? ""),
    localPort: socket.localPort ?? 0,
    isTls: socket instanceof TLSSocket,
    ...clientNameOf(socket),
  }
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
}

/** Headers and body leave in one write: Node joins a header block with a Latin-1 text that follows at once. */
function sendNotice(response: ServerResponse, notice: HttpNotice, method: string): void {
  const { status = 200, contentType, content, headers = [] } = notice
  response.removeHeader("connection")
  const type = contentType === null ? [] : ["Content-Type", contentType]
  const length = bodyless.has(status) ? [] : ["Content-Length", String(content.length)]
  response.writeHead(status, [...type, ...length, ...headers])
  if (method === "HEAD" || bodyless.has(status)) response.end()
  else if (notice.read === undefined) response.end(content, "latin1")
  else response.end(content, "latin1", notice.read)
}

/** Statuses whose answers have no body by definition. */
const bodyless: ReadonlySet<number> = new Set([204, 304])

/** What is simply there, for whoever gets it; a notice with a status of its own answers what was asked. */
function isPlainGet(node: HttpNode): boolean {
  return node.kind === "file" || (node.kind === "notice" && node.status === undefined)
}

/** Whether a precondition names the content, or there is none. */
function isMatch(condition: string | undefined, tag: string): boolean {
  if (condition === undefined || condition.trim() === "*") return true
  return condition.split(",").some((one) => one.trim() === tag)
}

/** A short answer in words, after which the connection is closed. */
function plain(response: ServerResponse, status: number, words: string, extra: readonly string[] = []): void {
  const text = `${words}\n`
  const head = ["Content-Type", "text/plain", "Content-Length", String(text.length), ...extra, "Connection", "close"]
  response.writeHead(status, head)
  response.end(text)
}

function tlsSettings({ key, cert, clientCa }: NonNullable<DeviceHttpOptions["tls"]>): TlsOptions {
  // Devices without a certificate are known in other ways.
  return {
    key,
    cert,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  }
}

/** The name in a certificate that was issued by whom the listener trusts. */
function clientNameOf(socket: Socket): Pick<Origin, "clientName"> {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return {}
  const name: unknown = socket.getPeerCertificate().subject?.CN
  return typeof name === "string" ? { clientName: name } : {}
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"
}
