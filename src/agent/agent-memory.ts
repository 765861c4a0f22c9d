import type { OrderView, ReportBody } from "../core/contract/agent-api.ts"
import type { KnownVersion } from "../core/families/exact-version.ts"
import type { JsonObject } from "../core/kit/json.ts"
import { AgentTrouble } from "./wrong-use.ts"

/** One text that survives a kill: written whole or not at all. */
export interface TextStore {
  /** What was written last; null = nothing yet. */
  readonly read: () => string | null
  /** Resolves when it is on disk. */
  readonly write: (text: string) => Promise<void>
}

/** What an agent knows that must survive it. */
export interface AgentState {
  readonly format: 1
  /** Made at the first enrolment; the token came in answer to it. */
  readonly enrolment: { readonly id: string; readonly secret: string; readonly token: string | null } | null
  readonly order: OrderView | null
  /** The server wants nothing more of the order. */
  readonly isOver: boolean
  /** What the last order brought the module to, as the server writes it, and as the module did then. */
  readonly known: KnownVersion | null
  /** The modules that this agent's device was, the one that it is last. */
  readonly modules: readonly BoundModule[]
  /** The host side's journal of the order. */
  readonly journal: JsonObject | null
  /** Not yet delivered, the oldest first. */
  readonly reports: readonly ReportBody[]
}

export interface BoundModule {
  /** Its serial number, digits. */
  readonly imei: string
  /** When it was first met, ms since 1970. */
  readonly sinceMs: number
}

/** Of a device that was replaced again and again, the last ones. */
const mostModules = 20

/** The modules that a device was, with one more that it is from now on. */
export function withModule(state: AgentState, imei: string, sinceMs: number): readonly BoundModule[] {
  return [...state.modules, { imei, sinceMs }].slice(-mostModules)
}

const empty: AgentState = {
  format: 1,
  enrolment: null,
  order: null,
  isOver: false,
  known: null,
  modules: [],
  journal: null,
  reports: [],
}

/** The agent's state: read from memory, and every change on disk before it counts. */
export class AgentMemory {
  readonly #store: TextStore
  #state: AgentState
  #changes = 0
  #written = 0
  #writing: Promise<void> = Promise.resolve()

  /** Throws `AgentTrouble` when the store holds something else. */
  constructor(store: TextStore) {
    this.#store = store
    this.#state = parse(store.read())
  }

  get state(): AgentState {
    return this.#state
  }

  /** Changes some parts; resolves when they are on disk. Changes made while the disk is busy share the next write. */
  change(parts: Partial<AgentState>): Promise<void> {
    this.#state = { ...this.#state, ...parts }
    const change = ++this.#changes
    const write = this.#writing.then(() => (this.#written >= change ? undefined : this.#write()))
    this.#writing = write.catch(() => undefined)
    return write
  }

  async #write(): Promise<void> {
    const newest = this.#changes
    await this.#store.write(`${JSON.stringify(this.#state)}\n`)
    this.#written = newest
  }
}

function parse(text: string | null): AgentState {
  if (text === null) return empty
  try {
    const value = JSON.parse(text) as Partial<AgentState>
    if (value.format === 1 && Array.isArray(value.reports)) return { ...empty, ...value }
  } catch {
    // Told below: a file that is no JSON and one that is another program's are the same to an operator.
  }
  throw new AgentTrouble("the state of the agent cannot be read; give another state folder, or empty this one")
}
