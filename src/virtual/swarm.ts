import { setMaxListeners } from "node:events"
import type { BodyStorage } from "../core/families/body.ts"
import type { Family, RunEnd } from "../core/families/family.ts"
import { MemoryStorage } from "../core/families/memory-storage.ts"
import { checkDevice, makeContact } from "./device-run.ts"
import { nodeClock } from "./node-clock.ts"
import { openStateDirectory } from "./state-directory.ts"

/** One device of a swarm. */
export interface SwarmDevice {
  readonly id: string
  readonly model: string
  /** Where and as whom it asks, in the family's terms. */
  readonly server: Readonly<Record<string, string>>
  /** Folder of its state; without one it lives in memory until the swarm ends. */
  readonly state?: string
}

export interface SwarmOptions {
  readonly family: Family
  readonly devices: readonly SwarmDevice[]
  /** Time between two contacts of one device, ms; the first contacts are spread evenly over it. */
  readonly everyMs: number
  /** Contacts each device makes before it stops; absent = until the signal. */
  readonly rounds?: number
  readonly fault: string | null
  /** What goes wrong on one device, asked before each of its contacts; null = `fault`. */
  readonly faultOf?: (device: SwarmDevice) => string | null
  readonly speed: number
  /** Contacts under way at the same time. */
  readonly atOnce: number
  readonly signal: AbortSignal
  /** Called after each contact. */
  readonly onContact?: (device: SwarmDevice, end: RunEnd) => void
}

export interface SwarmResult {
  readonly devices: number
  readonly contacts: number
  /** How often each code ended a contact. */
  readonly codes: Readonly<Record<string, number>>
  /** How many devices run each version at the end, as far as they made a contact. */
  readonly running: Readonly<Record<string, number>>
}

/** Runs many devices in one process, each on its own beat, until all have made their rounds or the signal comes. */
export async function runDevices(options: SwarmOptions): Promise<SwarmResult> {
  const { devices, signal } = options
  // Every waiting device listens to the one signal.
  setMaxListeners(0, signal)
  for (const device of devices) checkDevice(options.family, device.model, options.fault)
  const tally = new Tally(devices.length)
  const gate = new Gate(options.atOnce)
  const startedAt = nodeClock.now()
  const lives = devices.map(async (device, index) => {
    const offsetMs = (index / devices.length) * options.everyMs
    await live({ options, device, gate, tally, firstAt: startedAt + offsetMs })
  })
  const ends = await Promise.allSettled(lives)
  // Being stopped is how an endless swarm ends; anything else is the first device's own failure.
  if (!signal.aborted) {
    for (const end of ends) if (end.status === "rejected") throw end.reason
  }
  return tally.result()
}

interface Life {
  readonly options: SwarmOptions
  readonly device: SwarmDevice
  readonly gate: Gate
  readonly tally: Tally
  /** When its first contact is due, ms since 1970. */
  readonly firstAt: number
}

async function live({ options, device, gate, tally, firstAt }: Life): Promise<void> {
  const { signal, everyMs } = options
  const rounds = options.rounds ?? Number.POSITIVE_INFINITY
  const memory = device.state === undefined ? new MemoryStorage() : null
  const ram = new Map<string, unknown>()
  for (let round = 0; round < rounds; round++) {
    await nodeClock.sleep(Math.max(0, firstAt + round * everyMs - nodeClock.now()), signal)
    await gate.enter()
    try {
      const end = await contactOf(options, device, { memory, ram })
      tally.add(device, end)
      options.onContact?.(device, end)
    } finally {
      gate.leave()
    }
  }
}

/** What of a device outlives a contact inside this process. */
interface Kept {
  /** Null = its storage is a folder. */
  readonly memory: BodyStorage | null
  readonly ram: Map<string, unknown>
}

async function contactOf(options: SwarmOptions, device: SwarmDevice, { memory, ram }: Kept): Promise<RunEnd> {
  const { family, speed, signal } = options
  const { model, server } = device
  const fault = options.faultOf?.(device) ?? options.fault
  const contact = { family, model, server, fault, speed, signal, ram, log: () => undefined }
  if (memory !== null) return makeContact({ ...contact, storage: memory })
  const state = openStateDirectory(device.state ?? "", { family: family.id, model })
  try {
    return await makeContact({ ...contact, storage: state.storage })
  } finally {
    state.close()
  }
}

/** Lets so many in at the same time; the others wait in their order. */
class Gate {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}

class Tally {
  readonly #devices: number
  #contacts = 0
  readonly #codes = new Map<string, number>()
  readonly #running = new Map<string, string>()

  constructor(devices: number) {
    this.#devices = devices
  }

  add(device: SwarmDevice, end: RunEnd): void {
    this.#contacts += 1
    this.#codes.set(end.code, (this.#codes.get(end.code) ?? 0) + 1)
    this.#running.set(device.id, end.running.version)
  }

  result(): SwarmResult {
    const running = new Map<string, number>()
    for (const version of this.#running.values()) running.set(version, (running.get(version) ?? 0) + 1)
    return {
      devices: this.#devices,
      contacts: this.#contacts,
      codes: Object.fromEntries(this.#codes),
      running: Object.fromEntries(running),
    }
  }
}
