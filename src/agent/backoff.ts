/** Pauses between tries that fail: doubled each time, with jitter so that a fleet does not come back in one moment. */
export class Backoff {
  readonly #random: () => number
  readonly #firstMs: number
  readonly #mostMs: number
  #failures = 0

  constructor(random: () => number, { firstMs = 1000, mostMs = 5 * 60_000 } = {}) {
    this.#random = random
    this.#firstMs = firstMs
    this.#mostMs = mostMs
  }

  /** The next pause, ms; never shorter than what the server asked for. */
  nextMs(retryAfterSeconds: number | null = null): number {
    const wholeMs = Math.min(this.#mostMs, this.#firstMs * 2 ** Math.min(this.#failures++, 20))
    const askedMs = Math.min(3_600_000, (retryAfterSeconds ?? 0) * 1000)
    return askedMs + wholeMs * (0.5 + this.#random() / 2)
  }

  reset(): void {
    this.#failures = 0
  }
}
