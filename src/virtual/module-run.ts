import type { BodyStorage } from "../core/families/body.ts"
import type { BodyRadio } from "../core/families/radio.ts"
import type { Family, RunEnd } from "../core/families/family.ts"
import { MemoryPort } from "../core/families/memory-port.ts"
import { makeContact } from "./device-run.ts"

/** A device that rests at its port, switched on in this process. */
export interface PoweredModule {
  /** Where hosts in this process open it; it is there once the module has started. */
  readonly port: MemoryPort
  /** Resolves when it was switched off, with what it came to; rejects when it cannot run. */
  readonly ended: Promise<RunEnd>
  /** Takes its power away: it stops wherever it is, and goes on from its storage when it is switched on again. */
  readonly switchOff: () => Promise<RunEnd>
}

export interface ModuleOptions {
  readonly family: Family
  readonly model: string
  /** What it comes from the factory with, as its family says: `firmware`, `imei`, `imageBytes`. */
  readonly server: Readonly<Record<string, string>>
  readonly fault: string | null
  readonly speed: number
  readonly storage: BodyStorage
  readonly radio?: BodyRadio
  readonly log: (line: string) => void
}

/** Switches a module on. */
export function powerModule(options: ModuleOptions): PoweredModule {
  const port = new MemoryPort()
  const power = new AbortController()
  const ram = new Map<string, unknown>()
  const ended = makeContact({ ...options, port, ram, signal: power.signal })
  // Whoever waits for the end is told; nobody has to.
  ended.catch((error: unknown) => port.powerOff(error))
  return {
    port,
    ended,
    switchOff: () => {
      power.abort(new Error("the module was switched off"))
      port.powerOff(power.signal.reason)
      return ended
    },
  }
}
