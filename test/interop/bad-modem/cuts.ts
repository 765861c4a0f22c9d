import type { AtClock, AtLine } from "../../../src/core/protocols/at/at-line.ts"

/** One break in what a modem says, after so many bytes of the whole conversation. */
export interface Cut {
  readonly at: number
  /** `pause`: the rest comes in a later read; `drop`: the port breaks there, what was on its way is lost, and it can be opened again. */
  readonly how: "pause" | "drop"
}

/** What came of one conversation. */
export interface Conversation {
  readonly lies: readonly string[]
  /** So many bytes the modem has said. */
  readonly bytes: number
}

/** Bytes that a modem says at once: as its seed has it, or all of them where the cuts are chosen. */
export function cutBytesOf(seeded: number, cuts: readonly Cut[] | null): number {
  return cuts === null ? seeded : 1000
}

/** Longer than any pause within a line that a modem makes by itself, ms. */
const pauseMs = 400

/** What a modem says in one conversation, over all the lines that are opened to it, broken at chosen bytes. */
export class CutStream {
  /** Bytes that the host has read. */
  passed = 0
  readonly #clock: AtClock
  readonly #cuts: readonly Cut[]

  constructor(clock: AtClock, cuts: readonly Cut[]) {
    this.#clock = clock
    this.#cuts = cuts
  }

  /** The line as the host reads it. */
  through(line: AtLine): AtLine {
    let held: Uint8Array = new Uint8Array(0)
    let isBroken = false
    return {
      name: line.name,
      read: async (timeoutMs, signal) => {
        if (isBroken) return null
        if (held.length > 0) await this.#clock.sleep(pauseMs)
        const bytes = held.length > 0 ? held : await line.read(timeoutMs, signal)
        held = new Uint8Array(0)
        if (bytes === null) return null
        const cut = this.#cuts.find(({ at }) => at > this.passed && at < this.passed + bytes.length)
        const taken = cut === undefined ? bytes : bytes.slice(0, cut.at - this.passed)
        this.passed += taken.length
        if (cut?.how === "pause") held = bytes.slice(taken.length)
        if (cut?.how === "drop") {
          isBroken = true
          await line.close()
        }
        return taken
      },
      write: async (bytes) => !isBroken && (await line.write(bytes)),
      close: () => line.close(),
    }
  }
}

/** Every break of a conversation of so many bytes: at each position, both ways, and with a second one somewhere behind it. */
export function everyCut(bytes: number, step: number, from = 1): readonly (readonly Cut[])[] {
  const found: Cut[][] = []
  for (let at = from; at < bytes; at += step) {
    for (const how of ["pause", "drop"] as const) {
      found.push([{ at, how }])
      // A second fault soon after the first: while the host sees to it, or in the answer that it asks for again.
      found.push([
        { at, how },
        { at: at + 1 + ((at * 7) % 40), how: at % 2 === 0 ? "drop" : "pause" },
      ])
    }
  }
  return found
}
