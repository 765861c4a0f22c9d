import type { NoteBody } from "../core/contract/agent-api.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"
import type { AgentApi } from "./agent-api.ts"
import type { Backoff } from "./backoff.ts"

export interface NoteNeeds {
  readonly api: Pick<AgentApi, "note">
  readonly token: () => string
  readonly clock: AtClock
  readonly backoff: Backoff
  /** A word that no other run of an agent has: what its notes' marks begin with. */
  readonly run: string
  /** What stands between the notes and the server, in a sentence. */
  readonly tell: (text: string) => void
  readonly signal: AbortSignal
}

/** Notes that wait for a server that is away; the oldest go first. */
const mostWaiting = 200

/**
 * What an attendance saw and did, on its way to the server: in order, each until the server has answered. They are in memory
 * alone: what waits when the program ends is not told.
 */
export class Notes {
  readonly #needs: NoteNeeds
  #waiting: NoteBody[] = []
  #count = 0
  #isDelivering = false

  constructor(needs: NoteNeeds) {
    this.#needs = needs
  }

  add({
    event,
    text,
    version,
    mark = `${this.#needs.run}-${++this.#count}`,
  }: {
    readonly event: string
    readonly text: string
    readonly version: string | null
    /** Names a note that is the same in every run: the server writes it once while it remembers it. */
    readonly mark?: string
  }): void {
    const body = { mark, event, sentence: text.slice(0, 300) }
    this.#waiting.push(version === null ? body : { ...body, version: version.slice(0, 64) })
    // The first may be under way.
    if (this.#waiting.length > mostWaiting) this.#waiting.splice(1, 1)
    if (!this.#isDelivering) void this.#deliver()
  }

  async #deliver(): Promise<void> {
    const { api, token, backoff, clock, tell, signal } = this.#needs
    this.#isDelivering = true
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        const result = await api.note(token(), first, signal)
        if (result.kind === "unreachable") {
          const pauseMs = backoff.nextMs(result.retryAfterSeconds)
          tell(`${result.sentence} What was seen waits; next try in ${Math.round(pauseMs / 1000)} s.`)
          await clock.sleep(pauseMs, signal)
          continue
        }
        backoff.reset()
        if (result.kind === "refused") tell(`The server does not take what was seen: ${result.sentence}`)
        this.#waiting.shift()
      }
    } catch (error) {
      // The program ends, and what waits with it.
      if (!signal.aborted) throw error
    } finally {
      this.#isDelivering = false
    }
  }
}
