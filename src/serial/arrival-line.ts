import { concat } from "../core/kit/bytes.ts"
import type { AtClock, AtLine } from "../core/protocols/at/at-line.ts"

/** The sending half of a line that pushes what arrives. */
export interface LineEnd {
  /** False = the port is gone. */
  readonly write: (bytes: Uint8Array) => Promise<boolean>
  readonly close: () => Promise<void>
}

/** Bytes that wait while nobody reads; a line that overflows is cut off, for what is lost in the middle could mislead. */
const mostWaitingBytes = 1024 * 1024

/** One for all: this happens with every line that comes, and errors are dear. */
const noMoreWaiting = new Error("the wait is over")

/** An `AtLine` over anything that calls back: a serial port, a socket, a port in this process. */
export class ArrivalLine implements AtLine {
  readonly name: string
  readonly #clock: AtClock
  readonly #end: LineEnd
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #isGone = false
  #isClosed = false
  #wake: (() => void) | null = null

  constructor(name: string, clock: AtClock, end: LineEnd) {
    this.name = name
    this.#clock = clock
    this.#end = end
  }

  /** Bytes came in. */
  arrive(bytes: Uint8Array): void {
    if (this.#isGone || bytes.length === 0) return
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes > mostWaitingBytes) {
      this.#waiting = []
      this.vanish()
      void this.close()
      return
    }
    this.#wake?.()
  }

  /** The other end is gone. */
  vanish(): void {
    this.#isGone = true
    this.#wake?.()
  }

  read = async (timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> => {
    if (this.#waiting.length === 0 && !this.#isGone && timeoutMs > 0 && signal?.aborted !== true) {
      await this.#untilSomething(timeoutMs, signal)
    }
    if (this.#waiting.length > 0) {
      const bytes = concat(this.#waiting)
      this.#waiting = []
      this.#waitingBytes = 0
      return bytes
    }
    return this.#isGone ? null : new Uint8Array(0)
  }

  write = (bytes: Uint8Array): Promise<boolean> => (this.#isGone ? Promise.resolve(false) : this.#end.write(bytes))

  close = async (): Promise<void> => {
    if (this.#isClosed) return
    this.#isClosed = true
    this.vanish()
    await this.#end.close()
  }

  /** Waits for bytes, the end, the time or the signal, whichever is first. */
  async #untilSomething(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const waiting = new AbortController()
    const stop = (): void => waiting.abort(noMoreWaiting)
    this.#wake = stop
    signal?.addEventListener("abort", stop, { once: true })
    try {
      await this.#clock.sleep(timeoutMs, waiting.signal)
    } catch (error) {
      if (!waiting.signal.aborted) throw error
    } finally {
      this.#wake = null
      signal?.removeEventListener("abort", stop)
    }
  }
}
