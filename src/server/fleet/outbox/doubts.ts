/** A message that may have gone is sent once more after each of these, ms: every copy costs, and a device may act on each. */
const doubtPausesMs: readonly number[] = [60_000, 300_000]

/** A message that may have gone. */
export interface Doubt {
  /** How often it was handed over without an answer. */
  readonly times: number
  /** When it is handed over again, by the clock that never jumps; null = no more. */
  dueMs: number | null
  /** References under which earlier copies were accepted after all. */
  readonly names: string[]
}

/** Messages that were handed over and not answered, by reference. */
export class Doubts {
  readonly #monotonic: () => number
  readonly #doubts = new Map<string, Doubt>()

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  get size(): number {
    return this.#doubts.size
  }

  get(reference: string): Doubt | undefined {
    return this.#doubts.get(reference)
  }

  /** How often it was handed over before a restart is not known: once at least. */
  resume(reference: string): void {
    this.#doubts.set(reference, { times: 1, dueMs: null, names: [] })
  }

  /** No copy of it is sent any more; an answer may still come. */
  resumeLast(reference: string): void {
    this.again(reference, doubtPausesMs.length)
  }

  /** Notes one more time without an answer, `times` in all; gives the pause before the next copy, null = there is none. */
  again(reference: string, times = (this.#doubts.get(reference)?.times ?? 0) + 1): number | null {
    const pauseMs = doubtPausesMs[times - 1] ?? null
    const names = this.#doubts.get(reference)?.names ?? []
    this.#doubts.set(reference, { times, dueMs: pauseMs === null ? null : this.#monotonic() + pauseMs, names })
    return pauseMs
  }

  delete(reference: string): void {
    this.#doubts.delete(reference)
  }
}
