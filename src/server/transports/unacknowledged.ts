import { readFile } from "node:fs/promises"
import type { Socket } from "node:net"
import { parseIpAddress } from "../../core/protocols/ftp/address.ts"
import type { Deadlines, SteadyClock } from "./deadlines.ts"

/** What the kernel's table says of one TCP connection of ours. */
export interface TcpRow {
  /** As the kernel numbers them: 1 established, 4 FIN-WAIT-1, 5 FIN-WAIT-2, 6 TIME-WAIT, 8 CLOSE-WAIT, 11 CLOSING. */
  readonly state: number
  /** Bytes handed to the kernel that the peer has not acknowledged; our FIN counts as one. */
  readonly unacknowledged: number
}

export const tcpState = { finWait1: 4, finWait2: 5, timeWait: 6, closeWait: 8, lastAck: 9, closing: 11 } as const

/** Someone who wants to know how far a connection is. */
export interface TcpWatcher {
  readonly key: TcpKey
  /** Called before the table is read: remember what had been handed over by then. */
  readonly beforeLook: () => void
  /** What the table said; `null` = the connection is not in it any more. */
  readonly onLook: (row: TcpRow | null) => void
}

/** A connection's line in the table: the local port, and the peer in the kernel's spelling. */
export type TcpKey = string

const tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"] as const
/** How often the table is read while anybody watches: how far a cut transfer was is known to this. */
const shortestGapMs = 250
const longestGapMs = 2000
/** A reading takes a fiftieth of the time between two at most. */
const gapFactor = 50
/** After a reading comes a rest of so many times its length. */
const restFactor = 20
const longestRestMs = 1500
/** The table lists every connection of the machine, those of the last minute too; a long one costs more than this. */
const cheapLookMs = 5
/** After so long a time without a reading nobody knows what the next one costs. */
const costIsKnownMs = 10_000

/**
 * Reads how many bytes are unacknowledged from Linux's `/proc/net/tcp`, since Node shows only what the kernel accepted, and the
 * kernel accepts megabytes for a device that takes a minute for each. One reading serves everybody who watches. Where
 * there is no such table `isSupported` is false and nobody is told anything.
 */
export class UnacknowledgedBytes {
  readonly #clock: SteadyClock
  readonly #deadlines: Deadlines
  readonly #watchers = new Map<TcpKey, TcpWatcher>()
  readonly #guard = { dueAt: Number.POSITIVE_INFINITY, expire: () => this.#startLook() }
  #isLooking = false
  #restUntil = 0
  #lastCostMs = 0
  #lastLookAt = Number.NEGATIVE_INFINITY
  isSupported = process.platform === "linux"

  constructor(clock: SteadyClock, deadlines: Deadlines) {
    this.#clock = clock
    this.#deadlines = deadlines
    deadlines.add(this.#guard)
  }

  /** Whether a look for each transfer's sake is affordable now. */
  get isCheap(): boolean {
    return this.#lastCostMs <= cheapLookMs || this.#lastLookAt + costIsKnownMs < this.#deadlines.now
  }

  get #gapMs(): number {
    return Math.min(longestGapMs, Math.max(shortestGapMs, this.#lastCostMs * gapFactor))
  }

  watch(watcher: TcpWatcher): void {
    this.#watchers.set(watcher.key, watcher)
    this.#guard.dueAt = Math.min(this.#guard.dueAt, this.#deadlines.now + this.#gapMs)
  }

  /** Reads the table as soon as its cost allows. */
  lookSoon(): void {
    if (this.#isLooking) return
    const now = this.#clock.now()
    if (now >= this.#restUntil) this.#startLook()
    else this.#guard.dueAt = Math.min(this.#guard.dueAt, this.#restUntil)
  }

  unwatch(watcher: TcpWatcher): void {
    if (this.#watchers.get(watcher.key) === watcher) this.#watchers.delete(watcher.key)
  }

  #startLook(): void {
    this.#guard.dueAt = Number.POSITIVE_INFINITY
    if (this.#isLooking || this.#watchers.size === 0) return
    this.#isLooking = true
    this.#look()
      .catch(() => {
        this.isSupported = false
      })
      .finally(() => {
        this.#isLooking = false
        if (this.#watchers.size > 0) this.#guard.dueAt = this.#deadlines.now + this.#gapMs
      })
  }

  async #look(): Promise<void> {
    const startedAt = this.#clock.now()
    const asked = [...this.#watchers.values()]
    for (const watcher of asked) watcher.beforeLook()
    const rows = new Map<TcpKey, TcpRow>()
    const isWanted = (key: TcpKey): boolean => this.#watchers.has(key)
    for (const table of tables) {
      const text = await readFile(table, "latin1").catch((error: NodeJS.ErrnoException) => {
        // A machine without IPv6 has no second table.
        if (table === tables[1] && error.code === "ENOENT") return ""
        throw error
      })
      readRows(text, isWanted, rows)
    }
    this.#lastLookAt = this.#clock.now()
    this.#lastCostMs = this.#lastLookAt - startedAt
    this.#restUntil = this.#lastLookAt + Math.min(longestRestMs, this.#lastCostMs * restFactor)
    for (const watcher of asked) {
      if (this.#watchers.get(watcher.key) === watcher) watcher.onLook(rows.get(watcher.key) ?? null)
    }
  }
}

const rowPattern = /^ *\d+: [0-9A-F]+:([0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]{8}):/gm

/** Adds the wanted lines of one table's text to `rows`. */
export function readRows(text: string, isWanted: (key: TcpKey) => boolean, rows: Map<TcpKey, TcpRow>): void {
  for (const match of text.matchAll(rowPattern)) {
    const key = match[1] ?? ""
    if (!isWanted(key)) continue
    rows.set(key, { state: Number.parseInt(match[2] ?? "0", 16), unacknowledged: Number.parseInt(match[3] ?? "0", 16) })
  }
}

/** The line of a connection, or `null` when it has no addresses any more. */
export function tcpKey(socket: Socket): TcpKey | null {
  const { localPort, remotePort, remoteAddress, remoteFamily } = socket
  if (localPort === undefined || remotePort === undefined || remoteAddress === undefined) return null
  const address = parseIpAddress(remoteAddress)
  if (address === null) return null
  const isMapped = address.family === 4 && remoteFamily === "IPv6"
  const host = address.family === 4 ? kernelIpv4(address.canonical) : kernelWords(address.canonical)
  return `${port(localPort)} ${isMapped ? "0000000000000000FFFF0000" : ""}${host}:${port(remotePort)}`
}

/** The kernel prints addresses as 32-bit words in the machine's own byte order; every machine we know is little-endian. */
function kernelIpv4(text: string): string {
  return kernelWords(
    text
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join(""),
  )
}

function kernelWords(digits: string): string {
  return (digits.match(/.{8}/g) ?? [])
    .map((word) => (word.match(/../g) ?? []).reverse().join(""))
    .join("")
    .toUpperCase()
}

function port(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0")
}
