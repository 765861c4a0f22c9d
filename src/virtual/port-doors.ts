import type { MemoryPort } from "../core/families/memory-port.ts"
import { servePseudoTerminal } from "./pseudo-terminal.ts"
import { serveTcpPort } from "./tcp-port.ts"

/** Where hosts find a module's AT port. */
export interface PortDoors {
  /** Path of a symbolic link to a pseudo-terminal. */
  readonly pty?: string
  /** HOST:PORT to listen on; port 0 = any. */
  readonly tcp?: string
}

export interface OpenDoors {
  /** One sentence for each door: where hosts find it. */
  readonly sentences: readonly string[]
  readonly close: () => Promise<void>
}

/** Opens the doors to a module's port. Throws `WrongUse` when one cannot be had; none is open then. */
export async function openDoors(
  port: MemoryPort,
  { pty, tcp }: PortDoors,
  log: (line: string) => void,
): Promise<OpenDoors> {
  const sentences: string[] = []
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    await Promise.all(closing.map((end) => end()))
  }
  try {
    if (tcp !== undefined) {
      const door = await serveTcpPort(port, tcp)
      closing.push(door.close)
      sentences.push(`The AT port is at ${door.address}.`)
    }
    if (pty !== undefined) {
      const door = await servePseudoTerminal({ port, link: pty, log })
      closing.push(door.close)
      sentences.push(`The AT port is at ${pty}, while the module has it on the bus.`)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { sentences, close }
}
