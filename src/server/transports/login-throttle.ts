import { addressPrefix } from "./address-prefix.ts"
import type { Deadlines } from "./deadlines.ts"

/** One password that somebody offers. */
export interface Guess {
  readonly peer: string
  readonly user: string
  /** The host knows that this login was last used from this address. */
  readonly isUsual: boolean
}

interface Lane {
  /** Guesses that are not known to have been right. */
  guesses: number
  /** When the next one is looked at. */
  nextAt: number
  lastAt: number
}

interface Law {
  /** Guesses that wait for nothing. */
  readonly free: number
  readonly firstMs: number
  readonly longestMs: number
}

const loginLaw: Law = { free: 3, firstMs: 1000, longestMs: 16_000 }
/** Many devices share an address, and one of them may have a wrong password for ever. */
const addressLaw: Law = { free: 20, firstMs: 250, longestMs: 2000 }
const forgetMs = 900_000
/** A guess that would wait longer is not looked at. */
const longestWaitMs = 20_000
/** A login that nobody has guessed at waits no longer than this, whatever its neighbours do. */
const longestFirstWaitMs = 5000
/** Wrong passwords of a login from the address that it always comes from, until it waits like any other. */
const wrongFromUsual = 20

/**
 * Makes guessing passwords slow without locking out whoever is behind the same address. Guesses are counted when they are
 * made, by login and by address prefix, and wait for their turn before they are looked at: however many sessions
 * somebody opens, one login is tried four times a minute. A login from the address that it usually comes from passes at
 * once. The tables are bounded: what has been quiet longest goes first.
 */
export class LoginThrottle {
  readonly #deadlines: Pick<Deadlines, "now">
  readonly #most: number
  readonly #slowed: () => void
  /** By login and by address prefix, in the order of the last guess. */
  readonly #lanes = new Map<string, Lane>()
  /** Address prefix and login that belong together, with the wrong passwords since the last right one. */
  readonly #usual = new Map<string, number>()

  constructor(deadlines: Pick<Deadlines, "now">, slowed: () => void, most = 20_000) {
    this.#deadlines = deadlines
    this.#slowed = slowed
    this.#most = most
  }

  /** Counts a guess; gives the milliseconds that it waits, or null when it is not to be looked at. */
  admit({ peer, user, isUsual }: Guess): number | null {
    const wrong = this.#usual.get(pairOf(peer, user)) ?? (isUsual ? 0 : wrongFromUsual)
    if (wrong < wrongFromUsual) return 0
    const now = this.#deadlines.now
    const login = this.#lane(`login ${user}`)
    const address = this.#lane(`from ${addressPrefix(peer)}`)
    const ownWaitMs = Math.max(0, login.nextAt - now)
    const waitMs = Math.max(ownWaitMs, address.nextAt - now)
    const isFirst = login.guesses === 0
    if (waitMs > 0) this.#slowed()
    if (!isFirst && waitMs > longestWaitMs) return null
    count(login, loginLaw, now)
    if (waitMs <= longestWaitMs) count(address, addressLaw, now)
    return isFirst ? Math.min(waitMs, longestFirstWaitMs) : waitMs
  }

  /** The password was right: neither the login nor the address is held to have guessed. */
  passed({ peer, user }: Guess): void {
    this.#lanes.delete(`login ${user}`)
    const address = this.#lanes.get(`from ${addressPrefix(peer)}`)
    if (address !== undefined) address.guesses = Math.max(0, address.guesses - 1)
    this.#noteUsual(pairOf(peer, user), 0)
  }

  failed({ peer, user, isUsual }: Guess): void {
    const pair = pairOf(peer, user)
    const wrong = this.#usual.get(pair)
    if (wrong !== undefined || isUsual) this.#noteUsual(pair, (wrong ?? 0) + 1)
  }

  #noteUsual(pair: string, wrong: number): void {
    this.#usual.delete(pair)
    this.#usual.set(pair, wrong)
    dropOldest(this.#usual, this.#most)
  }

  #lane(key: string): Lane {
    const now = this.#deadlines.now
    const known = this.#lanes.get(key)
    this.#lanes.delete(key)
    const isForgotten = known === undefined || known.lastAt + forgetMs <= now
    const lane = isForgotten ? { guesses: 0, nextAt: now, lastAt: now } : known
    this.#lanes.set(key, lane)
    dropOldest(this.#lanes, this.#most)
    return lane
  }
}

function count(lane: Lane, { free, firstMs, longestMs }: Law, now: number): void {
  const over = ++lane.guesses - free
  lane.lastAt = now
  const intervalMs = over < 0 ? 0 : Math.min(longestMs, firstMs * 2 ** Math.min(over, 16))
  lane.nextAt = Math.max(now, lane.nextAt) + intervalMs
}

function dropOldest(table: Map<string, unknown>, most: number): void {
  if (table.size <= most) return
  const oldest = table.keys().next().value
  if (oldest !== undefined) table.delete(oldest)
}

const pairOf = (peer: string, user: string): string => `${addressPrefix(peer)} ${user}`
