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
  /** The bytes of all of them together: whoever is told them all shares these. */
  readonly whole: Buffer
  /** Everything that is wanted up to this number is in it. */
  readonly upTo: number
  /** Whether it reaches what the store had when it was read. */
  readonly isLast: boolean
}

/** The event log for streams that begin behind it: read a page at a time, each page once for all who are at the same place. */
export class History {
  readonly #store: Pick<FleetNeeds["store"], "events">
  readonly #pages = new Map<string, Promise<HistoryPage>>()
  #reads = 0
  readonly #waiting: (() => void)[] = []

  constructor(store: Pick<FleetNeeds["store"], "events">) {
    this.#store = store
  }

  /**
   * What comes after `after`. `head`: the last number that was told before; up to there the log is complete. What is kept holds good for
   * the same head: whatever is committed beyond it is still to be told, to those who have read to the end.
   */
  async read(after: number, head: number, chosen: Pick<EventQuery, "deviceId" | "rolloutId">): Promise<HistoryPage> {
    if (chosen.deviceId !== undefined || chosen.rolloutId !== undefined) return this.#readTail(after, head, chosen)
    const end = (Math.floor(after / pageSize) + 1) * pageSize
    if (end > head) return this.#shared(`${after} ${head}`, () => this.#readTail(after, head, {}))
    const page = await this.#shared(`${end}`, () => this.#readWhole(end))
    if (after === end - pageSize) return page
    const told = page.told.filter(({ event }) => event.seq > after)
    return { ...page, ...joined(told) }
  }

  async #readTail(after: number, head: number, chosen: Partial<EventQuery>): Promise<HistoryPage> {
    const events = await this.#inTurn(() => this.#store.events({ ...chosen, after, limit: pageSize }))
    const isLast = events.length < pageSize
    const last = events.at(-1)?.seq ?? after
    return { ...joined(events.map(toldEvent)), upTo: isLast ? Math.max(last, head) : last, isLast }
  }

  async #readWhole(end: number): Promise<HistoryPage> {
    const bounds = { after: end - pageSize, before: end + 1, limit: pageSize }
    const events = await this.#inTurn(() => this.#store.events(bounds))
    return { ...joined(events.map(toldEvent)), upTo: end, isLast: false }
  }

  #shared(key: string, read: () => Promise<HistoryPage>): Promise<HistoryPage> {
    const kept = this.#pages.get(key)
    if (kept !== undefined) return kept
    const page = read()
    page.catch(() => this.#pages.delete(key))
    this.#pages.set(key, page)
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

/** The same events with their bytes in one piece. */
function joined(told: readonly Told[]): Pick<HistoryPage, "told" | "whole"> {
  const whole = Buffer.concat(told.map(({ bytes }) => bytes))
  let at = 0
  const within = told.map(({ event, bytes }) => ({ event, bytes: whole.subarray(at, (at += bytes.length)) }))
  return { told: within, whole }
}
