/** Pauses that double, up to a longest, each shortened by up to a quarter at random so that many do not come at once. */
export class Backoff {
  readonly #firstMs: number
  readonly #longestMs: number
  readonly #random: () => number
  #nextMs: number

  constructor({ firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number }, random: () => number) {
    this.#firstMs = firstMs
    this.#longestMs = longestMs
    this.#random = random
    this.#nextMs = firstMs
  }

  /** The pause to make now, ms. */
  next(): number {
    const pauseMs = this.#nextMs
    this.#nextMs = Math.min(pauseMs * 2, this.#longestMs)
    return Math.round(pauseMs * (1 - this.#random() / 4))
  }

  /** Things went well again. */
  reset(): void {
    this.#nextMs = this.#firstMs
  }
}
