import { Heap } from "../kit/heap.ts"

interface Waiting<Device> {
  readonly device: Device
  readonly rank: number
}

/** Devices that wait to be offered the update, by phase and time zone, each line in the order of ranks. */
export class OfferQueue<Device> {
  readonly #lines = new Map<string, Heap<Waiting<Device>>>()

  push(phase: number, zone: string, waiting: Waiting<Device>): void {
    const key = `${phase} ${zone}`
    const line = this.#lines.get(key) ?? new Heap<Waiting<Device>>((a, b) => a.rank < b.rank)
    this.#lines.set(key, line)
    line.push(waiting)
  }

  /** The next of them by rank in those time zones; null = none waits. */
  pop(phase: number, zones: readonly string[]): Device | null {
    let best: Heap<Waiting<Device>> | null = null
    for (const zone of zones) {
      const line = this.#lines.get(`${phase} ${zone}`)
      const first = line?.peek()
      if (line === undefined || first === undefined) continue
      if (best === null || first.rank < (best.peek()?.rank ?? Infinity)) best = line
    }
    return best?.pop()?.device ?? null
  }
}
