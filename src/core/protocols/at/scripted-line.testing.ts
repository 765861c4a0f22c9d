import { setImmediate } from "node:timers"
import { concat, latin1 } from "../../kit/bytes.ts"
import type { AtClock, AtLine } from "./at-line.ts"

/** A clock that goes forward only when somebody waits. */
export class StepClock implements AtClock {
  #now = 1_000_000

  now = (): number => this.#now

  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted()
    this.advanceTo(this.#now + ms)
    await Promise.resolve()
  }

  advanceTo(ms: number): void {
    this.#now = Math.max(this.#now, ms)
  }
}

/** One moment of a module's end: bytes after a time, or the end of the port. */
type Moment = { readonly atMs: number; readonly bytes: Uint8Array | null }

/** A line whose far end answers as `answer` tells it, on a clock of its own. */
export class ScriptedLine implements AtLine {
  readonly name: string
  readonly #clock: StepClock
  readonly #answer: (typed: string, line: ScriptedLine) => void
  #moments: Moment[] = []
  #typed = ""
  #isGone = false
  /** Every command as it was typed, and data blocks. */
  readonly typed: string[] = []

  constructor(clock: StepClock, answer: (typed: string, line: ScriptedLine) => void, name = "/dev/ttyTEST0") {
    this.#clock = clock
    this.#answer = answer
    this.name = name
  }

  /** The module says something `afterMs` from now, in pieces of at most `cut` bytes. */
  say(text: string, afterMs = 0, cut = Number.POSITIVE_INFINITY): void {
    const bytes = latin1(text)
    for (let at = 0; at < bytes.length; at += cut) {
      this.#moments.push({ atMs: this.#clock.now() + afterMs, bytes: bytes.slice(at, at + cut) })
    }
    this.#moments.sort((a, b) => a.atMs - b.atMs)
  }

  /** The port vanishes `afterMs` from now. */
  vanish(afterMs = 0): void {
    this.#moments.push({ atMs: this.#clock.now() + afterMs, bytes: null })
    this.#moments.sort((a, b) => a.atMs - b.atMs)
  }

  read = async (timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> => {
    // Whoever wants to interrupt gets the chance to.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#isGone) return null
    const next = this.#moments[0]
    if (signal?.aborted === true) return new Uint8Array(0)
    if (next === undefined || next.atMs > this.#clock.now() + timeoutMs) {
      this.#clock.advanceTo(this.#clock.now() + timeoutMs)
      return new Uint8Array(0)
    }
    this.#moments.shift()
    this.#clock.advanceTo(next.atMs)
    if (next.bytes === null) this.#isGone = true
    return next.bytes
  }

  write = async (bytes: Uint8Array): Promise<boolean> => {
    await Promise.resolve()
    if (this.#isGone) return false
    this.#typed += String.fromCharCode(...concat([bytes]))
    for (let end = this.#typed.search(/[\r\x1a\x1b]/); end >= 0; end = this.#typed.search(/[\r\x1a\x1b]/)) {
      const one = this.#typed.slice(0, end + 1).replace(/\r$/, "")
      this.#typed = this.#typed.slice(end + 1)
      this.typed.push(one)
      this.#answer(one, this)
    }
    return true
  }

  close = async (): Promise<void> => {
    this.#isGone = true
    await Promise.resolve()
  }
}
