import { setTimeout as wait } from "node:timers/promises"
import { waitInPieces } from "../core/kit/long-wait.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"

/**
 * The machine's clock; `speed` above 1 makes time run faster, for rehearsals beside virtual modules. It begins at the
 * machine's date and never jumps: gateways without a battery start in 1970 and are set right in the middle of an update.
 */
export function machineClock(speed = 1): AtClock {
  const startMs = Date.now()
  const bootMs = performance.now()
  return {
    now: () => startMs + (performance.now() - bootMs) * speed,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      try {
        await waitInPieces(ms / speed, (piece) => wait(piece, undefined, signal === undefined ? {} : { signal }))
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
