import { join } from "node:path"
import type { BodyRadio, SimCard } from "../core/families/radio.ts"
import type { Family, RunEnd, VirtualFault } from "../core/families/family.ts"
import { familyById, families } from "../core/families/index.ts"
import { MemoryStorage } from "../core/families/memory-storage.ts"
import { checkDevice, makeContact } from "./device-run.ts"
import { type PoweredModule, powerModule } from "./module-run.ts"
import { type MobileNetworkOptions, startMobileNetwork } from "./mobile-network.ts"
import { nodeClock } from "./node-clock.ts"
import { openDoors, type PortDoors } from "./port-doors.ts"
import { openStateDirectory } from "./state-directory.ts"
import { type SwarmDevice, type SwarmResult, runDevices } from "./swarm.ts"
import { WrongUse } from "./wrong-use.ts"

export type { MemoryPort, OpenPort, PortHost } from "../core/families/memory-port.ts"
export type { PoweredModule } from "./module-run.ts"
export { type CertificationReport, runCertification } from "./certify.ts"
export { MemoryStorage } from "../core/families/memory-storage.ts"
export type { MobileNetwork } from "./mobile-network.ts"
export { startMobileNetwork } from "./mobile-network.ts"
export type { SimCard }
export { OddState } from "./odd-state.ts"
export type { SwarmDevice, SwarmResult } from "./swarm.ts"
export { WrongUse } from "./wrong-use.ts"

export interface VirtualOptions {
  readonly family: string
  readonly model: string
  /** Where and as whom the device asks: `ftp` (HOST:PORT), `user`, `password`; or `url`; as the family says. */
  readonly server: Readonly<Record<string, string>>
  /** Folder in which the device lives; without one it is new, and gone afterwards. */
  readonly state?: string
  readonly fault?: string
  /** Time between two contacts, ms; absent = one contact. */
  readonly everyMs?: number
  /** Real time is divided by this; 1 = as the hardware. */
  readonly speed?: number
  /** Where hosts reach the AT port, for families whose devices rest at one: at least one door. */
  readonly doors?: PortDoors
  /** The card of a device with a SIM slot, and the mobile network around it. */
  readonly sim?: SimOptions
  readonly signal: AbortSignal
  /** One line of the device's console. */
  readonly log: (line: string) => void
  /** Called after each contact. */
  readonly onEnd?: (end: RunEnd) => void
}

/**
 * Runs one virtual device: one contact, or one every so often until the signal comes; a device that rests at its port
 * runs until the signal. Resolves with how the last contact ended. Rejects with `WrongUse` or `OddState`, and with the
 * signal's reason when it came before any contact had ended.
 */
export async function runVirtual(options: VirtualOptions): Promise<RunEnd> {
  const family = familyNamed(options.family)
  const fault = options.fault ?? null
  const { model, server, signal, everyMs } = options
  checkDevice(family, model, fault)
  if (family.device.needsPort === true) return runAtPort(family, options)
  if (options.doors !== undefined) throw new WrongUse(`a ${family.id} has no AT port that a host could open`)
  const speed = checkedSpeed(options.speed)
  const state = options.state === undefined ? null : openStateDirectory(options.state, { family: family.id, model })
  const storage = state?.storage ?? new MemoryStorage()
  const ram = new Map<string, unknown>()
  let last: RunEnd | null = null
  try {
    for (;;) {
      last = await makeContact({ family, model, server, fault, speed, storage, ram, log: options.log, signal })
      options.onEnd?.(last)
      if (everyMs === undefined) return last
      await nodeClock.sleep(everyMs, signal)
    }
  } catch (error) {
    if (signal.aborted && last !== null) return last
    throw error instanceof RangeError ? new WrongUse(error.message, { cause: error }) : error
  } finally {
    state?.close()
  }
}

export interface SimOptions {
  /** The card; parts that are left out are made up. */
  readonly imsi?: string
  readonly number?: string
  readonly pin?: string
  /** `HOST:PORT` of the SMS centre, for a server to bind to by SMPP; absent = any free loopback port. */
  readonly centre?: string
  /** The number under which the server is reached. */
  readonly serverNumber?: string
}

/** A module from power-on until the signal, with its doors open. */
async function runAtPort(family: Family, options: VirtualOptions): Promise<RunEnd> {
  if (family.device.needsRadio !== true) return runModuleAtPort(family, options)
  const network = await startMobileNetwork(networkOf(options.sim ?? {}))
  try {
    const { user, password, host, port } = network.smpp
    options.log(
      `The SMS centre is at ${host}:${port}: WAFT_SMPP_PASSWORD=${password} waft serve --smpp smpp://${user}@${host}:${port} --sms-number ${network.number}`,
    )
    const { imsi = "001010000000001", number = "+390000000001", pin = null } = options.sim ?? {}
    return await runModuleAtPort(family, options, network.radioWith({ imsi, number, pin }))
  } finally {
    await network.close()
  }
}

function networkOf({ centre, serverNumber = "+390000000000" }: SimOptions): MobileNetworkOptions {
  if (centre === undefined) return { number: serverNumber }
  const [, host = "", port = ""] = /^([^:]+):(\d{1,5})$/.exec(centre) ?? []
  if (host === "" || Number(port) > 65_535) throw new WrongUse(`an SMS centre listens at HOST:PORT, not "${centre}"`)
  return { number: serverNumber, listen: { host, port: Number(port) } }
}

async function runModuleAtPort(family: Family, options: VirtualOptions, radio?: BodyRadio): Promise<RunEnd> {
  const { model, server, signal, log, doors = {} } = options
  if (doors.pty === undefined && doors.tcp === undefined) {
    throw new WrongUse(
      `a ${family.id} does nothing before a host opens its AT port; give --pty LINK or --tcp HOST:PORT`,
    )
  }
  if (options.everyMs !== undefined) {
    throw new WrongUse(`a ${family.id} makes no contacts by itself; leave --every out`)
  }
  const speed = checkedSpeed(options.speed)
  signal.throwIfAborted()
  const state = options.state === undefined ? null : openStateDirectory(options.state, { family: family.id, model })
  try {
    const storage = state?.storage ?? new MemoryStorage()
    const module = powerModule({
      family,
      model,
      server,
      fault: options.fault ?? null,
      speed,
      storage,
      log,
      ...(radio === undefined ? {} : { radio }),
    })
    const end = await untilSwitchedOff(module, options)
    options.onEnd?.(end)
    return end
  } catch (error) {
    throw error instanceof RangeError ? new WrongUse(error.message, { cause: error }) : error
  } finally {
    state?.close()
  }
}

async function untilSwitchedOff(module: PoweredModule, { doors = {}, signal, log }: VirtualOptions): Promise<RunEnd> {
  const opened = openDoors(module.port, doors, log)
  try {
    for (const sentence of (await opened).sentences) log(sentence)
    const off = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true })
    })
    await Promise.race([off, module.ended])
    return await module.switchOff()
  } finally {
    await module.switchOff().catch(() => undefined)
    await opened.then(({ close }) => close()).catch(() => undefined)
  }
}

/**
 * Switches a module of a family on whose devices rest at a port, for hosts in this process: agents of a demo or a bench.
 * Throws `WrongUse`.
 */
export function startModule(
  options: Pick<VirtualOptions, "family" | "model" | "server" | "fault" | "speed"> & {
    /** Where it lives on; handed to the next `startModule` it is the same module again. Absent = a new one, or `state`. */
    readonly storage?: MemoryStorage
    /** Folder in which it lives on. */
    readonly state?: string
    /** Its SIM slot and radio, for families with one. */
    readonly radio?: BodyRadio
    readonly log?: (line: string) => void
  },
): PoweredModule {
  const { model, server, fault = null, log = () => undefined, radio } = options
  const family = familyNamed(options.family)
  checkDevice(family, model, fault)
  if (family.device.needsPort !== true) throw new WrongUse(`a ${family.id} has no AT port`)
  const state = options.state === undefined ? null : openStateDirectory(options.state, { family: family.id, model })
  const storage = state?.storage ?? options.storage ?? new MemoryStorage()
  const module = powerModule({
    family,
    model,
    server,
    fault,
    speed: checkedSpeed(options.speed),
    storage,
    log,
    ...(radio === undefined ? {} : { radio }),
  })
  if (state !== null) void module.ended.catch(() => undefined).then(() => state.close())
  return module
}

/** Whether a family's devices rest at a port and are updated by an agent beside them. */
export function needsAgent(family: string): boolean {
  const { device, host } = familyNamed(family)
  return device.needsPort === true && host !== undefined
}

export interface VirtualSwarmOptions {
  readonly family: string
  readonly devices: readonly SwarmDevice[]
  readonly everyMs: number
  readonly rounds?: number
  readonly fault?: string
  /** What goes wrong on one device, asked before each of its contacts; null = `fault`. */
  readonly faultOf?: (device: SwarmDevice) => string | null
  readonly speed?: number
  /** Contacts at the same time; 100 unless told. */
  readonly atOnce?: number
  readonly signal: AbortSignal
  readonly onContact?: (device: SwarmDevice, end: RunEnd) => void
}

/** Runs many virtual devices in this process. */
export async function runSwarm(options: VirtualSwarmOptions): Promise<SwarmResult> {
  const { fault, atOnce, speed, family: id, ...rest } = options
  const family = familyNamed(id)
  if (family.device.needsPort === true) {
    throw new WrongUse(`a ${family.id} makes no contacts by itself: an agent has to stand at the AT port of each`)
  }
  return runDevices({
    ...rest,
    family,
    fault: fault ?? null,
    speed: checkedSpeed(speed),
    atOnce: atOnce ?? 100,
  })
}

export interface SwarmPlan {
  readonly count: number
  /** The models in turn. */
  readonly models: readonly string[]
  /** `{n}` in a value becomes the device's number, from 1. */
  readonly server: Readonly<Record<string, string>>
  /** Folder that gets one folder a device. */
  readonly state?: string
}

/** Makes the devices of a swarm that differ only in their number and model. */
export function planSwarm({ count, models, server, state }: SwarmPlan): readonly SwarmDevice[] {
  if (!Number.isInteger(count) || count < 1 || count > 100_000) {
    throw new WrongUse("a swarm has from 1 to 100000 devices")
  }
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1)
    const own = Object.entries(server).map(([key, value]) => [key, value.replaceAll("{n}", number)])
    return {
      id: number,
      model: models[index % models.length] ?? "any",
      server: Object.fromEntries(own) as Record<string, string>,
      ...(state === undefined ? {} : { state: join(state, number) }),
    }
  })
}

/** The named faults of a family's devices, each with the code it ends in and its words. */
export function listFaults(family: string): readonly VirtualFault[] {
  return familyNamed(family).device.faults
}

function familyNamed(id: string): Family {
  const family = familyById(id)
  if (family !== undefined) return family
  throw new WrongUse(
    `there is no family ${JSON.stringify(id)}; the families are ${families.map((f) => f.id).join(", ")}`,
  )
}

function checkedSpeed(speed = 1): number {
  if (speed > 0 && Number.isFinite(speed)) return speed
  throw new WrongUse("the speed must be a number above 0")
}
