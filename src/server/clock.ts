import { setTimeout as wait } from "node:timers/promises"
import { waitInPieces } from "../core/kit/long-wait.ts"
import type { Clock } from "./fleet/needs.ts"

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
}

/** Time for deadlines: reads like wall time but never jumps when somebody sets the machine's clock. */
export const steadyClock = {
  now: (): number => performance.timeOrigin + performance.now(),
  every: (ms: number, tick: () => void): (() => void) => {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}

/** For what waits for a while: `sleep` rejects with the signal's reason when it is aborted first. */
export const sleepingClock = {
  now: steadyClock.now,
  sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted()
    try {
      await waitInPieces(ms, (piece) => wait(piece, undefined, signal === undefined ? {} : { signal }))
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
}

/** Calls `deed` every `intervalMs`, never twice at once, until the returned function is called. */
export function every(intervalMs: number, deed: () => Promise<void> | void): () => Promise<void> {
  let running: Promise<void> | null = null
  const timer = setInterval(() => {
    running ??= Promise.resolve(deed()).finally(() => {
      running = null
    })
  }, intervalMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}
