import { DeltaError } from "../../../delta/index.ts"
import { installPackage } from "../../recovery/install-package.ts"
import { afterUpdate } from "./kept-settings.ts"
import { newMemory } from "./memory.ts"
import { readPackage } from "./download.ts"
import type { TelitModule } from "./module.ts"

const sectorMs = 500

/**
 * Writes the new firmware over the old one (§3.2.3). DCD goes high and low while it runs, DSR and RTS are low (§3.1.2.1).
 * After a loss of power it is called again at the next start and goes on where it was, "without any external action".
 */
export async function install(module: TelitModule): Promise<void> {
  const { update } = module.memory.value
  if (update === null) return
  const { port } = module
  port.setLine("DSR", false)
  port.setLine("RTS", false)
  let isHigh = false
  try {
    for await (const share of installPackage(module.flash, await readPackage(module))) {
      isHigh = !isHigh
      port.setLine("DCD", isHigh)
      if (share > 0.4) module.mayLosePower("flashing")
      await module.pause(sectorMs)
    }
  } catch (error) {
    // The package was checked before: whatever cannot go on now has lost its flash, and nothing in the note helps it.
    if (error instanceof DeltaError) module.body.log(`flashing failed for good: ${error.message}`)
    throw error
  }
  const { settings, urcMode, urcBuffer, ringMs } = newMemory
  await module.memory.save({
    update: { ...update, phase: "installed" },
    // "The NVM stored configuration will be lost"; chapter 9.1's parameters stay.
    urcMode,
    urcBuffer,
    ringMs,
    settings: { ...settings, ...afterUpdate(module.memory.value.settings) },
  })
  port.setLine("DCD", false)
}
