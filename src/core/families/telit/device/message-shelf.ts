/** Places for messages in the module: enough for a host that reads them. */
const places = 30

/** Ordinary short messages that came for the host; PFM messages never stand here (§3.1.2). */
export class MessageShelf {
  readonly #pdus = new Map<number, { readonly pdu: string; isRead: boolean }>()

  /** The place that a message got, from 1; null = the shelf is full. */
  put(pdu: string): number | null {
    for (let place = 1; place <= places; place++) {
      if (this.#pdus.has(place)) continue
      this.#pdus.set(place, { pdu, isRead: false })
      return place
    }
    return null
  }

  /** A message and whether it had been read; from now on it has. */
  read(place: number): { readonly pdu: string; readonly wasRead: boolean } | null {
    const found = this.#pdus.get(place)
    if (found === undefined) return null
    const wasRead = found.isRead
    found.isRead = true
    return { pdu: found.pdu, wasRead }
  }

  /** The same, and it stays as it is. */
  peek(place: number): { readonly pdu: string; readonly wasRead: boolean } | null {
    const found = this.#pdus.get(place)
    return found === undefined ? null : { pdu: found.pdu, wasRead: found.isRead }
  }

  remove(place: number): boolean {
    return this.#pdus.delete(place)
  }

  get taken(): readonly number[] {
    return [...this.#pdus.keys()].sort((a, b) => a - b)
  }

  get size(): number {
    return places
  }
}
