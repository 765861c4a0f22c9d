import type { TelitModule } from "./module.ts"

/** From a card that is open to the network, ms. */
const networkMs = 5000

/** Goes on the air with a card that is open; the host's `AT+CPIN` comes here too. */
export async function goOnAir(module: TelitModule): Promise<void> {
  await module.pause(networkMs)
  if (module.sim.ready === null || !module.isRadioOn) return
  module.radio.setOnAir(true)
  module.happen({ kind: "on-air" })
}
