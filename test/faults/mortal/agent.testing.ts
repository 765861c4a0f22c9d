import type { AgentTransport } from "../../../src/agent/agent-api.ts"
import { runAgentCore } from "../../../src/agent/agent.ts"
import { AgentMemory } from "../../../src/agent/agent-memory.ts"
import { hostOf } from "../../../src/agent/main.ts"
import { memoryHostPort } from "../../../src/agent/module-port.ts"
import type { HostPort } from "../../../src/core/families/host.ts"
import type { MemoryPort } from "../../../src/core/families/memory-port.ts"
import { AtHost } from "../../../src/core/protocols/at/at-host.ts"
import type { IdleClock } from "../../../src/core/families/testing/idle-clock.testing.ts"
import type { Moments } from "./moments.testing.ts"

interface AgentNeeds {
  readonly clock: IdleClock
  readonly moments: Moments
  readonly transport: AgentTransport
  readonly token: string
  /** The module's port, whichever it has now. */
  readonly port: () => MemoryPort
}

/** The agent's process, killed at any moment and started again on its disk. */
export class MortalAgent {
  readonly #needs: AgentNeeds
  #disk: string | null = null
  #life: AbortController | null = null
  readonly lines: string[] = []

  constructor(needs: AgentNeeds) {
    this.#needs = needs
  }

  get isUp(): boolean {
    return this.#life !== null
  }

  /** Whether its disk holds neither an order nor a report that the server has not heard. */
  get hasNothingLeft(): boolean {
    const { order, reports } = new AgentMemory({ read: () => this.#disk, write: () => Promise.resolve() }).state
    return order === null && reports.length === 0
  }

  switchOn(): void {
    const life = new AbortController()
    this.#life = life
    const { clock, transport, token } = this.#needs
    runAgentCore({
      host: hostOf(),
      port: this.#hostPort(life.signal),
      clock,
      random: () => 0.5,
      newSecret: () => "a-secret-for-tests-only",
      transport: (request, signal) => this.#deed(life.signal, () => transport(request, signal)),
      memory: new AgentMemory({
        read: () => this.#disk,
        write: (text) =>
          this.#deed(life.signal, async () => {
            await Promise.resolve()
            this.#disk = text
          }),
      }),
      credentials: { token },
      tell: ({ text }) => void this.lines.push(text),
      signal: life.signal,
    }).catch((error: unknown) => {
      // An agent without an end that was not killed and ends all the same is a bug.
      if (!life.signal.aborted) throw error
    })
  }

  kill(): void {
    this.#life?.abort(new Error("the agent was killed"))
    this.#life = null
  }

  /** What the module itself answers to ATI, asked at its port. */
  async ownVersion(): Promise<string> {
    const { clock, port } = this.#needs
    for (;;) {
      const line = await memoryHostPort(port(), clock).open("own")
      if (line !== null) {
        const host = new AtHost(line, clock)
        const answer = await host.command({ text: "ATI", timeoutMs: 10_000 })
        await host.close()
        const revision = answer.lines.find((text) => text.startsWith("Revision: "))
        if (answer.end === "ok" && revision !== undefined) return revision.slice("Revision: ".length)
      }
      await clock.sleep(2000)
    }
  }

  /** A killed process has done a deed or not; it does none afterwards. */
  async #deed<T>(signal: AbortSignal, deed: () => Promise<T>): Promise<T> {
    this.#needs.moments.pass()
    signal.throwIfAborted()
    const result = await deed()
    this.#needs.moments.pass()
    signal.throwIfAborted()
    return result
  }

  #hostPort(signal: AbortSignal): HostPort {
    const { port, clock } = this.#needs
    return {
      names: () => memoryHostPort(port(), clock).names(),
      open: async (name) => {
        const line = signal.aborted ? null : await memoryHostPort(port(), clock).open(name)
        if (line === null) return null
        // A killed process has no ports open.
        signal.addEventListener("abort", () => void line.close(), { once: true })
        return {
          name,
          read: line.read,
          close: line.close,
          write: (bytes) => this.#deed(signal, () => line.write(bytes)).catch(() => false),
        }
      },
    }
  }
}
