import type { PullRules, PullWords } from "../domain/pull.ts"

const never = Number.POSITIVE_INFINITY

/**
 * What is concluded from the fetches of devices that read no notice and report the rest themselves, or through an agent:
 * nothing. The server sees them fetch, and that is all.
 */
export function reportedPull(words: PullWords): PullRules {
  return {
    settleMs: () => never,
    sessionEndSettles: () => false,
    readsToConclude: never,
    fetchesToBreak: never,
    readsToDecline: never,
    words,
  }
}
