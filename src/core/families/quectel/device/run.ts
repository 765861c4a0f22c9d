import { AtInterpreter } from "../../../protocols/at/interpreter.ts"
import { type Body, type BodyPort, PowerCut } from "../../body.ts"
import type { DeviceRun, DeviceSide, RunEnd } from "../../family.ts"
import { readFirmware } from "../../recovery/firmware-flash.ts"
import { virtualFaults } from "./faults.ts"
import { atCommands } from "./at-commands.ts"
import { update } from "./update.ts"
import { OwnPowerCut, QuectelModule } from "./module.ts"
import { poweredBody } from "../../powered-body.ts"
import { recover } from "./recovery.ts"
import { packageName } from "./update-log.ts"

/** Pauses of the hardware, ms. */
const times = {
  /** From power to the bus. */
  start: 5000,
  /** From the bus to the first word: a host that opens the port at once hears it. */
  enumeration: 5000,
  /** From the first word to the SIM. */
  sim: 1000,
  /** From the last word to the restart; commands are still answered. */
  beforeRestart: 3000,
  /** Without power, when a module restarts. */
  off: 2000,
} as const

export const device: DeviceSide = { faults: virtualFaults, needsPort: true, run: runModule }

/**
 * A module from power-on until the signal, or until its body cuts the power. `server` may hold what it comes from the
 * factory with: `firmware`, `imei`, `imageBytes`. Its host stands at `body.port`.
 */
export async function runModule(body: Body, run: DeviceRun): Promise<RunEnd> {
  const powered = poweredBody(body)
  const ram = run.ram ?? new Map<string, unknown>()
  const module = await QuectelModule.open(powered.body, { ...run, ram })
  try {
    await Promise.race([life(module), typing(module)])
  } catch (error) {
    powered.fail(error)
    module.hangUp?.()
    if (run.signal.aborted && !(error instanceof PowerCut)) return module.runEnd
    throw error
  }
  return module.runEnd
}

/** Brings what the host types to whatever listens: in recovery mode nothing does. */
async function typing(module: QuectelModule): Promise<never> {
  for (;;) {
    const bytes = await module.port.read(4096)
    await module.at?.take(bytes)
  }
}

async function life(module: QuectelModule): Promise<never> {
  for (;;) {
    try {
      await stretch(module)
      await module.pause(times.beforeRestart)
    } catch (error) {
      if (!(error instanceof OwnPowerCut)) throw error
      module.body.log(`power lost: ${error.message}`)
    }
    module.at = null
    module.hangUp?.()
    module.forget()
    leaveBus(module)
    await module.pause(times.off)
  }
}

/** From power-on to the next restart. */
async function stretch(module: QuectelModule): Promise<void> {
  await module.pause(times.start)
  module.port.attach()
  await module.pause(times.enumeration)
  const state = await module.updates.load()
  if (state !== null) {
    module.body.log("recovery mode")
    await recover(module, state)
    return
  }
  // A package without a log is what a power cut left of a download.
  await module.files.remove(packageName)
  await module.readVersion()
  if ((await readFirmware(module.flash)) === null) return bricked(module)
  await normalMode(module)
}

async function normalMode(module: QuectelModule): Promise<void> {
  const write: BodyPort["write"] = (bytes) => module.port.write(bytes)
  module.at = new AtInterpreter({ module, commands: atCommands, write })
  // quectel.md 4.3.
  module.say("RDY")
  module.say("+CFUN: 1")
  await module.pause(times.sim)
  module.say("+CPIN: READY")
  for (;;) {
    const order = await module.nextOrder()
    if (order.kind === "restart") return
    if ((await update(module, order)) === "restart") return
  }
}

/** USB leaves the bus at a restart; a UART stays where it is. */
function leaveBus({ profile, port }: QuectelModule): void {
  if (profile.port === "usb") port.detach()
}

/** No firmware that starts: the module is silent until somebody writes one by a cable. */
async function bricked(module: QuectelModule): Promise<never> {
  module.body.log("no firmware that starts")
  return new Promise<never>(() => undefined)
}
