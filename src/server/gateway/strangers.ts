/** Who sent something that no device of ours would: told once each, and not without end. */
export class Strangers {
  readonly #known = new Set<string>()
  readonly #tell: (who: string) => void

  constructor(tell: (who: string) => void) {
    this.#tell = tell
  }

  note(who: string): void {
    if (this.#known.has(who) || this.#known.size >= 1000) return
    this.#known.add(who)
    this.#tell(who)
  }
}
