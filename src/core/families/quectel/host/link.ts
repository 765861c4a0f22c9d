import { AtHost } from "../../../protocols/at/at-host.ts"
import type { AtClock } from "../../../protocols/at/at-line.ts"
import type { DeviceIdentity, HostPort } from "../../host.ts"
import { identifyAs, type OtherModule } from "./identify.ts"
import { hostLimits } from "./limits.ts"

export type LinkEvent =
  | { readonly kind: "line"; readonly text: string }
  /** A port was opened, or the one that was open vanished. */
  | { readonly kind: "opened" | "gone"; readonly port: string }
  | { readonly kind: "quiet" }

/**
 * The way to one module through ports that come and go: opens what is there, stays where the module speaks, moves on
 * where nobody does.
 */
export class HostLink {
  readonly #port: HostPort
  readonly #clock: AtClock
  #host: AtHost | null = null
  #heardMs = 0
  /** Tried last; the next search begins after it. */
  #lastTried: string | null = null
  #favourite: string | null

  constructor(port: HostPort, clock: AtClock, favourite: string | null) {
    this.#port = port
    this.#clock = clock
    this.#favourite = favourite
  }

  /** The open port's name. */
  get name(): string | null {
    return this.#host?.line.name ?? null
  }

  /** The next thing that happens, until `untilMs`. Rejects with the signal's reason. */
  async next(untilMs: number, signal: AbortSignal): Promise<LinkEvent> {
    signal.throwIfAborted()
    const host = this.#host
    if (host === null) return this.#search(untilMs, signal)
    const heard = await host.listen(Math.max(0, untilMs - this.#clock.now()), signal)
    signal.throwIfAborted()
    if (heard === "quiet") return { kind: "quiet" }
    if (heard === "gone") {
      await this.close()
      return { kind: "gone", port: host.line.name }
    }
    this.#heardMs = this.#clock.now()
    return { kind: "line", text: heard.line }
  }

  /** Asks who is there, its IMEI first; null = nobody answered whole. Another module than the one with that IMEI is left. */
  async ask(imei: string | null): Promise<DeviceIdentity | OtherModule | null> {
    const host = this.#host
    if (host === null) return null
    const identity = await identifyAs(host, imei)
    const isOther = identity !== null && "otherImei" in identity
    if (identity !== null && !isOther) {
      this.#heardMs = this.#clock.now()
      this.#favourite = host.line.name
      return identity
    }
    if (isOther || this.#clock.now() - this.#heardMs >= hostLimits.otherPortMs) await this.#leave(host)
    return identity
  }

  /** Types the command that starts the update. */
  async type(text: string): Promise<"ok" | "timeout" | "gone" | { readonly error: string }> {
    if (this.#host === null) return "gone"
    const answer = await this.#host.command({ text, timeoutMs: hostLimits.commandMs, isAnswer: () => false })
    return answer.end === "error" ? { error: answer.final.line } : answer.end
  }

  async close(): Promise<void> {
    const host = this.#host
    this.#host = null
    await host?.close()
  }

  /** Another port may be the module's; where there is none, this one stays open. */
  async #leave(host: AtHost): Promise<void> {
    const others = (await this.#port.names()).filter((name) => name !== host.line.name)
    this.#heardMs = this.#clock.now()
    if (others.length === 0) return
    this.#lastTried = host.line.name
    this.#favourite = null
    await this.close()
  }

  async #search(untilMs: number, signal: AbortSignal): Promise<LinkEvent> {
    for (const name of await this.#inTurn()) {
      this.#lastTried = name
      const line = await this.#port.open(name)
      if (line === null) continue
      this.#host = new AtHost(line, this.#clock)
      this.#heardMs = this.#clock.now()
      return { kind: "opened", port: name }
    }
    await this.#clock.sleep(Math.min(hostLimits.reopenMs, Math.max(1, untilMs - this.#clock.now())), signal)
    return { kind: "quiet" }
  }

  /** The names that are there: where the module was last first, then those after the last tried, round and round. */
  async #inTurn(): Promise<readonly string[]> {
    const names = await this.#port.names()
    const after = this.#lastTried === null ? 0 : names.indexOf(this.#lastTried) + 1
    const round = [...names.slice(after), ...names.slice(0, after)]
    const favourite = this.#favourite
    return favourite !== null && names.includes(favourite)
      ? [favourite, ...round.filter((name) => name !== favourite)]
      : round
  }
}
