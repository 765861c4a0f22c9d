import { type AtAnswer, AtHost } from "../../../protocols/at/at-host.ts"
import type { AtClock } from "../../../protocols/at/at-line.ts"
import type { HostPort } from "../../host.ts"

/** Between two looks for a port that is not there, ms. */
const reopenMs = 2000

/** The way to one module through ports that come and go. */
export class AttendedPort {
  readonly #port: HostPort
  readonly #clock: AtClock
  #host: AtHost | null = null
  /** Left because nobody answered there: the next search begins after it. */
  #left: string | null = null

  constructor(port: HostPort, clock: AtClock) {
    this.#port = port
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#host !== null
  }

  get isGone(): boolean {
    return this.#host?.isGone ?? true
  }

  /** Opens what is there; waits until something is. Rejects with the signal's reason. */
  async open(signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted()
      for (const name of await this.#inTurn()) {
        const line = await this.#port.open(name)
        if (line === null) continue
        this.#host = new AtHost(line, this.#clock)
        return name
      }
      await this.#clock.sleep(reopenMs, signal)
    }
  }

  /** The module's next line; null = none came in time, or the port has vanished. */
  async listen(timeoutMs: number, signal: AbortSignal): Promise<string | null> {
    const heard = this.#host === null ? "gone" : await this.#host.listen(timeoutMs, signal)
    if (heard === "quiet" || heard === "gone") return null
    return heard.line
  }

  /** Types a command. A port that is not there gives `gone`. */
  async type(text: string, timeoutMs: number, isAnswer?: (line: string) => boolean): Promise<AtAnswer> {
    const shape = isAnswer === undefined ? {} : { isAnswer }
    return (await this.#host?.command({ text, timeoutMs, ...shape })) ?? { end: "gone", lines: [], final: null }
  }

  /** Whether the port that was open has vanished; it is closed then. */
  async hasVanished(): Promise<boolean> {
    if (this.#host?.isGone !== true) return false
    await this.close()
    return true
  }

  /** Gives a port up at which nobody answers, where there is another one. */
  async leave(): Promise<void> {
    const name = this.#host?.line.name ?? null
    const others = (await this.#port.names()).filter((other) => other !== name)
    if (others.length === 0) return
    this.#left = name
    await this.close()
  }

  async close(): Promise<void> {
    const host = this.#host
    this.#host = null
    await host?.close()
  }

  async #inTurn(): Promise<readonly string[]> {
    const names = await this.#port.names()
    const after = this.#left === null ? 0 : names.indexOf(this.#left) + 1
    return [...names.slice(after), ...names.slice(0, after)]
  }
}
