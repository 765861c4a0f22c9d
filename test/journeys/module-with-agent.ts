import { runAgentCore, type Credentials } from "../../src/agent/agent.ts"
import { AgentMemory } from "../../src/agent/agent-memory.ts"
import { machineClock } from "../../src/agent/clock.ts"
import { httpTransport } from "../../src/agent/http-transport.ts"
import { hostOf } from "../../src/agent/main.ts"
import { memoryHostPort } from "../../src/agent/module-port.ts"
import { familyById } from "../../src/core/families/index.ts"
import type { HostPort } from "../../src/core/families/host.ts"
import { MemoryPort } from "../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import { makeFirmware } from "../../src/core/families/recovery/firmware-image.ts"
import { writeFullPackage } from "../../src/core/families/recovery/full-package.ts"
import { AtHost } from "../../src/core/protocols/at/at-host.ts"
import { nodeClock } from "../../src/virtual/node-clock.ts"
import { nodeNet } from "../../src/virtual/node-net.ts"

const imageBytes = 9000
/** Not much faster than hardware: the agent has to find the port again before the module speaks, and sockets keep their pace. */
const moduleSpeed = 20
const agentSpeed = 10

/** A package with the whole new firmware in it. */
export function packageBetween(product: string, from: string, to: string): Uint8Array {
  const image = makeFirmware({ product, version: to, sizeBytes: imageBytes })
  return writeFullPackage({ from, to, product, image })
}

export interface ModuleWithAgentOptions {
  readonly model: string
  readonly firmware: string
  readonly serverUrl: string
  readonly fault: string | null
}

/** A virtual module on real sockets, switched on, and the agent beside it, each of which can be killed. */
export class ModuleWithAgent {
  readonly #options: ModuleWithAgentOptions
  readonly #storage = new MemoryStorage()
  readonly #clock = machineClock(agentSpeed)
  #port = new MemoryPort()
  #power = new AbortController()
  #module: Promise<unknown> = Promise.resolve()
  #agent: { readonly life: AbortController; readonly ended: Promise<unknown> } | null = null
  #disk: string | null = null
  /** How often AT+QFOTADL was typed. */
  typed = 0
  readonly lines: string[] = []

  constructor(options: ModuleWithAgentOptions) {
    this.#options = options
    this.switchOn()
  }

  switchOn(): void {
    const { model, firmware, fault } = this.#options
    this.#power = new AbortController()
    this.#port = new MemoryPort()
    const { signal } = this.#power
    const device = familyById("quectel")?.device
    if (device === undefined) throw new Error("no such family")
    const body = {
      clock: nodeClock,
      net: nodeNet(signal),
      storage: this.#storage,
      random: () => 0.4,
      log: () => undefined,
      port: this.#port,
    }
    const server = { firmware, imageBytes: String(imageBytes) }
    this.#module = device.run(body, { model, server, fault, speed: moduleSpeed, ram: new Map(), signal })
    this.#module.catch(() => undefined)
  }

  async switchOff(): Promise<void> {
    const reason = new Error("the power is off")
    this.#power.abort(reason)
    this.#port.powerOff(reason)
    await this.#module.catch(() => undefined)
  }

  /** Starts an agent on what the one before it left on its disk. */
  startAgent(credentials: Credentials): void {
    const life = new AbortController()
    const ended = runAgentCore({
      host: hostOf(),
      port: this.#hostPort(),
      clock: this.#clock,
      random: () => 0.5,
      newSecret: () => "a-secret-for-tests-only",
      transport: httpTransport(this.#options.serverUrl),
      memory: new AgentMemory({
        read: () => this.#disk,
        write: async (text) => {
          await Promise.resolve()
          life.signal.throwIfAborted()
          this.#disk = text
        },
      }),
      credentials,
      tell: ({ text }) => {
        this.lines.push(text)
      },
      signal: life.signal,
    })
    ended.catch(() => undefined)
    this.#agent = { life, ended }
  }

  async killAgent(): Promise<void> {
    this.#agent?.life.abort(new Error("killed"))
    await this.#agent?.ended.catch(() => undefined)
    this.#agent = null
  }

  /** What the module itself says that it runs, asked at its port as soon as it answers. */
  async ownVersion(): Promise<string> {
    for (;;) {
      const line = await memoryHostPort(this.#port, this.#clock).open("own")
      if (line !== null) {
        const host = new AtHost(line, this.#clock)
        const answer = await host.command({ text: "AT+QGMR", timeoutMs: 10_000 })
        await host.close()
        const text = answer.lines.find((found) => !found.startsWith("AT"))
        if (answer.end === "ok" && text !== undefined) return text
      }
      await this.#clock.sleep(500)
    }
  }

  async end(): Promise<void> {
    await this.killAgent()
    await this.switchOff()
  }

  /** The module's port, whichever it has now, with the commands counted that start an update. */
  #hostPort(): HostPort {
    return {
      names: () => memoryHostPort(this.#port, this.#clock).names(),
      open: async (name) => {
        const line = await memoryHostPort(this.#port, this.#clock).open(name)
        if (line === null) return null
        return {
          name,
          read: line.read,
          close: line.close,
          write: (bytes) => {
            if (new TextDecoder().decode(bytes).startsWith("AT+QFOTADL")) this.typed++
            return line.write(bytes)
          },
        }
      },
    }
  }
}
