import type { Profile } from "./profiles.ts"

/** The deepest stack of the C decoder on a Cortex-M, in bytes; docs/delta.md has the measurement. */
const stackSize = 1080

/** Bytes of RAM that a decoder of a profile needs, beyond one sector. */
export function ramNeeded(profile: Profile): number {
  return profile.stateSize + stackSize
}
