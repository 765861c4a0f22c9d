/** The device-facing servers' only source of time. */
export interface SteadyClock {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number
  /** Calls `tick` every `ms` milliseconds until the returned function is called. */
  readonly every: (ms: number, tick: () => void) => () => void
}

/** Something that must not wait for ever. `dueAt` may be moved at any time; that costs nothing. */
export interface Guard {
  /** Milliseconds since 1970-01-01 UTC; `Infinity` = not now. */
  dueAt: number
  /** Called once its time has come, and again at every tick until it moves `dueAt` or leaves. */
  expire: () => void
}

const tickMs = 250

/**
 * All deadlines of the server on one coarse tick: sessions by the thousand need no timer each, and activity moves a number
 * instead of re-arming a timer. Deadlines are late by up to a quarter of a second.
 */
export class Deadlines {
  readonly #guards = new Set<Guard>()
  readonly #stop: () => void
  /** The time of the last tick: precise enough for deadlines, and free. */
  now: number

  constructor(clock: SteadyClock) {
    this.now = clock.now()
    this.#stop = clock.every(tickMs, () => this.#tick(clock.now()))
  }

  add(guard: Guard): void {
    this.#guards.add(guard)
  }

  delete(guard: Guard): void {
    this.#guards.delete(guard)
  }

  /** Calls `deed` once, `ms` from now; the returned function calls it off. */
  after(ms: number, deed: () => void): () => void {
    const guard: Guard = {
      dueAt: this.now + ms,
      expire: () => {
        this.#guards.delete(guard)
        deed()
      },
    }
    this.#guards.add(guard)
    return () => this.#guards.delete(guard)
  }

  stop(): void {
    this.#stop()
    this.#guards.clear()
  }

  #tick(now: number): void {
    this.now = now
    for (const guard of this.#guards) if (guard.dueAt <= now) guard.expire()
  }
}
