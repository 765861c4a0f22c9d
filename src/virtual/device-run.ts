import type { Body, BodyPort, BodyStorage } from "../core/families/body.ts"
import type { BodyRadio } from "../core/families/radio.ts"
import type { Family, RunEnd } from "../core/families/family.ts"
import { nodeClock, nodeRandom } from "./node-clock.ts"
import { nodeNet } from "./node-net.ts"
import { WrongUse } from "./wrong-use.ts"

/** One contact of one virtual device. */
export interface Contact {
  readonly family: Family
  readonly model: string
  readonly server: Readonly<Record<string, string>>
  readonly fault: string | null
  readonly speed: number
  readonly storage: BodyStorage
  /** For families whose devices rest at a port. */
  readonly port?: BodyPort
  /** For devices with a SIM slot. */
  readonly radio?: BodyRadio
  /** The device's RAM: the same object for every contact while it has power. */
  readonly ram: Map<string, unknown>
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/** Switches the device on, lets it make its contact, and says what came of it. Rejects with the signal's reason. */
export async function makeContact(contact: Contact): Promise<RunEnd> {
  const { family, model, server, fault, speed, storage, port, radio, ram, log, signal } = contact
  const body: Body = {
    clock: nodeClock,
    net: nodeNet(signal),
    storage,
    random: nodeRandom,
    log,
    ...(port === undefined ? {} : { port }),
    ...(radio === undefined ? {} : { radio }),
  }
  const end = await family.device.run(body, { model, server, fault, speed, ram, signal })
  // A device whose sockets were taken away has its own story of it; the caller asked for something else. One that rests at
  // a port ends in no other way.
  if (family.device.needsPort !== true) signal.throwIfAborted()
  return end
}

/** Checks what can be known before a device is switched on. Throws `WrongUse`. */
export function checkDevice(family: Family, model: string, fault: string | null): void {
  const models = [...family.models.map((known) => known.id), "any"]
  if (!models.includes(model)) {
    throw new WrongUse(
      `there is no model ${JSON.stringify(model)} of ${family.id}; the models are ${models.join(", ")}`,
    )
  }
  if (fault === null) return
  const isKnown = family.device.faults.some(
    (row) => row.fault === fault && (row.model === model || row.model === "any" || model === "any"),
  )
  if (!isKnown) {
    throw new WrongUse(
      `a ${family.id} of model ${model} has no fault ${JSON.stringify(fault)}; "waft virtual faults --family ${family.id}" lists them`,
    )
  }
}
