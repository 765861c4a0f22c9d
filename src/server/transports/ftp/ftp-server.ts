import { randomBytes } from "node:crypto"
import { createServer, isIPv4, type Server, type Socket } from "node:net"
import { createSecureContext, type SecureContext } from "node:tls"
import type { LimitName } from "../../../core/kit/limits.ts"
import { parseIpAddress } from "../../../core/protocols/ftp/address.ts"
import { formatReply } from "../../../core/protocols/ftp/reply.ts"
import { commandTable } from "./commands/command-table.ts"
import { Deadlines, type SteadyClock } from "../deadlines.ts"
import type { TransferEnd } from "../content.ts"
import type { DataPeer } from "./data-peer.ts"
import type { FtpHost, FtpView } from "./ftp-host.ts"
import { defaultFtpLimits, type FtpLimits } from "./ftp-limits.ts"
import { LoginThrottle } from "../login-throttle.ts"
import { type OtherDataPeer, PassivePorts } from "./passive-ports.ts"
import { peerAddress, plainAddress } from "../peer-address.ts"
import { FtpSession } from "./session.ts"
import type { FtpLogEntry, SessionNeeds, SessionOfServer } from "./session-needs.ts"
import { UnacknowledgedBytes } from "../unacknowledged.ts"

export interface FtpServerOptions {
  /** Where the control connections come; port 0 = a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  readonly passive: {
    /** First and last port for data connections; 0 and 0 = free ones. */
    readonly minPort: number
    readonly maxPort: number
    /** IPv4 address for 227 replies when clients reach us by another address than our own (NAT). */
    readonly advertisedAddress?: string
    /** From where data connections may come; absent = from the control connection's address alone. */
    readonly dataPeer?: DataPeer
  }
  /** PEM. `null` = no AUTH TLS. */
  readonly tls: { readonly key: string; readonly cert: string } | null
  /** Whether protected data connections of an account must resume their control connection's TLS session; default all. */
  readonly mustResume?: (account: string) => boolean
  readonly limits?: Partial<FtpLimits>
  readonly host: FtpHost
  readonly clock: SteadyClock
  readonly log?: (entry: FtpLogEntry) => void
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

export interface FtpServer {
  readonly address: { readonly host: string; readonly port: number }
  readonly stats: () => FtpStats
  /** Another certificate for sessions that ask for TLS from now on; only where there was one. */
  readonly renewCertificate: (tls: NonNullable<FtpServerOptions["tls"]>) => void
  /**
   * Takes nobody new, gives the commands that run `drainMs` to come to their end, ends every session with 421 and resolves when
   * the last transfer has told its end.
   */
  readonly close: (drainMs?: number) => Promise<void>
}

/** Counters since the start, and what is open now. */
export interface FtpStats {
  readonly sessions: number
  readonly loggedIn: number
  readonly transfers: number
  readonly passiveListeners: number
  readonly totals: {
    readonly connections: number
    readonly turnedAway: number
    readonly logins: number
    readonly transfersWhole: number
    readonly transfersCut: number
    /** Handed to the network. */
    readonly bytesSent: number
    /** Connections to passive ports that belonged to nobody. */
    readonly strayDataConnections: number
  }
}

const backlog = 4096
const limitOf = {
  sessions: "ftp.connections",
  peer: "ftp.connections-per-address",
  strangers: "ftp.strangers-per-address",
  account: "ftp.sessions-per-login",
} as const satisfies Readonly<Record<string, LimitName>>
const always = (): boolean => true

/** Starts the FTP server; rejects when it cannot listen. The host says who may see what; the server knows FTP. */
export async function startFtpServer(options: FtpServerOptions): Promise<FtpServer> {
  const running = new RunningFtpServer(options)
  await running.listen()
  return running
}

/** The control connections of one address. */
interface PeerSessions {
  sessions: number
  /** Those not logged in, oldest first. */
  readonly strangers: Set<SessionOfServer>
}

class RunningFtpServer implements FtpServer {
  readonly #options: FtpServerOptions
  readonly #limits: FtpLimits
  readonly #deadlines: Deadlines
  readonly #server: Server
  readonly #passivePorts: PassivePorts
  readonly #throttle: LoginThrottle
  readonly #sessions = new Set<FtpSession>()
  /** By peer address: all sessions, and those not logged in. */
  readonly #peers = new Map<string, PeerSessions>()
  /** By account; kept only while it has sessions. */
  readonly #accounts = new Map<string, Set<SessionOfServer>>()
  readonly #needs: SessionNeeds
  readonly #log: (entry: FtpLogEntry) => void
  /** Where we listen, if that is one IPv4 address. */
  readonly #listenAddress: string | null
  #tls: FtpServerOptions["tls"]
  #loggedIn = 0
  #transfers = 0
  #onEmpty: (() => void) | null = null
  #closing: Promise<void> | null = null
  #totals = { connections: 0, turnedAway: 0, logins: 0, transfersWhole: 0, transfersCut: 0, bytesSent: 0 }

  constructor(options: FtpServerOptions) {
    checkOptions(options)
    this.#options = options
    this.#tls = options.tls
    const { host } = options.listen
    this.#listenAddress = isIPv4(host) && host !== "0.0.0.0" ? host : null
    this.#limits = { ...defaultFtpLimits, ...options.limits }
    this.#log = (entry) => {
      if (entry.event === "turned-away") options.hit?.(limitOf[entry.limit])
      options.log?.(entry)
    }
    this.#deadlines = new Deadlines(options.clock)
    const hit = options.hit ?? ((): void => undefined)
    this.#throttle = new LoginThrottle(this.#deadlines, () => hit("ftp.guesses"))
    const { minPort, maxPort } = options.passive
    this.#passivePorts = new PassivePorts(
      {
        host: options.listen.host,
        minPort,
        maxPort,
        limits: this.#limits,
        dataPeer: options.passive.dataPeer ?? "same",
        refused: () => hit("ftp.passive-share"),
        cameFromElsewhere: (entry) => this.#noteElsewhere(entry),
      },
      this.#deadlines,
    )
    this.#needs = this.#sessionNeeds()
    // What is wrong with the certificate shows now, not at the first device.
    this.#newSecureContext()
    // No maxConnections: it would drop connections without a word; the limits answer 421.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
  }

  get address(): { readonly host: string; readonly port: number } {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the FTP server is not listening")
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
        // Accepting may fail for want of file descriptors; the next connection may find some again.
        this.#server.on("error", (error) => this.#log({ event: "failed", peer: "", error }))
        resolve()
      })
    })
  }

  /** Told where the operator looks, and in the transcripts of those whom it was for. */
  #noteElsewhere(entry: OtherDataPeer): void {
    this.#log({ event: "data-from-elsewhere", ...entry })
    const text = `a data connection came from ${entry.dataPeer}, and the control connection from ${entry.peer}; it was ${entry.isTaken ? "taken" : "not taken"} (--ftp-data-peer ${entry.setting})`
    for (const session of this.#sessions) {
      if ((session.hasDataPlan || session.isTransferring) && entry.peer.includes(session.peer)) session.note(text)
    }
  }

  stats(): FtpStats {
    return {
      sessions: this.#sessions.size,
      loggedIn: this.#loggedIn,
      transfers: this.#transfers,
      passiveListeners: this.#passivePorts.listenerCount,
      totals: { ...this.#totals, strayDataConnections: this.#passivePorts.strayConnections },
    }
  }

  renewCertificate(tls: NonNullable<FtpServerOptions["tls"]>): void {
    if (this.#tls !== null) this.#tls = tls
  }

  close(drainMs = 0): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  async #close(drainMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
    for (const session of this.#sessions) session.retire()
    const dismissAll = (): void => {
      for (const session of this.#sessions) session.dismiss(421, "The server is closing")
    }
    if (drainMs === 0) dismissAll()
    else this.#deadlines.after(drainMs, dismissAll)
    if (this.#sessions.size > 0) await empty
    this.#passivePorts.close()
    this.#deadlines.stop()
    await stopped
  }

  #newSecureContext(): SecureContext | null {
    const tls = this.#tls
    return tls === null ? null : createSecureContext({ ...tls, ticketKeys: randomBytes(48) })
  }

  #sessionNeeds(): SessionNeeds {
    const { clock, host, tls, mustResume = always } = this.#options
    return {
      commands: commandTable,
      deadlines: this.#deadlines,
      host,
      limits: this.#limits,
      passivePorts: this.#passivePorts,
      mayUseTls: tls !== null,
      newSecureContext: () => this.#newSecureContext(),
      mustResume,
      throttle: this.#throttle,
      transfer: {
        deadlines: this.#deadlines,
        unacknowledged: new UnacknowledgedBytes(clock, this.#deadlines),
        limits: this.#limits,
        countSent: (bytes) => {
          this.#totals.bytesSent += bytes
        },
        contentFailed: (name, error) => this.#log({ event: "content-failed", name, error }),
        began: () => {
          this.#transfers++
        },
        ended: (end) => this.#countTransfer(end),
      },
      now: clock.now,
      log: this.#log,
      passiveHost: (socket) => this.#passiveHost(socket),
      entered: (session, view) => this.#entered(session, view),
      left: (session) => this.#left(session),
      ended: (session) => this.#ended(session),
    }
  }

  #accept(socket: Socket): void {
    this.#totals.connections++
    const peer = peerAddress(socket)
    if (peer === null) {
      socket.destroy()
      return
    }
    const counts = this.#peers.get(peer) ?? { sessions: 0, strangers: new Set() }
    const limit = this.#limitMet(counts)
    if (limit !== null) {
      this.#totals.turnedAway++
      this.#log({ event: "turned-away", peer, limit })
      socket.on("error", () => socket.destroy())
      socket.end(formatReply(421, "Too many connections"), () => socket.destroy())
      return
    }
    if (counts.strangers.size >= this.#limits.maxStrangersPerPeer) this.#closeIdleStranger(counts)
    counts.sessions++
    this.#peers.set(peer, counts)
    const session = new FtpSession(socket, peer, this.#needs)
    counts.strangers.add(session)
    this.#sessions.add(session)
  }

  #limitMet(counts: PeerSessions): "sessions" | "peer" | null {
    if (this.#sessions.size >= this.#limits.maxSessions && !this.#makeRoomForAll()) return "sessions"
    return counts.sessions >= this.#limits.maxSessionsPerPeer && !this.#closeIdleStranger(counts) ? "peer" : null
  }

  /** Sessions that nobody has logged in on give way: whoever means to log in does so at once. */
  #closeIdleStranger({ strangers }: PeerSessions): boolean {
    const before = this.#deadlines.now - this.#limits.strangerGraceMs
    for (const session of strangers) {
      if (session.lastActiveAt > before) continue
      // To the end of the line at once: its own end comes a moment later.
      strangers.delete(session)
      this.#log({ event: "turned-away", peer: session.peer, limit: "strangers" })
      session.dismiss(421, "Others wait to log in")
      return true
    }
    return false
  }

  /** The address with most sessions that are not logged in has to give one. */
  #makeRoomForAll(): boolean {
    let worst: PeerSessions | null = null
    for (const counts of this.#peers.values()) {
      if (counts.strangers.size > (worst?.strangers.size ?? 0)) worst = counts
    }
    return worst !== null && this.#closeIdleStranger(worst)
  }

  #entered(session: SessionOfServer, view: FtpView): boolean {
    const siblings = this.#accounts.get(view.account) ?? new Set()
    if (siblings.size >= (view.maxSessions ?? this.#limits.maxSessionsPerAccount) && !this.#makeRoom(siblings)) {
      this.#log({ event: "turned-away", peer: session.peer, limit: "account" })
      return false
    }
    siblings.add(session)
    this.#accounts.set(view.account, siblings)
    this.#loggedIn++
    this.#totals.logins++
    const counts = this.#peers.get(session.peer)
    counts?.strangers.delete(session)
    return true
  }

  /** A device that lost its connection comes again before the server has noticed: its forgotten session gives way. */
  #makeRoom(siblings: ReadonlySet<SessionOfServer>): boolean {
    let idlest: SessionOfServer | null = null
    for (const sibling of siblings) {
      if (!sibling.isTransferring && sibling.lastActiveAt < (idlest?.lastActiveAt ?? Number.POSITIVE_INFINITY))
        idlest = sibling
    }
    idlest?.dismiss(421, "This login has come again")
    return idlest !== null
  }

  #left(session: SessionOfServer): void {
    const account = session.account ?? ""
    const siblings = this.#accounts.get(account)
    siblings?.delete(session)
    if (siblings?.size === 0) this.#accounts.delete(account)
    this.#loggedIn--
    const counts = this.#peers.get(session.peer)
    counts?.strangers.add(session)
  }

  #ended(session: SessionOfServer): void {
    this.#sessions.delete(session as FtpSession)
    const counts = this.#peers.get(session.peer)
    if (counts !== undefined) {
      counts.sessions--
      counts.strangers.delete(session)
      if (counts.sessions === 0) this.#peers.delete(session.peer)
    }
    if (this.#sessions.size === 0) this.#onEmpty?.()
  }

  #countTransfer(end: TransferEnd): void {
    this.#transfers--
    if (end.whole) this.#totals.transfersWhole++
    else this.#totals.transfersCut++
  }

  #passiveHost(socket: Socket): string | null {
    const { advertisedAddress } = this.#options.passive
    const address = this.#listenAddress ?? plainAddress(socket.localAddress ?? "")
    if (address.includes(":")) return null
    return advertisedAddress ?? (address === "" ? null : address)
  }
}

function checkOptions(options: FtpServerOptions): void {
  const { minPort, maxPort, advertisedAddress } = options.passive
  const isSystemChosen = minPort === 0 && maxPort === 0
  if (!isSystemChosen && !(minPort >= 1 && minPort <= maxPort && maxPort <= 65_535)) {
    throw new RangeError(`no range of passive ports: ${minPort}-${maxPort}`)
  }
  if (advertisedAddress !== undefined && parseIpAddress(advertisedAddress)?.family !== 4) {
    throw new RangeError(`the advertised passive address must be an IPv4 address, not ${advertisedAddress}`)
  }
}
