import type { DeviceIdentity, HostEnd, HostOrder, HostReport } from "../core/families/host.ts"
import type { JsonObject } from "../core/kit/json.ts"
import { machineClock } from "./clock.ts"
import { hostOf } from "./main.ts"
import { machinePort } from "./module-port.ts"
import { openStateFolder } from "./state-folder.ts"
import { AgentTrouble } from "./wrong-use.ts"

// `waft/modem`: the driver of `waft agent` for a program of one's own; docs/modem.md.
export { AtHost, type AtAnswer, type AtCommand, type AtHostLimits } from "../core/protocols/at/at-host.ts"
export type { AtClock, AtLine } from "../core/protocols/at/at-line.ts"
export type { AtUrc } from "../core/protocols/at/at-urc.ts"
export type {
  DeviceIdentity,
  HostEnd,
  HostJournal,
  HostOrder,
  HostPort,
  HostReport,
  HostRun,
  HostSide,
} from "../core/families/host.ts"
export { machineClock } from "./clock.ts"
export { machinePort, type PortOptions } from "./module-port.ts"
export { AgentTrouble, WrongUse } from "./wrong-use.ts"
export { hostOf } from "./main.ts"

export interface ModemOptions {
  /** Where the module may be: paths, paths with `*`, `tcp://HOST:PORT`. */
  readonly ports: readonly string[]
  readonly baudRate?: number
  /** May be left out while one family has a host side. */
  readonly family?: string
}

/** Who is at the first port that answers; null = nobody. Throws `WrongUse`. */
export async function identifyModule({ ports, baudRate, family }: ModemOptions): Promise<DeviceIdentity | null> {
  const clock = machineClock()
  const host = hostOf(family)
  const port = machinePort({ names: ports, ...(baudRate === undefined ? {} : { baudRate }) }, clock)
  for (const name of await port.names()) {
    const line = await port.open(name)
    if (line === null) continue
    try {
      const identity = await host.identify(line, clock)
      if (identity !== null) return identity
    } finally {
      await line.close()
    }
  }
  return null
}

export interface UpdateOptions extends ModemOptions {
  readonly order: HostOrder
  /** Folder of this program alone, in which the update goes on after a kill. */
  readonly stateFolder: string
  readonly onReport?: (report: HostReport) => void
  /** One line for people. */
  readonly onLine?: (line: string) => void
  /** Asked right before each command that starts the update. */
  readonly isWanted?: () => Promise<boolean>
  /** Time runs so much faster, for rehearsals beside a virtual module; 1 unless told. */
  readonly speed?: number
  readonly signal?: AbortSignal
}

/**
 * One update from its first command to its end. Rejects with `WrongUse`, with `AgentTrouble` when the state folder fails,
 * with the signal's reason.
 */
export async function updateModule(options: UpdateOptions): Promise<HostEnd> {
  const { ports, baudRate, family, order, stateFolder, speed = 1, onReport, onLine } = options
  const clock = machineClock(speed)
  const host = hostOf(family)
  const port = machinePort({ names: ports, ...(baudRate === undefined ? {} : { baudRate }) }, clock)
  const folder = openStateFolder(stateFolder)
  try {
    let saved = parse(folder.store.read())
    return await host.run({
      order,
      port,
      clock,
      journal: {
        load: () => saved,
        save: async (state) => {
          saved = state
          await folder.store.write(`${JSON.stringify(state)}\n`)
        },
      },
      report: async (report) => {
        await Promise.resolve()
        onReport?.(report)
      },
      isWanted: options.isWanted ?? (() => Promise.resolve(true)),
      log: (line) => onLine?.(line),
      signal: options.signal ?? new AbortController().signal,
    })
  } finally {
    folder.close()
  }
}

function parse(text: string | null): JsonObject | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    // A journal names its order; an agent's own state file does not.
    if (typeof value === "object" && value !== null && "order" in value && typeof value.order === "string") {
      return value as JsonObject
    }
  } catch {
    // Told below, with whatever else is no journal.
  }
  throw new AgentTrouble("the state folder holds something else than the journal of an update; give another")
}
