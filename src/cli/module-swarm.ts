import { setMaxListeners } from "node:events"
import { join } from "node:path"
import { type AgentEvent, runLocalAgent, sharedTransport } from "../agent/main.ts"
import { type PoweredModule, startModule, type SwarmDevice } from "../virtual/main.ts"

export interface ModuleSwarm {
  readonly family: string
  /** `server.agent` is the URL of the agent API, `server.token` the device's token. */
  readonly devices: readonly SwarmDevice[]
  readonly fault?: string
  /** Real time is divided by this, in the modules and in the agents. */
  readonly speed: number
  readonly signal: AbortSignal
  readonly onEvent?: (device: SwarmDevice, event: AgentEvent) => void
  /** What a module itself says that it runs, whenever its agent has asked. */
  readonly onVersion?: (device: SwarmDevice, version: string) => void
}

/** Runs modules, each with an agent at its port, until the signal. Rejects when a module or an agent cannot run. */
export async function runModules(swarm: ModuleSwarm): Promise<void> {
  // Every agent and module listens for the one end.
  setMaxListeners(0, swarm.signal)
  const transports = new Map<string, ReturnType<typeof sharedTransport>>()
  const ended = swarm.devices.map((device) => {
    const url = device.server["agent"] ?? ""
    const transport = transports.get(url) ?? sharedTransport(url)
    transports.set(url, transport)
    return runModule(swarm, device, transport)
  })
  await Promise.all(ended)
}

async function runModule(
  { family, fault, speed, signal, onEvent, onVersion }: ModuleSwarm,
  device: SwarmDevice,
  transport: ReturnType<typeof sharedTransport>,
): Promise<void> {
  const { model, server, state } = device
  const module: PoweredModule = startModule({
    family,
    model,
    server,
    speed,
    ...(fault === undefined ? {} : { fault }),
    ...(state === undefined ? {} : { state: join(state, "module") }),
  })
  // The agent ends by the signal; a module that cannot run ends its agent.
  const broken = module.ended.then(() => undefined)
  const agent = runLocalAgent({
    port: module.port,
    transport,
    token: server["token"] ?? "",
    family,
    speed,
    signal,
    tell: (event) => {
      onEvent?.(device, event)
      if (event.version !== undefined) onVersion?.(device, event.version)
    },
    ...(state === undefined ? {} : { state: join(state, "agent") }),
  })
  try {
    await Promise.race([agent, broken])
    await agent
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await module.switchOff().catch(() => undefined)
  }
}
