import type { BinaryCoder } from "./binary-coder.ts"
import { rateTable } from "./tables.ts"

/** Slots of one kind of number: 32 for its length, 32 for the bit below the leading one, 4 for the last two bits, 1 for its sign. */
const slotCount = 69
const signSlot = 68

/** Adaptive code for whole numbers below 2^31: length, then bits, the lowest two modelled since offsets are aligned. */
export class NumberModel {
  private readonly chance: Uint16Array = new Uint16Array(slotCount).fill(32768)
  private readonly count: Uint8Array = new Uint8Array(slotCount)

  reset(): void {
    this.chance.fill(32768)
    this.count.fill(0)
  }

  /** Codes a number of 0 … 2^31 - 1. */
  unsigned(coder: BinaryCoder, given: number): number {
    const value = given + 1
    const length = this.lengthOf(coder, 31 - Math.clz32(value))
    let found = 1
    for (let at = length - 1; at >= 0; at--) {
      const bit = (value >>> at) & 1
      const slot = at === length - 1 ? 32 + length : at === 1 ? 64 : at === 0 ? 65 + (found & 1) : -1
      found = (found << 1) | (slot < 0 ? coder.bit(32768, bit) : this.bit(coder, slot, bit))
    }
    return (found >>> 0) - 1
  }

  /** Codes a number of -2^30 … 2^30. */
  signed(coder: BinaryCoder, given: number): number {
    const size = this.unsigned(coder, Math.abs(given))
    if (size === 0) return 0
    return this.bit(coder, signSlot, given < 0 ? 1 : 0) === 1 ? -size : size
  }

  private lengthOf(coder: BinaryCoder, given: number): number {
    let node = 1
    for (let at = 4; at >= 0; at--) node = (node << 1) | this.bit(coder, node, (given >> at) & 1)
    return node & 31
  }

  private bit(coder: BinaryCoder, slot: number, given: number): number {
    const chance = this.chance[slot] as number
    const count = this.count[slot] as number
    const bit = coder.bit(Math.max(32, Math.min(65504, chance)), given)
    const target = bit === 1 ? 65535 : 0
    this.chance[slot] = chance + (((target - chance) * (rateTable[count] as number)) >> 15)
    if (count < 30) this.count[slot] = count + 1
    return bit
  }
}
