import type { ReportBody } from "../core/contract/agent-api.ts"
import type { HostReport } from "../core/families/host.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"
import type { AgentApi } from "./agent-api.ts"
import type { AgentMemory } from "./agent-memory.ts"
import type { Backoff } from "./backoff.ts"

export interface ReportNeeds {
  readonly api: AgentApi
  readonly memory: AgentMemory
  readonly clock: AtClock
  readonly backoff: Backoff
  readonly token: () => string
  readonly tell: (text: string) => void
  readonly signal: AbortSignal
}

/** More are not kept for a server that is away; the oldest go first, the last word never. */
const mostWaiting = 200

/** Reports on their way: kept on disk, delivered in order, each until the server has answered. */
export class Reports {
  readonly #needs: ReportNeeds
  #delivering: Promise<void> | null = null

  constructor(needs: ReportNeeds) {
    this.#needs = needs
  }

  /** Resolves when the report is on disk; its delivery goes on by itself. */
  async add(order: string, report: HostReport): Promise<void> {
    const { memory } = this.#needs
    if (memory.state.isOver) return
    const body = bodyOf(order, report)
    const waiting = memory.state.reports
    // The one at the front may be under way. Behind it, news of the same step replace each other.
    const last = waiting.length > 1 ? waiting.at(-1) : undefined
    const kept = last !== undefined && isProgress(last) && isProgress(body) && last.state === body.state
    await memory.change({ reports: [...(kept ? waiting.slice(0, -1) : waiting), body].slice(-mostWaiting) })
    this.deliver()
  }

  /** Begins to deliver what waits, if nobody does. */
  deliver(): void {
    if (this.#delivering !== null || this.#needs.memory.state.reports.length === 0) return
    this.#delivering = this.#deliverAll().finally(() => {
      this.#delivering = null
      // One may have come in the moment between the last look and this.
      if (!this.#needs.signal.aborted) this.deliver()
    })
    // Whoever waits for the delivery sees its failure; an abort with nobody waiting is how an agent ends.
    this.#delivering.catch(() => undefined)
  }

  /** Resolves when everything is delivered. Rejects with the signal's reason. */
  async delivered(): Promise<void> {
    while (this.#needs.memory.state.reports.length > 0) {
      this.deliver()
      await this.#delivering
    }
  }

  async #deliverAll(): Promise<void> {
    const { memory, api, backoff, clock, signal, token, tell } = this.#needs
    for (;;) {
      const first = memory.state.reports[0]
      if (first === undefined) return
      const result = await api.report(token(), first, signal)
      const isTokenRefused = result.kind === "refused" && (result.status === 401 || result.status === 403)
      if (result.kind === "unreachable" || isTokenRefused) {
        const pauseMs = backoff.nextMs(result.kind === "unreachable" ? result.retryAfterSeconds : null)
        tell(`${result.sentence} The report "${first.state}" waits; next try in ${Math.round(pauseMs / 1000)} s.`)
        await clock.sleep(pauseMs, signal)
        continue
      }
      backoff.reset()
      if (result.kind === "refused") tell(`The server refuses the report "${first.state}": ${result.sentence}`)
      const isOver = result.kind === "refused" || result.value.order === "over"
      const isCurrent = first.order === memory.state.order?.order
      await memory.change({
        // Others may have been put behind it in the meantime.
        reports: memory.state.reports.filter((report) => report !== first),
        ...(isOver && isCurrent ? { isOver } : {}),
      })
    }
  }
}

function isProgress({ state, code, sentence }: ReportBody): boolean {
  return state !== "failed" && state !== "verified" && code === undefined && sentence === undefined
}

/** Held to the API's limits: a module's line may be longer than what the server takes. */
function bodyOf(order: string, { urc, sentence, version, ...rest }: HostReport): ReportBody {
  return {
    order,
    ...rest,
    ...(urc === undefined ? {} : { urc: urc.slice(0, 256) }),
    ...(sentence === undefined ? {} : { sentence: sentence.slice(0, 300) }),
    ...(version === undefined ? {} : { version: version.slice(0, 64) }),
  }
}
