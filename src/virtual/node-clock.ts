import { setTimeout as sleep } from "node:timers/promises"
import type { BodyClock } from "../core/families/body.ts"
import { waitInPieces } from "../core/kit/long-wait.ts"

/** The machine's own clock: its date as the process began, and never a jump when somebody sets it. */
export const nodeClock: BodyClock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: async (ms, signal) => {
    signal?.throwIfAborted()
    try {
      await waitInPieces(ms, (piece) => sleep(piece, undefined, signal === undefined ? {} : { signal }))
    } catch (error) {
      // The timer rejects with an AbortError of its own; the body promises the signal's reason.
      signal?.throwIfAborted()
      throw error
    }
  },
}

/** 0 <= value < 1. */
export const nodeRandom = (): number => Math.random()
