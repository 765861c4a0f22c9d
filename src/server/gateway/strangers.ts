/** Who is remembered at most. */
const mostKnown = 1000

/** Whether something is said for the first time; what comes after the first thousand is not remembered, and not new. */
export function isNew(known: Set<string>, what: string): boolean {
  if (known.has(what) || known.size >= mostKnown) return false
  known.add(what)
  return true
}

/** Who sent something that no device of ours would: told once each, and not without end. */
export class Strangers {
  readonly #known = new Set<string>()
  readonly #tell: (who: string) => void

  constructor(tell: (who: string) => void) {
    this.#tell = tell
  }

  note(who: string): void {
    if (isNew(this.#known, who)) this.#tell(who)
  }
}
