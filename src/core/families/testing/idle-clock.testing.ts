import { setImmediate } from "node:timers"
import type { BodyClock } from "../body.ts"

/** Rounds of the event loop in which nobody asked for a sleep: then everybody waits for the time to pass. */
const usualRounds = 12

/** A clock that jumps to the next sleeper when nothing else is left to do: an hour's silence takes no time in a test. */
export class IdleClock implements BodyClock {
  #nowMs = Date.UTC(2026, 10, 21)
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = []
  #rounds = 0
  #isRunning = false
  readonly #idleRounds: number

  /** Where all that happens between two sleeps are promises, without files and sockets, one round is enough. */
  constructor(idleRounds = usualRounds) {
    this.#idleRounds = idleRounds
  }

  readonly now = (): number => this.#nowMs

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", stop)
        resolve()
      }
      const sleeper = { atMs: this.#nowMs + ms, wake }
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        const reason: unknown = signal?.reason
        reject(reason instanceof Error ? reason : new Error(String(reason)))
      }
      if (signal?.aborted === true) return stop()
      signal?.addEventListener("abort", stop, { once: true })
      this.#sleepers.push(sleeper)
      this.#rounds = 0
      this.#run()
    })

  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(() => this.#round())
  }

  #round(): void {
    this.#isRunning = false
    if (this.#sleepers.length === 0) return
    if (++this.#rounds > this.#idleRounds) {
      this.#rounds = 0
      this.#sleepers.sort((a, b) => a.atMs - b.atMs)
      const next = this.#sleepers.shift()
      if (next !== undefined) {
        this.#nowMs = Math.max(this.#nowMs, next.atMs)
        next.wake()
      }
    }
    this.#run()
  }
}
