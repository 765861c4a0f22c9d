import { randomInt } from "node:crypto"
import { createServer, type Server, type Socket } from "node:net"
import type { Deadlines } from "../deadlines.ts"
import { peerAddress } from "../peer-address.ts"
import { type DataPeer, mayBring } from "./data-peer.ts"
import type { FtpLimits } from "./ftp-limits.ts"

/** A connection to a passive port came from another address than the control connection's. */
export interface OtherDataPeer {
  /** Addresses of the control connections that a connection on this port is expected for, three at most. */
  readonly peer: string
  readonly dataPeer: string
  readonly setting: DataPeer
  readonly isTaken: boolean
}

export interface PassiveOptions {
  readonly dataPeer: DataPeer
  /** Told of data connections from elsewhere, not more often than every ten seconds. */
  readonly cameFromElsewhere: (entry: OtherDataPeer) => void
  /** The address to listen on. */
  readonly host: string
  /** First and last port; 0 and 0 let the system choose. */
  readonly minPort: number
  readonly maxPort: number
  readonly limits: Pick<FtpLimits, "passiveQuarantineMs" | "maxQuarantinedPerAccount" | "passiveShare" | "contestMs">
  /** Told when a login has its share of the ports. */
  readonly refused: () => void
}

/** Who wants a port, and for what. */
export interface PassiveWish {
  readonly peer: string
  readonly account: string
  /** The connection proves itself: everybody of that address may come, and the first is not believed. */
  readonly isProven: boolean
  /** Somebody else of that address came to the port after a connection had been believed. */
  readonly contested: (claim: PassiveClaim) => void
}

/** One session's claim on a passive port for one data connection from its own peer. */
export interface PassiveClaim {
  readonly port: number
  /** The connection, when it came before anybody took it. */
  readonly hasArrived: boolean
  readonly isProven: boolean
  /** Hands over everybody who comes until the claim is released: for one whose connection proves itself. */
  readonly takeEach: (taker: (socket: Socket) => void) => void
  /** Hands the connection over when it is there or comes; `null` when the claim was released first. */
  readonly take: (taker: (socket: Socket | null) => void) => void
  /** Gives the claim back; a connection that nobody took is closed. May be called twice. */
  readonly release: () => void
}

interface PassiveListener {
  readonly server: Server
  readonly port: number
  /** At most one claim for each peer address, so a connection can only belong to that one. */
  readonly claims: Map<string, Claim>
  /** Peers that may still connect for a claim that is over, with the time until when. */
  readonly quarantine: Map<string, number>
  /** Claims whose connection came a moment ago, by peer address: nobody else should come. */
  readonly taken: Map<string, Taken>
}

interface Taken {
  readonly claim: Claim
  readonly until: number
}

/** What one login of one address has of the ports. */
interface Share {
  held: number
  /** Ports that nobody came to, oldest first. */
  readonly quarantined: PassiveListener[]
}

/** Connections that wait to prove themselves on one port. */
const maxCandidates = 16
const smallestShare = 8

/** Listeners opened before a port is used a second time, so that a straggler rarely meets another session's claim. */
const comfortableListeners = 64
const maxSystemChosenListeners = 1000
const purgeMs = 30_000
const backlog = 1024
/** Between two words about data connections from elsewhere: a port scan must not fill the log. */
const tellMs = 10_000

/**
 * A pool of listening ports for passive data connections. A port serves many sessions at once, but never two of the
 * same peer address: what connects is matched by port and address, so one session's file cannot reach another's
 * connection. A port whose claim ended without a connection is kept from that address for a while, since the connection
 * may still be on its way. Two sessions behind one NAT address are told apart by the port alone, which is drawn at random: who
 * connects first proves nothing. A second connection to the same port makes the first one doubtful; only one that
 * resumes its control connection's TLS session is certain.
 *
 * Behind some carriers' NATs data connections come from another address than the control connection. Where the operator lets
 * them (`dataPeer`), a port serves one session at a time, so that it still belongs to the one that is expected.
 */
export class PassivePorts {
  readonly #options: PassiveOptions
  readonly #deadlines: Deadlines
  readonly #listeners: PassiveListener[] = []
  readonly #stopPurging: () => void
  readonly #triedPorts = new Set<number>()
  /** By peer address and login. */
  readonly #shares = new Map<string, Share>()
  #opening = 0
  #cursor = 0
  #isClosed = false
  #tellsFrom = Number.NEGATIVE_INFINITY
  strayConnections = 0

  constructor(options: PassiveOptions, deadlines: Deadlines) {
    this.#options = options
    this.#deadlines = deadlines
    this.#stopPurging = this.#purgeLater()
  }

  get listenerCount(): number {
    return this.#listeners.length
  }

  /** Claims a port for one connection; `null` when there is none to be had, or this login has its share. */
  claim(wish: PassiveWish): PassiveClaim | null | Promise<PassiveClaim | null> {
    const { limits } = this.#options
    const key = `${wish.peer} ${wish.account}`
    const share = this.#shares.get(key) ?? { held: 0, quarantined: [] }
    if (share.held >= Math.max(smallestShare, this.#capacity * limits.passiveShare)) {
      this.#options.refused()
      return null
    }
    this.#shares.set(key, share)
    const own =
      share.quarantined.length >= limits.maxQuarantinedPerAccount ? this.#ownQuarantined(share, wish.peer) : null
    if (own !== null) return this.#claimOn(own, wish, share)
    const isSparse = this.#listeners.length + this.#opening < Math.min(comfortableListeners, this.#capacity)
    const listener = isSparse ? null : this.#freeListener(wish.peer)
    return listener === null ? this.#claimNew(wish, share) : this.#claimOn(listener, wish, share)
  }

  /** A straggler on a port of this login's own meets this login's next connection, and nobody else's. */
  #ownQuarantined({ quarantined }: Share, peer: string): PassiveListener | null {
    const at = quarantined.findIndex(({ claims }) => !this.#isClaimed(claims, peer))
    return quarantined.splice(at, at < 0 ? 0 : 1)[0] ?? null
  }

  #claimOn(listener: PassiveListener, wish: PassiveWish, share: Share): PassiveClaim {
    const { deadlines, limits } = { deadlines: this.#deadlines, limits: this.#options.limits }
    share.held++
    const claim = new Claim(listener, wish, {
      came: () => {
        share.held--
        listener.taken.set(wish.peer, { claim, until: deadlines.now + limits.contestMs })
      },
      nobodyCame: () => {
        share.held--
        listener.quarantine.set(wish.peer, deadlines.now + limits.passiveQuarantineMs)
        if (!share.quarantined.includes(listener)) share.quarantined.push(listener)
      },
    })
    listener.claims.set(wish.peer, claim)
    listener.taken.delete(wish.peer)
    return claim
  }

  close(): void {
    this.#isClosed = true
    this.#stopPurging()
    for (const { server, claims } of this.#listeners.splice(0)) {
      for (const claim of claims.values()) claim.release()
      server.close()
    }
  }

  get #capacity(): number {
    const { minPort, maxPort } = this.#options
    return minPort === 0 ? maxSystemChosenListeners : maxPort - minPort + 1
  }

  async #claimNew(wish: PassiveWish, share: Share): Promise<PassiveClaim | null> {
    const { peer } = wish
    const opened = await this.#open()
    // While it was being opened another session of this peer may have claimed it.
    const listener = opened !== null && this.#isFree(opened, peer) ? opened : this.#freeListener(peer)
    return listener === null || this.#isClosed ? null : this.#claimOn(listener, wish, share)
  }

  #freeListener(peer: string): PassiveListener | null {
    this.#cursor = this.#listeners.length === 0 ? 0 : randomInt(this.#listeners.length)
    for (let i = 0; i < this.#listeners.length; i++) {
      this.#cursor = (this.#cursor + 1) % this.#listeners.length
      const listener = this.#listeners[this.#cursor]
      if (listener !== undefined && this.#isFree(listener, peer)) return listener
    }
    return null
  }

  #isFree(listener: PassiveListener, peer: string): boolean {
    if (this.#isClaimed(listener.claims, peer)) return false
    const { now } = this.#deadlines
    if (this.#options.dataPeer !== "same") return [...listener.quarantine.values()].every((until) => until <= now)
    const until = listener.quarantine.get(peer)
    return until === undefined || until <= now
  }

  /** Whether a connection to that port could be another session's. */
  #isClaimed(claims: PassiveListener["claims"], peer: string): boolean {
    return this.#options.dataPeer === "same" ? claims.has(peer) : claims.size > 0
  }

  async #open(): Promise<PassiveListener | null> {
    this.#opening++
    try {
      for (let port = this.#untriedPort(); port !== null; port = this.#untriedPort()) {
        const listener = await this.#listen(port)
        if (listener !== null || port === 0) return listener
      }
      return null
    } finally {
      this.#opening--
    }
  }

  /** The next port to open; ports that somebody else has are tried again after a purge. */
  #untriedPort(): number | null {
    const { minPort, maxPort } = this.#options
    if (this.#isClosed || this.#listeners.length + this.#opening > this.#capacity) return null
    if (minPort === 0) return 0
    const size = maxPort - minPort + 1
    const first = randomInt(size)
    for (let i = 0; i < size; i++) {
      const port = minPort + ((first + i) % size)
      if (this.#triedPorts.has(port)) continue
      this.#triedPorts.add(port)
      return port
    }
    return null
  }

  #listen(port: number): Promise<PassiveListener | null> {
    return new Promise((resolve) => {
      const claims = new Map<string, Claim>()
      const taken = new Map<string, Taken>()
      const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept({ claims, taken }, socket))
      server.on("error", () => resolve(null))
      server.listen({ host: this.#options.host, port, backlog }, () => {
        const address = server.address()
        if (this.#isClosed || address === null || typeof address === "string") {
          server.close()
          resolve(null)
          return
        }
        const listener = { server, port: address.port, claims, taken, quarantine: new Map<string, number>() }
        this.#listeners.push(listener)
        resolve(listener)
      })
    })
  }

  #accept({ claims, taken }: Pick<PassiveListener, "claims" | "taken">, socket: Socket): void {
    const peer = peerAddress(socket)
    const claim = peer === null ? undefined : (claims.get(peer) ?? this.#claimFromElsewhere(claims, peer))
    if (claim === undefined) {
      this.strayConnections++
      const earlier = this.#options.dataPeer === "same" ? taken.get(peer ?? "") : [...taken.values()].at(-1)
      if (earlier !== undefined && earlier.until > this.#deadlines.now) earlier.claim.contest()
      socket.on("error", ignoreError)
      socket.resetAndDestroy()
      return
    }
    claim.arrive(socket)
  }

  /** The one claim on a port, where a connection for it may come from that address too. */
  #claimFromElsewhere(claims: PassiveListener["claims"], dataPeer: string): Claim | undefined {
    const [first, ...others] = claims
    if (first === undefined) return undefined
    const { dataPeer: setting, cameFromElsewhere } = this.#options
    const isTaken = others.length === 0 && mayBring(setting, first[0], dataPeer)
    const { now } = this.#deadlines
    if (now >= this.#tellsFrom) {
      this.#tellsFrom = now + tellMs
      cameFromElsewhere({ peer: [...claims.keys()].slice(0, 3).join(", "), dataPeer, setting, isTaken })
    }
    return isTaken ? first[1] : undefined
  }

  #purgeLater(): () => void {
    const guard = {
      dueAt: this.#deadlines.now + purgeMs,
      expire: () => {
        guard.dueAt = this.#deadlines.now + purgeMs
        this.#purge()
      },
    }
    this.#deadlines.add(guard)
    return () => this.#deadlines.delete(guard)
  }

  #purge(): void {
    const { now } = this.#deadlines
    for (const { quarantine, taken } of this.#listeners) {
      for (const [peer, until] of quarantine) if (until <= now) quarantine.delete(peer)
      for (const [peer, { until }] of taken) if (until <= now) taken.delete(peer)
    }
    for (const [key, share] of this.#shares) {
      const peer = key.slice(0, key.indexOf(" "))
      const left = share.quarantined.filter(({ quarantine }) => quarantine.has(peer))
      share.quarantined.splice(0, share.quarantined.length, ...left)
      if (share.held === 0 && left.length === 0) this.#shares.delete(key)
    }
    if (this.#opening > 0) return
    this.#triedPorts.clear()
    for (const { port } of this.#listeners) this.#triedPorts.add(port)
  }
}

interface ClaimEnds {
  readonly came: () => void
  readonly nobodyCame: () => void
}

class Claim implements PassiveClaim {
  readonly #listener: PassiveListener
  readonly #wish: PassiveWish
  readonly #ends: ClaimEnds
  #sockets: Socket[] = []
  #taker: ((socket: Socket | null) => void) | null = null
  #takerOfEach: ((socket: Socket) => void) | null = null
  #candidates = 0
  #isReleased = false
  #isContested = false

  constructor(listener: PassiveListener, wish: PassiveWish, ends: ClaimEnds) {
    this.#listener = listener
    this.#wish = wish
    this.#ends = ends
  }

  get port(): number {
    return this.#listener.port
  }

  get isProven(): boolean {
    return this.#wish.isProven
  }

  get hasArrived(): boolean {
    return this.#sockets.length > 0
  }

  arrive(socket: Socket): void {
    socket.on("error", ignoreError)
    if (this.isProven) this.#consider(socket)
    else {
      this.#listener.claims.delete(this.#wish.peer)
      this.#ends.came()
      const taker = this.#taker
      this.#taker = null
      if (taker === null) this.#sockets.push(socket)
      else taker(socket)
    }
  }

  contest(): void {
    if (this.#isContested) return
    this.#isContested = true
    this.#wish.contested(this)
  }

  take(taker: (socket: Socket | null) => void): void {
    const socket = this.#sockets.shift()
    if (socket !== undefined) taker(socket)
    else if (this.#isReleased) taker(null)
    else this.#taker = taker
  }

  takeEach(taker: (socket: Socket) => void): void {
    this.#takerOfEach = taker
    for (const socket of this.#sockets.splice(0)) taker(socket)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    if (this.#listener.claims.get(this.#wish.peer) === this) {
      this.#listener.claims.delete(this.#wish.peer)
      if (this.#candidates === 0) this.#ends.nobodyCame()
      else this.#ends.came()
    }
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    const taker = this.#taker
    this.#taker = null
    taker?.(null)
  }

  #consider(socket: Socket): void {
    if (this.#isReleased || this.#candidates >= maxCandidates) {
      socket.resetAndDestroy()
      return
    }
    this.#candidates++
    socket.once("close", () => this.#candidates--)
    if (this.#takerOfEach === null) this.#sockets.push(socket)
    else this.#takerOfEach(socket)
  }
}

/** A data connection that breaks before its transfer is found broken by the transfer. */
function ignoreError(): void {
  return
}
