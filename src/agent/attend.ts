import { randomBytes } from "node:crypto"
import type { AnyAttendEvent, AttendSide } from "../core/families/attend.ts"
import { families } from "../core/families/index.ts"
import type { MemoryPort } from "../core/families/memory-port.ts"
import type { JsonObject } from "../core/kit/json.ts"
import type { AtClock } from "../core/protocols/at/at-line.ts"
import { AgentApi } from "./agent-api.ts"
import { AgentMemory } from "./agent-memory.ts"
import { bindingOf } from "./attend-binding.ts"
import { Backoff } from "./backoff.ts"
import { machineClock, machineRandom } from "./clock.ts"
import { checkedToken } from "./device-token.ts"
import { httpTransport } from "./http-transport.ts"
import { Notes } from "./notes.ts"
import { machinePort, memoryHostPort } from "./module-port.ts"
import { openStateFolder } from "./state-folder.ts"
import { WrongUse } from "./wrong-use.ts"

export interface AttendOptions {
  /** Where the module may be: paths, paths with `*`, `tcp://HOST:PORT`. */
  readonly ports: readonly string[]
  readonly baudRate?: number
  /** May be left out while one family is attended. */
  readonly family?: string
  /** The fields of the family's plan. */
  readonly plan: JsonObject
  /** Time runs so much faster: for rehearsals beside a virtual module; 1 unless told. */
  readonly speed?: number
  /** Folder of this attendance alone: which module it stands beside is known there after a restart; absent = while it runs. */
  readonly state?: string
  /** Whom to tell what is seen and done: the server's device HTTP listener, and the device's own token. */
  readonly server?: { readonly url: string; readonly token: string }
  readonly tell: (event: AnyAttendEvent) => void
  readonly signal: AbortSignal
}

/** The host program beside a real module, until the signal (rejects with its reason). Rejects with `WrongUse`. */
export async function runAttendance(options: AttendOptions): Promise<never> {
  const { ports, baudRate, family, plan, speed = 1, tell, signal } = options
  if (!(speed > 0 && Number.isFinite(speed))) throw new WrongUse("the speed must be a number above 0")
  const clock = machineClock(speed)
  const { attend } = attendSideOf(family)
  const port = machinePort({ names: ports, ...(baudRate === undefined ? {} : { baudRate }) }, clock)
  const notes = notesTo(options, clock)
  const tellBoth = (event: AnyAttendEvent): void => {
    tell(event)
    // A module's every unknown line is for who stands beside it.
    if (event.event !== "heard") notes?.add(event)
  }
  const folder = options.state === undefined ? null : openStateFolder(options.state)
  try {
    const binding =
      folder === null ? {} : { binding: await bindingOf(new AgentMemory(folder.store), plan["imei"], clock.now) }
    return await attend({ port, clock, plan, tell: tellBoth, signal, ...binding })
  } catch (error) {
    throw error instanceof RangeError ? new WrongUse(error.message, { cause: error }) : error
  } finally {
    folder?.close()
  }
}

function notesTo({ server, tell, signal }: AttendOptions, clock: AtClock): Notes | null {
  if (server === undefined) return null
  const token = checkedToken(server.token)
  return new Notes({
    api: new AgentApi(httpTransport(server.url)),
    token: () => token,
    clock,
    backoff: new Backoff(machineRandom),
    run: randomBytes(9).toString("base64url"),
    tell: (text) => tell({ event: "not-told", version: null, text }),
    signal,
  })
}

export interface LocalAttendance {
  /** The port of a virtual module in this process. */
  readonly port: MemoryPort
  readonly family: string
  /** Its fields are the family's. */
  readonly plan: JsonObject
  readonly speed: number
  readonly tell: (event: AnyAttendEvent) => void
  readonly signal: AbortSignal
}

/** The host program beside a virtual module in this process, until the signal (rejects with its reason). */
export function runLocalAttendance({ port, family, plan, speed, tell, signal }: LocalAttendance): Promise<never> {
  const clock = machineClock(speed)
  return attendSideOf(family).attend({ port: memoryHostPort(port, clock), clock, plan, tell, signal })
}

function attendSideOf(id?: string): AttendSide {
  const able = families.filter(({ attend }) => attend !== undefined)
  const names = able.map((family) => family.id).join(", ")
  const found = id === undefined && able.length === 1 ? able[0] : able.find((family) => family.id === id)
  if (found?.attend !== undefined) return found.attend
  if (id === undefined) throw new WrongUse(`name the device family; an agent can attend to ${names}`)
  throw new WrongUse(`an agent cannot attend to ${JSON.stringify(id)}; it can attend to ${names}`)
}
