// The honest devices in a process of their own: what the attackers beside them compute is none of their time.
import { type Doors, type Honest, HonestFleet, type Wish } from "./honest.ts"

/** To this process: first who they are, then what they are to do. */
export type ToHonest = { readonly doors: Doors; readonly devices: readonly Honest[] } | Wish

let fleet: HonestFleet | null = null
process.on("message", (message: ToHonest) => {
  if ("doors" in message) fleet = new HonestFleet(message.doors, message.devices)
  else void fleet?.live(message).then((fared) => process.send?.(fared))
})
process.on("disconnect", () => process.exit(0))
