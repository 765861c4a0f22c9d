import { existsSync, readdirSync } from "node:fs"
import { dirname, basename, join } from "node:path"
import type { HostPort } from "../core/families/host.ts"
import type { MemoryPort } from "../core/families/memory-port.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"
import { ArrivalLine } from "../serial/arrival-line.ts"
import { openTcpLine, tcpAddress } from "./tcp-line.ts"
import { WrongUse } from "./wrong-use.ts"

export interface PortOptions {
  /** Names: a path, a path with `*` and `?` in its last part, or `tcp://HOST:PORT`; the module may be at any of them. */
  readonly names: readonly string[]
  /** Bits a second of serial ports; 115200 unless told. USB modules do not mind. */
  readonly baudRate?: number
}

/** The ports of this machine at which a module may be. Throws `WrongUse` for a name that can be none. */
export function machinePort({ names, baudRate = 115_200 }: PortOptions, clock: AtClock): HostPort {
  if (names.length === 0) throw new WrongUse("name at least one port")
  for (const name of names) checkName(name)
  return {
    names: () => Promise.resolve(names.flatMap(presentNames)),
    open: async (name) => {
      const address = tcpAddress(name)
      if (address !== null) return openTcpLine(name, address, clock)
      // Loaded when it is needed: an agent at a TCP port, or beside a virtual module, runs without the native part.
      const { openSerialLine } = await import("../serial/serial-line.ts")
      return openSerialLine(name, baudRate, clock).catch(() => null)
    },
  }
}

/** The port of a virtual module in this process. */
export function memoryHostPort(port: MemoryPort, clock: AtClock, name = "memory"): HostPort {
  return {
    names: () => Promise.resolve(port.isAttached ? [name] : []),
    open: async () => {
      await Promise.resolve()
      const line = new ArrivalLine(name, clock, {
        write: async (bytes) => {
          await Promise.resolve()
          opened?.write(bytes)
          return port.isAttached
        },
        close: async () => {
          await Promise.resolve()
          opened?.close()
        },
      })
      const opened = port.open({ receive: (bytes) => line.arrive(bytes), vanish: () => line.vanish() })
      return opened === null ? null : line
    },
  }
}

function checkName(name: string): void {
  if (name.startsWith("tcp:")) {
    if (tcpAddress(name) === null) throw new WrongUse(`${JSON.stringify(name)} is no tcp://HOST:PORT`)
  } else if (name === "" || /[*?]/.test(dirname(name))) {
    throw new WrongUse(`${JSON.stringify(name)} is no port: * and ? may stand in the last part of a path alone`)
  }
}

/** What of a name is there now. A TCP port shows only when it is opened. */
function presentNames(name: string): readonly string[] {
  if (tcpAddress(name) !== null) return [name]
  if (!/[*?]/.test(basename(name))) return existsSync(name) ? [name] : []
  const folder = dirname(name)
  const pattern = new RegExp(
    `^${basename(name)
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  )
  if (!existsSync(folder)) return []
  const found = readdirSync(folder).filter((file) => pattern.test(file))
  return found.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).map((file) => join(folder, file))
}
