import type { Deadlines } from "./deadlines.ts"

/** One connection as its door sees it. */
export interface Visitor {
  readonly peer: string
  /** When it came, or was last heard, as the deadlines' clock has it. */
  readonly lastActiveAt: number
  /** Closes it for the sake of others. */
  readonly giveWay: () => void
}

export interface LobbyLimits {
  readonly maxConnections: number
  readonly maxConnectionsPerPeer: number
  readonly maxStrangersPerPeer: number
}

/** How long a visitor must have been silent before it gives way, ms. */
const graceMs = 5000

interface PeerVisitors {
  all: number
  /** Those that have not shown yet that they have business here, oldest first. */
  readonly strangers: Set<Visitor>
}

/**
 * Counts connections by address. Who has shown no business yet gives way to whoever comes next, so that idle connections
 * never make the server refuse anybody.
 */
export class Lobby {
  readonly #limits: LobbyLimits
  readonly #deadlines: Deadlines
  readonly #peers = new Map<string, PeerVisitors>()
  readonly #met: (what: "connections" | "connections-per-address" | "strangers-per-address") => void
  #all = 0

  constructor(
    limits: LobbyLimits,
    deadlines: Deadlines,
    met: (what: "connections" | "connections-per-address" | "strangers-per-address") => void,
  ) {
    this.#limits = limits
    this.#deadlines = deadlines
    this.#met = met
  }

  /** Whether there is room for one more of that address; makes some where it can. */
  hasRoom(peer: string): boolean {
    const { maxConnections, maxConnectionsPerPeer, maxStrangersPerPeer } = this.#limits
    const own = this.#peers.get(peer)
    if (own !== undefined && own.strangers.size >= maxStrangersPerPeer) this.#dropStranger(own)
    if (this.#all >= maxConnections && !this.#dropFromWorst()) {
      this.#met("connections")
      return false
    }
    if (own !== undefined && own.all >= maxConnectionsPerPeer && !this.#dropStranger(own)) {
      this.#met("connections-per-address")
      return false
    }
    return true
  }

  enter(visitor: Visitor): void {
    const own = this.#peers.get(visitor.peer) ?? { all: 0, strangers: new Set() }
    this.#peers.set(visitor.peer, own)
    own.all++
    own.strangers.add(visitor)
    this.#all++
  }

  /** It has business here. */
  isKnown(visitor: Visitor): void {
    this.#peers.get(visitor.peer)?.strangers.delete(visitor)
  }

  leave(visitor: Visitor): void {
    const own = this.#peers.get(visitor.peer)
    if (own === undefined) return
    this.#all--
    own.strangers.delete(visitor)
    own.all -= 1
    if (own.all === 0) this.#peers.delete(visitor.peer)
  }

  #dropStranger({ strangers }: PeerVisitors): boolean {
    const before = this.#deadlines.now - graceMs
    for (const visitor of strangers) {
      if (visitor.lastActiveAt > before) continue
      strangers.delete(visitor)
      this.#met("strangers-per-address")
      visitor.giveWay()
      return true
    }
    return false
  }

  #dropFromWorst(): boolean {
    let worst: PeerVisitors | null = null
    for (const own of this.#peers.values()) if (own.strangers.size > (worst?.strangers.size ?? 0)) worst = own
    return worst !== null && this.#dropStranger(worst)
  }
}
