import type { JsonObject } from "../../../kit/json.ts"
import type { AtLine } from "../../../protocols/at/at-line.ts"
import { StepClock } from "../../../protocols/at/scripted-line.testing.ts"
import type { HostEnd, HostOrder, HostReport, HostRun } from "../../host.ts"
import { hostSide } from "./host.ts"
import { SmallModule, type SmallModuleOptions } from "./small-module.testing.ts"

export const order: HostOrder = {
  order: "order-1",
  from: "AG35CEV12",
  to: "AG35CEV13",
  command: 'AT+QFOTADL="ftp://u:p@192.0.2.1:21/a.zip"',
  limits: { startSeconds: 60, downloadSeconds: 300, beginSeconds: 300, endSeconds: 300 },
  retry: { times: 3, pauseSeconds: 10, codes: [601, 605, 701] },
}

/** Ends a host in the middle of whatever it does; nothing of it goes on. */
export class Killed extends Error {
  override readonly name = "Killed"
}

/** A host beside a small module, with a journal that survives the host. */
export class HostBench {
  readonly clock = new StepClock()
  readonly module: SmallModule
  readonly reports: HostReport[] = []
  readonly log: string[] = []
  saved: JsonObject | null = null
  isWanted = true
  /** What happens while the server is asked. */
  meanwhile: () => void = () => undefined
  /** What the server sees of a transfer. */
  transferred: () => number | null = () => null
  /** What happens before anything that the host does. */
  before: () => void = () => undefined
  /** The name under which a module's port is there now; its own inverse. */
  portName: (own: string) => string = (own) => own
  /** What of the order is another one in each run. */
  changes: Partial<HostOrder> = {}
  /** What stands between the host and a line that it opens. */
  through: (line: AtLine) => AtLine = (line) => line
  /** Other modules at other ports, asked before this one. */
  readonly others: SmallModule[] = []
  /** The n-th operation from now kills the host. */
  killAfter = Number.POSITIVE_INFINITY
  operations = 0
  /** The date of the host's machine when the module's world began, ms since 1970; somebody may set it. */
  #dateMs = Date.UTC(2026, 0)
  /** The device that is meant, and by what its firmware is known. */
  device: Pick<HostRun, "imei" | "known"> = {}

  constructor(options: Partial<SmallModuleOptions> = {}) {
    this.module = new SmallModule(this.clock, { version: order.from, plans: [], ...options })
  }

  run(changes: Partial<HostOrder> = {}): Promise<HostEnd> {
    return hostSide.run(this.#hostRun({ ...order, ...this.changes, ...changes }))
  }

  /**
   * Runs hosts one after the other, each killed at its n-th operation, until one gets through; `downMs` in between, in
   * which the date of their machine is set wrong by `lieMs`.
   */
  async runThroughKills(downMs: number, lieMs = 0): Promise<HostEnd> {
    try {
      return await this.run()
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      this.killAfter = Number.POSITIVE_INFINITY
      this.clock.advanceTo(this.clock.now() + downMs)
      this.#dateMs += lieMs
      return this.run()
    }
  }

  /** The states reported, each once. */
  get states(): string[] {
    return this.reports.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1])
  }

  #hostRun(hostOrder: HostOrder): HostRun {
    return {
      order: hostOrder,
      port: {
        names: () =>
          this.#deed(async () => {
            const names: string[] = []
            for (const module of [...this.others, this.module]) names.push(...(await module.names()))
            return names.map(this.portName)
          }),
        open: (name) =>
          this.#deed(async () => {
            for (const module of [...this.others, this.module]) {
              const own = this.portName(name)
              if ((await module.names()).includes(own)) return this.#guarded(await module.open(own), name)
            }
            return null
          }),
      },
      clock: {
        now: () => this.#dateMs + this.clock.now(),
        sleep: (ms, signal) => this.#deed(() => this.clock.sleep(ms, signal)),
      },
      journal: {
        load: () => this.saved,
        save: (state) =>
          this.#deed(async () => {
            await Promise.resolve()
            this.saved = JSON.parse(JSON.stringify(state)) as JsonObject
          }),
      },
      report: (report) =>
        this.#deed(async () => {
          await Promise.resolve()
          this.reports.push(report)
        }),
      isWanted: () => {
        this.meanwhile()
        return Promise.resolve(this.isWanted)
      },
      transferred: () => Promise.resolve(this.transferred()),
      ...this.device,
      log: (line) => {
        this.log.push(line)
      },
      signal: new AbortController().signal,
    }
  }

  #guarded(line: AtLine | null, name: string): AtLine | null {
    if (line === null) return null
    const through = this.through(line)
    return {
      name,
      read: (timeoutMs, signal) => this.#deed(() => through.read(timeoutMs, signal)),
      write: (bytes) => this.#deed(() => through.write(bytes)),
      // Whatever happens to a host, its kernel closes what it had open.
      close: line.close,
    }
  }

  /** Killed before its n-th operation, or after it and before anything follows from it. */
  async #deed<T>(operation: () => Promise<T>): Promise<T> {
    this.before()
    if (++this.operations === this.killAfter) throw new Killed()
    const result = await operation()
    if (++this.operations === this.killAfter) throw new Killed()
    return result
  }
}
