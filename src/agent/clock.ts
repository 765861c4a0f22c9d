import { setTimeout as wait } from "node:timers/promises"
import type { AtClock } from "../core/protocols/at/at-line.ts"

/** The machine's clock; `speed` above 1 makes time run faster, for rehearsals beside virtual modules. */
export function machineClock(speed = 1): AtClock {
  const startMs = Date.now()
  return {
    now: () => startMs + (Date.now() - startMs) * speed,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      try {
        await wait(ms / speed, undefined, signal === undefined ? {} : { signal })
      } catch (error) {
        // The timer rejects with an AbortError of its own; a clock promises the signal's reason.
        signal?.throwIfAborted()
        throw error
      }
    },
  }
}

/** 0 <= value < 1. */
export const machineRandom = (): number => Math.random()
