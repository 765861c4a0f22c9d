import { setImmediate } from "node:timers"
import { concat, fromLatin1 } from "../../../kit/bytes.ts"
import type { AtLine } from "../../../protocols/at/at-line.ts"
import type { AttendBinding } from "../../attend.ts"
import type { BodyClock } from "../../body.ts"
import type { HostPort } from "../../host.ts"
import type { MemoryPort } from "../../memory-port.ts"
import { serverNumber, TestModule, type TestModuleOptions } from "../device/test-module.testing.ts"
import type { AttendEvent, AttendEventName } from "./events.ts"
import { type AttendPlan, standardPlan } from "./plan.ts"
import { attendModule } from "./attend.ts"

/** The host's end of a port in memory, with everything that was typed there. */
export class MemoryHostPort implements HostPort {
  readonly typed: string[] = []
  readonly #port: () => MemoryPort
  readonly #clock: BodyClock
  #text = ""
  /** Ends the line that is open now, as when a cable is pulled. */
  drop: () => void = () => undefined

  constructor(port: () => MemoryPort, clock: BodyClock) {
    this.#port = port
    this.#clock = clock
  }

  readonly names = (): Promise<readonly string[]> => Promise.resolve(this.#port().isAttached ? ["memory"] : [])

  readonly open = async (name: string): Promise<AtLine | null> => {
    await Promise.resolve()
    const clock = this.#clock
    let chunks: Uint8Array[] = []
    let isGone = false
    let wake: () => void = () => undefined
    const vanish = (): void => {
      isGone = true
      wake()
    }
    const opened = this.#port().open({
      receive: (bytes) => {
        chunks.push(bytes)
        wake()
      },
      vanish,
    })
    if (opened === null) return null
    const close = (): void => {
      opened.close()
      vanish()
    }
    this.drop = close
    const read = async (timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array | null> => {
      await new Promise((resolve) => setImmediate(resolve))
      if (chunks.length === 0 && !isGone && timeoutMs > 0 && signal?.aborted !== true) {
        const over = new AbortController()
        const both = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
        const arrived = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([arrived, clock.sleep(timeoutMs, both).catch(() => undefined)])
        over.abort(new Error("read"))
      }
      if (chunks.length === 0) return isGone ? null : new Uint8Array(0)
      const bytes = concat(chunks)
      chunks = []
      return bytes
    }
    return {
      name,
      read,
      write: async (bytes) => {
        await Promise.resolve()
        if (isGone) return false
        this.#keep(bytes)
        opened.write(bytes)
        return true
      },
      close: async () => {
        await Promise.resolve()
        close()
      },
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#text += fromLatin1(bytes)
    const lines = this.#text.split("\r")
    this.#text = lines.pop() ?? ""
    this.typed.push(...lines)
  }
}

/** Our host program beside a module in memory. */
export class AttendBench {
  readonly module: TestModule
  readonly port: MemoryHostPort
  readonly events: AttendEvent[] = []
  /** What an earlier run kept. */
  binding: AttendBinding | null = null
  readonly #ending = new AbortController()
  #wakes: (() => void)[] = []
  #seen = 0
  #attendance: Promise<unknown> = Promise.resolve()

  constructor(options: TestModuleOptions = {}) {
    this.module = new TestModule(options)
    this.port = new MemoryHostPort(() => this.module.port, this.module.clock)
  }

  /** Switches the module on and begins to attend to it. */
  start(plan: Partial<AttendPlan> = {}): this {
    this.module.switchOn()
    this.#attendance = attendModule({
      port: this.port,
      clock: this.module.clock,
      plan: { ...standardPlan, smsNumber: serverNumber, ...plan },
      tell: (event) => {
        this.events.push(event)
        for (const wake of this.#wakes.splice(0)) wake()
      },
      signal: this.#ending.signal,
      ...(this.binding === null ? {} : { binding: this.binding }),
    })
    this.#attendance.catch(() => {
      for (const wake of this.#wakes.splice(0)) wake()
    })
    return this
  }

  /** Waits for the next event of that name, from where the last wait ended. */
  async until(name: AttendEventName): Promise<AttendEvent> {
    for (;;) {
      while (this.#seen < this.events.length) {
        const event = this.events[this.#seen++]
        if (event?.event === name) return event
      }
      const failed = this.#attendance.then((): never => {
        throw new Error("the attendance is over")
      })
      await Promise.race([new Promise<void>((resolve) => void this.#wakes.push(resolve)), failed])
    }
  }

  get names(): readonly AttendEventName[] {
    return this.events.map(({ event }) => event)
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error("stopped"))
    await this.#attendance.catch(() => undefined)
    await this.module.switchOff().catch(() => undefined)
  }
}
