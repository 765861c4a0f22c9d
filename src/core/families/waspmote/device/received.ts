import { latin1 } from "../../../kit/bytes.ts"
import type { Mote } from "./mote.ts"

/** The first block of the program as it reaches the SD card: with the fault of a damaged header, under another id. */
export function damageHeader(mote: Mote, block: Uint8Array): Uint8Array {
  if (mote.fault.damagesHeader !== true) return block
  const damaged = block.slice()
  damaged.set(latin1("!").subarray(0, Math.max(0, damaged.length - 32)), 32)
  return damaged
}
