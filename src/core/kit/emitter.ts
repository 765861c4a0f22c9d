/** A typed emitter: listeners are called in the order in which they came, in the same turn as `emit`. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  /** Adds a listener; the returned function removes it. */
  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }
}
