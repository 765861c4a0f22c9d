import type { BodyNet, BodyStorage, DeviceFiles } from "../../../src/core/families/body.ts"
import { MemoryPort } from "../../../src/core/families/memory-port.ts"
import { MemoryStorage } from "../../../src/core/families/memory-storage.ts"
import { device } from "../../../src/core/families/quectel/device/run.ts"
import type { IdleClock } from "../../../src/core/families/testing/idle-clock.testing.ts"
import type { Moments } from "./moments.testing.ts"

const imageBytes = 9000

interface ModuleNeeds {
  readonly clock: IdleClock
  readonly moments: Moments
  readonly net: BodyNet
  /** 0 <= value < 1. */
  readonly random: () => number
  readonly firmware: string
}

/** A virtual module whose power fails at any moment, also in the middle of a write. */
export class MortalModule {
  readonly #needs: ModuleNeeds
  readonly #storage = new MemoryStorage()
  #power: AbortController | null = null
  #port = new MemoryPort()
  /** How often it has set out to install a package: for each it makes a new log of the update. */
  installs = 0
  /** What it said at its port, in all its lives. */
  readonly lines: string[] = []

  constructor(needs: ModuleNeeds) {
    this.#needs = needs
    this.#storage.beforeChange = () => {
      needs.moments.pass()
      // The change at which the power fails is torn; after it there are none.
      return this.#power === null ? this.#tear() : undefined
    }
  }

  #tear = (): number => 0

  get isUp(): boolean {
    return this.#power !== null
  }

  get port(): MemoryPort {
    return this.#port
  }

  switchOn(): void {
    const { clock, net, random, moments, firmware } = this.#needs
    const power = new AbortController()
    const port = new MemoryPort()
    this.#power = power
    this.#port = port
    this.#tear = () => {
      this.#tear = () => 0
      return random()
    }
    const { read, attach, detach, isOpen, setLine } = port
    const write = (bytes: Uint8Array): void => {
      moments.pass()
      port.write(bytes)
    }
    const body = {
      clock,
      net,
      storage: this.#watchedStorage(),
      random,
      log: (line: string) => void this.lines.push(line),
      port: { read, write, attach, detach, isOpen, setLine },
    }
    const server = { firmware, imageBytes: String(imageBytes) }
    const run = { model: "AG35", server, fault: null, speed: 1, ram: new Map<string, unknown>(), signal: power.signal }
    device.run(body, run).catch((error: unknown) => {
      if (!power.signal.aborted) throw error
    })
  }

  /** What it said last of an update: `FTPSTART`, `UPDATING` …; empty = nothing yet. */
  get lastEvent(): string {
    for (const line of this.lines.toReversed()) {
      const event = /^\+QIND: "FOTA","(\w+)"/.exec(line)?.[1]
      if (event !== undefined) return event
    }
    return ""
  }

  /** Takes its power away. */
  kill(): void {
    const power = this.#power
    this.#power = null
    if (power === null) return
    power.abort(new Error("no power"))
    this.#port.powerOff(power.signal.reason)
  }

  #watchedStorage(): BodyStorage {
    return {
      memory: (name, geometry) => this.#storage.memory(name, geometry),
      files: async (name) => this.#watchedFiles(await this.#storage.files(name)),
    }
  }

  #watchedFiles(files: DeviceFiles): DeviceFiles {
    return {
      list: () => files.list(),
      size: (name) => files.size(name),
      read: (name, offset, length) => files.read(name, offset, length),
      create: async (name) => {
        try {
          await files.create(name)
        } finally {
          if (name === "update.log" && (await files.size(name)) !== null) this.installs++
        }
      },
      append: (name, bytes) => files.append(name, bytes),
      remove: (name) => files.remove(name),
    }
  }
}
