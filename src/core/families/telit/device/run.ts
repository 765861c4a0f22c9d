import { fromLatin1 } from "../../../kit/bytes.ts"
import { AtInterpreter } from "../../../protocols/at/interpreter.ts"
import { type Body, type BodyPort, PowerCut } from "../../body.ts"
import type { DeviceRun, DeviceSide, RunEnd } from "../../family.ts"
import { poweredBody } from "../../powered-body.ts"
import { virtualFaults } from "./faults.ts"
import { atCommands } from "./at-commands.ts"
import { takeSms } from "./incoming.ts"
import { goOnAir } from "./go-on-air.ts"
import { install } from "./install.ts"
import { type ModuleEvent, OwnPowerCut, TelitModule } from "./module.ts"
import { registerBySms, registerIfNeeded, registerOverIp } from "./registration.ts"
import { beginIpUpdate, fail, reportUpdated } from "./update.ts"

/** Pauses of the hardware, ms. */
const times = {
  /** From power to the first answer. */
  start: 3000,
  /** Without power, when a module restarts. */
  off: 1000,
} as const

export const device: DeviceSide = { faults: virtualFaults, needsPort: true, needsRadio: true, run: runModule }

/**
 * A module from power-on until the signal, or until its body cuts the power. `server` holds `key` (the device's secret, from which the PFM keys come),
 * and may hold what the module comes from the factory with: `firmware`, `imei`, `imageBytes`, and `spelling` for its URCs.
 * Its host stands at `body.port`, its card in `body.radio`.
 */
export async function runModule(body: Body, run: DeviceRun): Promise<RunEnd> {
  const powered = poweredBody(body)
  const ram = run.ram ?? new Map<string, unknown>()
  const module = await TelitModule.open(powered.body, { ...run, ram })
  try {
    await Promise.race([life(module), typing(module), module.failed, switchedOff(run.signal)])
  } catch (error) {
    powered.fail(error)
    // Whatever still waits for a message or a card must not take it from who has power. Nobody waits for it to end.
    void module.stop()
    if (run.signal.aborted && !(error instanceof PowerCut)) return module.runEnd
    throw error
  }
  return module.runEnd
}

function switchedOff(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(new Error("switched off"))
    if (signal.aborted) stop()
    else signal.addEventListener("abort", stop, { once: true })
  })
}

/** Brings what the host types to whatever listens: a frozen interface does not. */
async function typing(module: TelitModule): Promise<never> {
  for (;;) {
    const bytes = await module.port.read(4096)
    // The first characters tell the host's speed.
    module.urcs.isDeaf = false
    if (module.isFrozen) continue
    if (module.urcs.isInDataMode) leaveDataMode(module, bytes)
    else await module.at?.take(bytes)
  }
}

/** What is typed goes to the other end of the call, until the escape sequence (V.250 and the AT reference). */
function leaveDataMode(module: TelitModule, bytes: Uint8Array): void {
  if (!fromLatin1(bytes).includes("+++")) return
  module.urcs.leaveDataMode()
  module.say("OK")
}

async function life(module: TelitModule): Promise<never> {
  for (;;) {
    try {
      await stretch(module)
    } catch (error) {
      if (!(error instanceof OwnPowerCut)) throw error
      module.body.log(`power lost: ${error.message}`)
    }
    await module.stop()
    await module.pause(times.off)
  }
}

/** From power-on to the next restart. */
async function stretch(module: TelitModule): Promise<void> {
  await module.pause(times.start)
  module.port.attach()
  if (module.memory.value.update?.phase === "installing") {
    module.body.log("goes on with the update that was interrupted")
    return install(module)
  }
  await module.readVersion()
  const write: BodyPort["write"] = (bytes) => module.port.write(bytes)
  module.at = new AtInterpreter({ module, commands: atCommands, write })
  module.port.setLine("DSR", true)
  module.port.setLine("RTS", true)
  await afterRestart(module)
  module.beside(() => watchCard(module))
  for (;;) {
    if ((await handle(module, await module.nextEvent())) === "restart") return
  }
}

/** What an update that the restart ended, or broke off, has left to say. */
async function afterRestart(module: TelitModule): Promise<void> {
  if (module.memory.value.update?.phase !== "installed") return
  // §3.1.2: under autobauding the lines after this restart could be lost.
  module.urcs.isDeaf = module.setting("+IPR") === "0"
  await module.tell("upgraded")
}

async function handle(module: TelitModule, event: ModuleEvent): Promise<"restart" | "stay"> {
  if (event.kind === "restart") return "restart"
  if (event.kind === "power-cut") throw new OwnPowerCut(event.where)
  if (event.kind === "install") {
    await install(module)
    return "restart"
  }
  await deeds[event.kind](module, event as never)
  return "stay"
}

type Deeds = {
  readonly [Kind in Exclude<ModuleEvent["kind"], "restart" | "power-cut" | "install">]: (
    module: TelitModule,
    event: Extract<ModuleEvent, { kind: Kind }>,
  ) => Promise<void>
}

const deeds: Deeds = {
  sms: (module, { tpdu }) => takeSms(module, tpdu),
  "on-air": comeOnAir,
  "card-changed": async (module) => {
    module.sim.forget()
    module.pendingRegistration = null
    if (module.sim.ready !== null) module.beside(() => goOnAir(module))
  },
  register: (module) => (module.memory.value.variant === "sms" ? registerBySms(module) : registerOverIp(module)),
  "ip-update": beginIpUpdate,
}

/** Everything that waits for the network: an update's end, what became of one that lost its power, a registration. */
async function comeOnAir(module: TelitModule): Promise<void> {
  const { update } = module.memory.value
  if (update !== null && !module.isUpdating) {
    if (update.phase === "installed") reportUpdated(module)
    else await fail(module, "power-lost")
  }
  await registerIfNeeded(module)
}

async function watchCard(module: TelitModule): Promise<void> {
  if (module.sim.ready !== null) module.beside(() => goOnAir(module))
  module.beside(async () => {
    for (;;) module.happen({ kind: "sms", tpdu: await module.radio.receiveSms(module.signal) })
  })
  for (;;) {
    await module.radio.cardChanged(module.signal)
    module.happen({ kind: "card-changed" })
  }
}
