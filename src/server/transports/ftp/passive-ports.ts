import { createServer, type Server, type Socket } from "node:net"
import type { Deadlines } from "../deadlines.ts"
import { peerAddress } from "../peer-address.ts"

export interface PassiveOptions {
  /** The address to listen on. */
  readonly host: string
  /** First and last port; 0 and 0 let the system choose. */
  readonly minPort: number
  readonly maxPort: number
  /** How long a port nobody came to is not given to the same address again. */
  readonly quarantineMs: number
}

/** One session's claim on a passive port for one data connection from its own peer. */
export interface PassiveClaim {
  readonly port: number
  /** The connection, when it came before anybody took it. */
  readonly hasArrived: boolean
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
}

/** Listeners opened before a port is used a second time, so that a straggler rarely meets another session's claim. */
const comfortableListeners = 64
const maxSystemChosenListeners = 1000
const purgeMs = 30_000
const backlog = 1024

/**
 * A pool of listening ports for passive data connections. A port serves many sessions at once, but never two of the
 * same peer address: what connects is matched by port and address, so one session's file cannot reach another's
 * connection. A port whose claim ended without a connection is kept from that address for a while, since the connection
 * may still be on its way. Two sessions behind one NAT address are told apart by the port alone; only TLS (PROT P)
 * protects against a neighbour who connects to ports on purpose.
 */
export class PassivePorts {
  readonly #options: PassiveOptions
  readonly #deadlines: Deadlines
  readonly #listeners: PassiveListener[] = []
  readonly #stopPurging: () => void
  readonly #triedPorts = new Set<number>()
  #opening = 0
  #cursor = 0
  #isClosed = false
  strayConnections = 0

  constructor(options: PassiveOptions, deadlines: Deadlines) {
    this.#options = options
    this.#deadlines = deadlines
    this.#stopPurging = this.#purgeLater()
  }

  get listenerCount(): number {
    return this.#listeners.length
  }

  /** Claims a port for one connection from `peer`; `null` when there is none to be had. */
  claim(peer: string): PassiveClaim | null | Promise<PassiveClaim | null> {
    const isSparse = this.#listeners.length + this.#opening < Math.min(comfortableListeners, this.#capacity)
    const listener = isSparse ? null : this.#freeListener(peer)
    return listener === null ? this.#claimNew(peer) : claimOn(listener, peer, this.#quarantineUntil)
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

  readonly #quarantineUntil = (): number => this.#deadlines.now + this.#options.quarantineMs

  async #claimNew(peer: string): Promise<PassiveClaim | null> {
    const opened = await this.#open()
    // While it was being opened another session of this peer may have claimed it.
    const listener = opened !== null && this.#isFree(opened, peer) ? opened : this.#freeListener(peer)
    return listener === null || this.#isClosed ? null : claimOn(listener, peer, this.#quarantineUntil)
  }

  #freeListener(peer: string): PassiveListener | null {
    for (let i = 0; i < this.#listeners.length; i++) {
      this.#cursor = (this.#cursor + 1) % this.#listeners.length
      const listener = this.#listeners[this.#cursor]
      if (listener !== undefined && this.#isFree(listener, peer)) return listener
    }
    return null
  }

  #isFree(listener: PassiveListener, peer: string): boolean {
    if (listener.claims.has(peer)) return false
    const until = listener.quarantine.get(peer)
    return until === undefined || until <= this.#deadlines.now
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
    for (let port = minPort; port <= maxPort; port++) {
      if (this.#triedPorts.has(port)) continue
      this.#triedPorts.add(port)
      return port
    }
    return null
  }

  #listen(port: number): Promise<PassiveListener | null> {
    return new Promise((resolve) => {
      const claims = new Map<string, Claim>()
      const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(claims, socket))
      server.on("error", () => resolve(null))
      server.listen({ host: this.#options.host, port, backlog }, () => {
        const address = server.address()
        if (this.#isClosed || address === null || typeof address === "string") {
          server.close()
          resolve(null)
          return
        }
        const listener = { server, port: address.port, claims, quarantine: new Map<string, number>() }
        this.#listeners.push(listener)
        resolve(listener)
      })
    })
  }

  #accept(claims: Map<string, Claim>, socket: Socket): void {
    const peer = peerAddress(socket)
    const claim = peer === null ? undefined : claims.get(peer)
    if (claim === undefined) {
      this.strayConnections++
      socket.on("error", ignoreError)
      socket.resetAndDestroy()
      return
    }
    claim.arrive(socket)
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
    for (const { quarantine } of this.#listeners) {
      for (const [peer, until] of quarantine) if (until <= this.#deadlines.now) quarantine.delete(peer)
    }
    if (this.#opening > 0) return
    this.#triedPorts.clear()
    for (const { port } of this.#listeners) this.#triedPorts.add(port)
  }
}

function claimOn(listener: PassiveListener, peer: string, quarantineUntil: () => number): PassiveClaim {
  const claim = new Claim(listener, peer, quarantineUntil)
  listener.claims.set(peer, claim)
  return claim
}

class Claim implements PassiveClaim {
  readonly #listener: PassiveListener
  readonly #peer: string
  readonly #quarantineUntil: () => number
  #socket: Socket | null = null
  #taker: ((socket: Socket | null) => void) | null = null
  #isReleased = false

  constructor(listener: PassiveListener, peer: string, quarantineUntil: () => number) {
    this.#listener = listener
    this.#peer = peer
    this.#quarantineUntil = quarantineUntil
  }

  get port(): number {
    return this.#listener.port
  }

  get hasArrived(): boolean {
    return this.#socket !== null
  }

  arrive(socket: Socket): void {
    this.#listener.claims.delete(this.#peer)
    socket.on("error", ignoreError)
    const taker = this.#taker
    this.#taker = null
    if (taker === null) this.#socket = socket
    else taker(socket)
  }

  take(taker: (socket: Socket | null) => void): void {
    const socket = this.#socket
    this.#socket = null
    if (socket !== null) taker(socket)
    else if (this.#isReleased) taker(null)
    else this.#taker = taker
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    if (this.#listener.claims.get(this.#peer) === this) {
      this.#listener.claims.delete(this.#peer)
      this.#listener.quarantine.set(this.#peer, this.#quarantineUntil())
    }
    this.#socket?.destroy()
    this.#socket = null
    const taker = this.#taker
    this.#taker = null
    taker?.(null)
  }
}

/** A data connection that breaks before its transfer is found broken by the transfer. */
function ignoreError(): void {
  return
}
