import type { Deadlines } from "../deadlines.ts"

interface PeerRecord {
  failures: number
  lastFailureAt: number
}

const firstDelayMs = 500
const longestDelayMs = 16_000
const forgetMs = 900_000
/** From this many wrong passwords on, an address may only have a few sessions that are not logged in. */
const suspiciousFailures = 10
const maxStrangersFromSuspicious = 8

/**
 * Makes guessing passwords slow without locking out the devices behind the same address: each wrong password of an
 * address is answered later than the one before, up to 16 s; fifteen quiet minutes forget it. The table is bounded: the address that has
 * been quiet longest goes first.
 */
export class LoginThrottle {
  readonly #deadlines: Deadlines
  readonly #maxPeers: number
  /** In the order of the last failure. */
  readonly #peers = new Map<string, PeerRecord>()

  constructor(deadlines: Deadlines, maxPeers = 10_000) {
    this.#deadlines = deadlines
    this.#maxPeers = maxPeers
  }

  /** Notes a wrong password; gives the milliseconds that the answer has to wait. */
  fail(peer: string): number {
    const known = this.#recall(peer)
    const failures = (known?.failures ?? 0) + 1
    this.#peers.delete(peer)
    this.#peers.set(peer, { failures, lastFailureAt: this.#deadlines.now })
    if (this.#peers.size > this.#maxPeers) this.#peers.delete(this.#peers.keys().next().value ?? peer)
    return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 16))
  }

  /** Whether a new session of this address is welcome, given how many of its sessions are not logged in yet. */
  mayConnect(peer: string, strangers: number): boolean {
    if (this.#peers.size === 0) return true
    const failures = this.#recall(peer)?.failures ?? 0
    return failures < suspiciousFailures || strangers < maxStrangersFromSuspicious
  }

  #recall(peer: string): PeerRecord | undefined {
    const known = this.#peers.get(peer)
    if (known === undefined || known.lastFailureAt + forgetMs > this.#deadlines.now) return known
    this.#peers.delete(peer)
    return undefined
  }
}
