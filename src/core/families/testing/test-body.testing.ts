import type { Body, BodyNet } from "../body.ts"
import type { MemoryStorage } from "../memory-storage.ts"

/** A body for tests: time passes only by sleeping, and then at once. */
export function testBody(parts: { readonly net: BodyNet; readonly storage: MemoryStorage }): Body & {
  readonly lines: readonly string[]
} {
  const lines: string[] = []
  let now = 0
  return {
    net: parts.net,
    storage: parts.storage,
    lines,
    clock: {
      now: () => now,
      sleep: (ms, signal) => {
        signal?.throwIfAborted()
        now += ms
        return Promise.resolve()
      },
    },
    random: () => 0.5,
    log: (line) => lines.push(line),
  }
}
