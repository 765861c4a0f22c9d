import { hostSide } from "../core/families/quectel/host/host.ts"
import { goodUpdate, SmallModule, type SmallModuleOptions } from "../core/families/quectel/host/small-module.testing.ts"
import { StepClock } from "../core/protocols/at/scripted-line.testing.ts"
import { type AgentEnd, type AgentEvent, type AgentNeeds, runAgentCore } from "./agent.ts"
import { AgentMemory } from "./agent-memory.ts"
import { order, SmallServer } from "./small-server.testing.ts"

export class Killed extends Error {
  override readonly name = "Killed"
}

/** An agent between a small module and a small server, with a disk that survives it. */
export class AgentBench {
  readonly clock = new StepClock()
  readonly server: SmallServer
  readonly module: SmallModule
  readonly told: AgentEvent[] = []
  disk: string | null = null
  writes = 0
  operations = 0
  /** The n-th operation kills the agent. */
  killAfter = Number.POSITIVE_INFINITY
  readonly #moments = new Map<number, (() => void)[]>()
  #life = new AbortController()
  #secrets = 0

  constructor(module: Partial<SmallModuleOptions> = {}) {
    this.server = new SmallServer(this.clock)
    const plans = [goodUpdate(order.to), goodUpdate(order.to)]
    this.module = new SmallModule(this.clock, { version: order.from, plans, ...module })
  }

  /** Lets something happen at the n-th operation. */
  at(operation: number, happens: () => void): void {
    this.#moments.set(operation, [...(this.#moments.get(operation) ?? []), happens])
  }

  /** The agent that runs ends in the middle of whatever it does. */
  kill(): void {
    this.#life.abort(new Killed())
  }

  /** Starts an agent on what the disk holds; it ends with its first order, or when `ending` says so. */
  run(changes: Partial<AgentNeeds> = {}): Promise<AgentEnd> {
    const life = new AbortController()
    this.#life = life
    const pass = (): void => {
      const moment = ++this.operations
      if (moment === this.killAfter) this.kill()
      for (const happens of this.#moments.get(moment) ?? []) happens()
      life.signal.throwIfAborted()
    }
    const deed = async <T>(operation: () => T | Promise<T>): Promise<T> => {
      pass()
      const result = await operation()
      pass()
      return result
    }
    const outer = changes.signal
    outer?.addEventListener("abort", () => life.abort(outer.reason))
    const memory = new AgentMemory({
      read: () => this.disk,
      write: (text) =>
        deed(() => {
          this.writes++
          this.disk = text
        }),
    })
    return runAgentCore({
      host: hostSide,
      port: {
        names: () => deed(() => this.module.names()),
        open: (name) => deed(() => this.module.open(name)),
      },
      clock: { now: this.clock.now, sleep: (ms, signal) => deed(() => this.clock.sleep(ms, signal)) },
      random: () => 0.5,
      newSecret: () => `secret-number-${String(++this.#secrets).padStart(10, "0")}`,
      transport: (request, signal) => deed(() => this.server.transport(request, signal)),
      memory,
      credentials: { token: "dev.secret" },
      tell: (event) => {
        this.told.push(event)
      },
      once: true,
      ...changes,
      signal: life.signal,
    })
  }

  get reported(): string[] {
    return this.server.reports.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])
  }
}
