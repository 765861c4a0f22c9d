import type { CertificationReport } from "../core/families/certification.ts"
import { families } from "../core/families/index.ts"
import { MemoryPort } from "../core/families/memory-port.ts"
import { nodeClock, nodeRandom } from "./node-clock.ts"
import { openDoors, type PortDoors } from "./port-doors.ts"
import { WrongUse } from "./wrong-use.ts"

export type { CertificationReport } from "../core/families/certification.ts"

export interface CertifyOptions {
  /** May be left out while one family has a certification. */
  readonly family?: string
  readonly model: string
  readonly variant: string
  /** PIN of the virtual module's SIM cards. */
  readonly pin: string
  /** Where the host finds the module: at least one door. */
  readonly doors: PortDoors
  /** The module's own pauses are divided by this. */
  readonly speed: number
  readonly log: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Gives somebody's own host program a virtual module at its doors and judges what it does there. Rejects with `WrongUse`, and
 * with the signal's reason.
 */
export async function runCertification(options: CertifyOptions): Promise<CertificationReport> {
  const { model, variant, pin, doors, speed, log, signal } = options
  if (doors.pty === undefined && doors.tcp === undefined) {
    throw new WrongUse("a host needs a port at which it finds the module; give --pty LINK or --tcp HOST:PORT")
  }
  if (!(speed > 0 && Number.isFinite(speed))) throw new WrongUse("the speed must be a number above 0")
  const family = certifiable(options.family)
  const { certification } = family
  if (certification === undefined) throw new WrongUse(`host programs for ${family.id} are not certified`)
  if (!family.models.some(({ id }) => id === model)) {
    throw new WrongUse(`there is no model ${JSON.stringify(model)} of ${family.id}`)
  }
  const port = new MemoryPort()
  const opened = await openDoors(port, doors, log)
  try {
    for (const sentence of opened.sentences) log(sentence)
    const bench = { model, variant, pin, port, clock: nodeClock, random: nodeRandom, speed, log, signal }
    return await certification.certify(bench)
  } catch (error) {
    throw error instanceof RangeError ? new WrongUse(error.message, { cause: error }) : error
  } finally {
    port.powerOff(new Error("the certification is over"))
    await opened.close()
  }
}

function certifiable(id: string | undefined) {
  const able = families.filter(({ certification }) => certification !== undefined)
  const found = id === undefined && able.length === 1 ? able[0] : able.find((family) => family.id === id)
  if (found !== undefined) return found
  const names = able.map((family) => family.id).join(", ")
  if (id === undefined) throw new WrongUse(`name the device family; there is a certification for ${names}`)
  throw new WrongUse(`there is no certification for ${JSON.stringify(id)}; there is one for ${names}`)
}
