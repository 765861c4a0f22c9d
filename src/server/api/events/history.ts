import type { FleetNeeds } from "../../fleet/fleet-needs.ts"
import type { EventQuery } from "../../fleet/page-reads.ts"
import { type Told, toldEvent } from "./told.ts"

const pageSize = 500
/** Pages of the log that are kept for the next reader: many who come back at once read the same. */
const keptPages = 24
/** Pages that are read from the store at the same time. */
const readsAtOnce = 4

/** What one reader gets of the log at once. */
export interface HistoryPage {
  readonly told: readonly Told[]
  /** Everything that is wanted up to this number is in it. */
  readonly upTo: number
  /** Whether it reaches what the store had when it was read. */
  readonly isLast: boolean
}

/** The event log for streams that begin behind it: read a page at a time, each page once for all. */
export class History {
  readonly #store: Pick<FleetNeeds["store"], "events">
  readonly #pages = new Map<number, Promise<readonly Told[]>>()
  #reads = 0
  readonly #waiting: (() => void)[] = []

  constructor(store: Pick<FleetNeeds["store"], "events">) {
    this.#store = store
  }

  /** What comes after `after`. `head`: the last number that was told before; up to there the log is complete. */
  async read(after: number, head: number, chosen: Pick<EventQuery, "deviceId" | "rolloutId">): Promise<HistoryPage> {
    const isWhole = chosen.deviceId === undefined && chosen.rolloutId === undefined
    const index = Math.floor(after / pageSize)
    const end = (index + 1) * pageSize
    if (isWhole && end <= head) {
      const told = await this.#page(index)
      return { told: told.filter(({ event }) => event.seq > after), upTo: end, isLast: false }
    }
    const events = await this.#inTurn(() => this.#store.events({ ...chosen, after, limit: pageSize }))
    const isLast = events.length < pageSize
    const last = events.at(-1)?.seq ?? after
    return { told: events.map(toldEvent), upTo: isLast ? Math.max(last, head) : last, isLast }
  }

  #page(index: number): Promise<readonly Told[]> {
    const kept = this.#pages.get(index)
    if (kept !== undefined) return kept
    const bounds = { after: index * pageSize, before: (index + 1) * pageSize + 1, limit: pageSize }
    const page = this.#inTurn(() => this.#store.events(bounds)).then((events) => events.map(toldEvent))
    page.catch(() => this.#pages.delete(index))
    this.#pages.set(index, page)
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= keptPages) break
      this.#pages.delete(oldest)
    }
    return page
  }

  async #inTurn<Result>(deed: () => Promise<Result>): Promise<Result> {
    if (this.#reads >= readsAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#reads++
    try {
      return await deed()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#reads--
      else next()
    }
  }
}
