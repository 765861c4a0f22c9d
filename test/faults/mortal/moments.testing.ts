/** Counts the deeds of everybody in a rehearsal, and lets something happen in the n-th of them. */
export class Moments {
  readonly #planned = new Map<number, (() => void)[]>()
  #passed = 0
  #isCounting = false

  /** Deeds since the counting began. */
  get passed(): number {
    return this.#passed
  }

  begin(): void {
    this.#isCounting = true
  }

  /** Lets something happen at the n-th deed from `begin` on. */
  at(deed: number, happens: () => void): void {
    this.#planned.set(deed, [...(this.#planned.get(deed) ?? []), happens])
  }

  /** A deed: something is about to be sent, taken or stored, or has just been. */
  pass(): void {
    if (!this.#isCounting) return
    for (const happens of this.#planned.get(++this.#passed) ?? []) happens()
  }
}

/** The same numbers every time: 0 <= value < 1. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32
  }
}
