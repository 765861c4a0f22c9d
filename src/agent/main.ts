import { randomBytes } from "node:crypto"
import { families } from "../core/families/index.ts"
import type { HostSide } from "../core/families/host.ts"
import type { MemoryPort } from "../core/families/memory-port.ts"
import { type AgentEnd, type AgentEvent, type Credentials, runAgentCore } from "./agent.ts"
import type { AgentTransport } from "./agent-api.ts"
import { AgentMemory, type TextStore } from "./agent-memory.ts"
import { machineClock, machineRandom } from "./clock.ts"
import { checkedToken } from "./device-token.ts"
import { httpTransport } from "./http-transport.ts"
import { machinePort, memoryHostPort } from "./module-port.ts"
import { openStateFolder } from "./state-folder.ts"
import { WrongUse } from "./wrong-use.ts"

export type { AgentEnd, AgentEvent } from "./agent.ts"
export { type AttendOptions, runAttendance, runLocalAttendance } from "./attend.ts"
export { AgentTrouble, WrongUse } from "./wrong-use.ts"

export interface AgentOptions {
  /** Where the module may be: paths, paths with `*`, `tcp://HOST:PORT`. */
  readonly ports: readonly string[]
  readonly baudRate?: number
  /** URL of the server's device HTTP listener. */
  readonly server: string
  /** Exactly one of the two. */
  readonly token?: string
  readonly enrol?: string
  /** For the enrolment; what the module says unless given. */
  readonly id?: string
  readonly model?: string
  /** Serial number of the module that the device is from now on; absent = the one that it was, or the first that is met. */
  readonly imei?: string
  /** Folder of this agent alone. */
  readonly state: string
  /** May be left out while one family has a host side. */
  readonly family?: string
  /** Time runs so much faster: for rehearsals beside a virtual module; 1 unless told. */
  readonly speed?: number
  readonly once?: boolean
  readonly tell: (event: AgentEvent) => void
  readonly signal: AbortSignal
}

/**
 * The agent beside a real module. Ends when the signal does (rejects with its reason), with `once` after one order.
 * Rejects with `WrongUse` or `AgentTrouble`, each one sentence.
 */
export async function runAgent(options: AgentOptions): Promise<AgentEnd> {
  const { server, ports, baudRate, state, speed = 1, once = false, tell, signal } = options
  if (!(speed > 0 && Number.isFinite(speed))) throw new WrongUse("the speed must be a number above 0")
  const clock = machineClock(speed)
  const host = hostOf(options.family)
  const port = machinePort({ names: ports, ...(baudRate === undefined ? {} : { baudRate }) }, clock)
  const transport = httpTransport(server)
  const { imei } = options
  if (imei !== undefined && !/^\d{14,17}$/.test(imei)) throw new WrongUse("an IMEI has 15 digits")
  const credentials = credentialsOf(options)
  const folder = openStateFolder(state)
  try {
    const memory = new AgentMemory(folder.store)
    const newSecret = (): string => randomBytes(24).toString("base64url")
    const random = machineRandom
    return await runAgentCore({
      host,
      port,
      clock,
      random,
      newSecret,
      transport,
      memory,
      credentials,
      tell,
      once,
      signal,
      ...(imei === undefined ? {} : { imei }),
    })
  } finally {
    folder.close()
  }
}

export interface LocalAgentOptions {
  /** The port of a virtual module in this process. */
  readonly port: MemoryPort
  readonly transport: AgentTransport
  readonly token: string
  readonly family: string
  readonly speed: number
  /** Folder of this agent alone; absent = it forgets everything with the process. */
  readonly state?: string
  readonly tell: (event: AgentEvent) => void
  readonly signal: AbortSignal
}

/** The agent beside a virtual module in this process, until the signal (rejects with its reason). */
export async function runLocalAgent(options: LocalAgentOptions): Promise<AgentEnd> {
  const { port, transport, token, family, speed, state, tell, signal } = options
  const clock = machineClock(speed)
  const folder = state === undefined ? { store: forgetfulStore(), close: () => undefined } : openStateFolder(state)
  try {
    return await runAgentCore({
      host: hostOf(family),
      port: memoryHostPort(port, clock),
      clock,
      random: machineRandom,
      newSecret: () => randomBytes(24).toString("base64url"),
      transport,
      memory: new AgentMemory(folder.store),
      credentials: { token },
      tell,
      signal,
    })
  } finally {
    folder.close()
  }
}

/** Carries the calls of many agents of this process to one server. Throws `WrongUse` for a URL that is none. */
export function sharedTransport(serverUrl: string): AgentTransport {
  return httpTransport(serverUrl)
}

function forgetfulStore(): TextStore {
  let kept: string | null = null
  return {
    read: () => kept,
    write: (text) => {
      kept = text
      return Promise.resolve()
    },
  }
}

/** The host side of a family; of the only one that has one, when none is named. Throws `WrongUse`. */
export function hostOf(id?: string): HostSide {
  const able = families.filter(({ host }) => host !== undefined)
  const names = able.map((family) => family.id).join(", ")
  const found = id === undefined && able.length === 1 ? able[0] : able.find((family) => family.id === id)
  if (found?.host !== undefined) return found.host
  if (id === undefined) throw new WrongUse(`name the device family; an agent can drive ${names}`)
  throw new WrongUse(`an agent cannot drive ${JSON.stringify(id)}; it can drive ${names}`)
}

function credentialsOf({ token, enrol, id, model }: AgentOptions): Credentials {
  const given = [token, enrol].filter((value) => value !== undefined)
  if (given.length !== 1) throw new WrongUse("give the device's token, a file with it, or an enrolment token")
  const secret = (token ?? enrol ?? "").trim()
  checkedToken(secret)
  if (enrol === undefined) return { token: secret }
  return { enrol: secret, ...(id === undefined ? {} : { id }), ...(model === undefined ? {} : { model }) }
}
