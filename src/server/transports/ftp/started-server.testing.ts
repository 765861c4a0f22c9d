import type { SteadyClock } from "../deadlines.ts"
import { type FtpServer, type FtpServerOptions, startFtpServer } from "./ftp-server.ts"
import { MemoryHost } from "./memory-host.testing.ts"

export const notice = Buffer.from("FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n")
export const otherNotice = Buffer.from("FILE:PROG002\nPATH:/\nSIZE:4711\nVERSION:2\n")
export const program = Buffer.from(Uint8Array.from({ length: 120_000 }, (_, i) => (i * 31) >> 3))

/** A clock that moves when the test says so. */
export class HandClock implements SteadyClock {
  #now = Date.parse("2026-11-21T00:00:00Z")
  readonly #ticks = new Set<() => void>()

  readonly now = (): number => this.#now

  readonly every = (_ms: number, tick: () => void): (() => void) => {
    this.#ticks.add(tick)
    return () => this.#ticks.delete(tick)
  }

  /** Lets time pass in steps of a tick, and the server do what is due. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms
    while (this.#now < until) {
      this.#now = Math.min(until, this.#now + 500)
      for (const tick of this.#ticks) tick()
      await turn()
    }
  }
}

/** The machine's own clock. */
export const wallClock: SteadyClock = {
  now: Date.now,
  every: (ms, tick) => {
    const timer = setInterval(tick, ms)
    return () => clearInterval(timer)
  },
}

export interface Started {
  readonly server: FtpServer
  readonly port: number
  readonly host: MemoryHost
  readonly clock: HandClock
  /** The content of `BIG`: more than any socket buffer holds. */
  readonly big: Uint8Array
  /** Waits, turn by turn, until the condition holds. */
  readonly until: (condition: () => boolean | Promise<boolean>) => Promise<void>
}

/** Lets the machine's own events happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn()
}

const big = new Uint8Array(24 * 1024 * 1024)
const middle = new Uint8Array(1024 * 1024)

/** Runs a test against a server of its own with the accounts `mote-1` and `mote-2`, and closes it whatever happens. */
export async function withServer(
  deed: (started: Started) => Promise<void>,
  options: Partial<Omit<FtpServerOptions, "clock">> = {},
): Promise<void> {
  const host = new MemoryHost({
    "mote-1": { "UPGRADE.TXT": notice, PROG001: program, EMPTY: new Uint8Array(0), MIDDLE: middle, BIG: big },
    "mote-2": { "UPGRADE.TXT": otherNotice },
  })
  const clock = new HandClock()
  const server = await startFtpServer({
    listen: { host: "127.0.0.1", port: 0 },
    passive: { minPort: 0, maxPort: 0 },
    tls: null,
    host,
    ...options,
    clock,
  })
  try {
    await deed({ server, port: server.address.port, host, clock, big, until })
  } finally {
    await server.close()
  }
}
