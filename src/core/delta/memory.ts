import { slotLayout, weightLayout } from "./code/target-coder.ts"
import type { CodedHeader } from "./code/session.ts"

/**
 * Bytes of RAM that a decoder needs for a patch, beyond one sector: those of the C decoder's arrays, whose sizes are
 * the profile's, and its fixed state.
 */
export function ramNeeded(header: CodedHeader): number {
  const { profile } = header
  const slots = 2 * slotLayout(profile.isSmall).end + 3 * profile.hashedSlots
  const weights = 2 * weightLayout(profile.isSmall).end
  const maps = profile.mapCap * 10 + profile.valueCap * 8 + profile.regionCap * 32
  const order = header.sectorSize === 0 ? 0 : profile.runCap * 6 + profile.sectorCap / 8
  return slots + weights + maps + order + fixedState
}

/** Window, coder, number model, histories, digest. */
const fixedState = 1152
