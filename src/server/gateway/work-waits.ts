import type { LiveDevice } from "../fleet/live-fleet.ts"

interface Waiting {
  /** Monotonic, ms. */
  readonly until: number
  readonly end: () => void
}

/** Agents that wait for work: one wait a device, ended by news of its update, by time, or because the agent has gone. */
export class WorkWaits {
  readonly #waiting = new Map<LiveDevice, Waiting>()

  #isClosed = false

  /** The server goes down: nobody waits any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Resolves when something about the device's update changed, at `until`, or when the signal is aborted. */
  wait(live: LiveDevice, until: number, signal: AbortSignal): Promise<void> {
    // A device has one agent: one that asks again has lost its earlier call.
    this.#waiting.get(live)?.end()
    if (signal.aborted || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        if (this.#waiting.get(live)?.end !== end) return
        this.#waiting.delete(live)
        live.wake = null
        signal.removeEventListener("abort", end)
        resolve()
      }
      this.#waiting.set(live, { until, end })
      live.wake = end
      signal.addEventListener("abort", end)
    })
  }

  /** Ends the waits whose time is up; called about once a second. */
  endDue(now: number): void {
    for (const { until, end } of this.#waiting.values()) if (now >= until) end()
  }

  /** The server goes down. */
  close(): void {
    this.#isClosed = true
    for (const { end } of this.#waiting.values()) end()
  }
}
