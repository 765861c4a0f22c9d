/** Actions that happen in the order in which they were added, each as soon as it and all before it are ready. */
export class InOrder {
  readonly #waiting: { readonly action: () => void; isReady: boolean }[] = []

  /** Adds an action; the returned function says that it is ready. */
  add(action: () => void): () => void {
    const entry = { action, isReady: false }
    this.#waiting.push(entry)
    return () => {
      entry.isReady = true
      for (let next = this.#waiting[0]; next?.isReady === true; next = this.#waiting[0]) {
        this.#waiting.shift()
        next.action()
      }
    }
  }
}
