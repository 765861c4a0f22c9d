import { chanceAt, type PackedModel, longestCopy, shortestCopy, slotOf } from "../code/packed.ts"
import { ln256 } from "../code/tables.ts"

/** Prices in 1/256 nat, by whole numbers so that every machine chooses alike. */
const priceOfOne: Int32Array = Int32Array.from({ length: 1024 }, (_, i) => ln256(2048) - ln256(2 * i + 1))
const plainBit = 177
const lengths = longestCopy + 1
const modelledDistances = 128

/** What steps cost as the model stands: what is asked for often is worked out at once by `renew`. */
export class StepPrices {
  private readonly model: PackedModel
  /** By place and length: of a fresh copy, and of a repeated distance. */
  private readonly fresh = new Int32Array(4 * lengths)
  private readonly repeated = new Int32Array(4 * lengths)
  private readonly slots = new Int32Array(4 * 64)
  private readonly near = new Int32Array(4 * modelledDistances)
  private readonly align = new Int32Array(16)

  constructor(model: PackedModel) {
    this.model = model
    this.renew()
  }

  renew(): void {
    for (let place = 0; place < 4; place++) {
      for (let length = shortestCopy; length < lengths; length++) {
        this.fresh[place * lengths + length] = this.lengthNow(chanceAt.length, place, length)
        this.repeated[place * lengths + length] = this.lengthNow(chanceAt.repeatLength, place, length)
      }
    }
    for (let kind = 0; kind < 4; kind++) {
      for (let slot = 0; slot < 64; slot++) {
        const beyond = slot < 14 ? 0 : ((slot >> 1) - 5) * plainBit
        this.slots[kind * 64 + slot] = this.tree(chanceAt.slot + kind * 64, 6, slot) + beyond
      }
      for (let value = 0; value < modelledDistances; value++)
        this.near[kind * modelledDistances + value] = this.nearNow(kind, value)
    }
    for (let value = 0; value < 16; value++) this.align[value] = this.reverse(chanceAt.align - 1, 4, value)
  }

  bit(index: number, bit: number): number {
    const chance = (this.model.chances[index] as number) >> 6
    return priceOfOne[bit === 1 ? chance : 1023 - chance] as number
  }

  literal(state: number, byte: number, before: number, copied: number): number {
    const from = chanceAt.literal + 0x300 * (before >> (8 - this.model.literalBits))
    let price = 0
    let node = 1
    let isAlike = state >= 7
    for (let at = 7; at >= 0; at--) {
      const bit = (byte >> at) & 1
      const other = (copied >> at) & 1
      price += this.bit(from + (isAlike ? 0x100 << other : 0) + node, bit)
      if (other !== bit) isAlike = false
      node = (node << 1) | bit
    }
    return price
  }

  freshLength(place: number, length: number): number {
    return this.fresh[place * lengths + length] as number
  }

  repeatedLength(place: number, length: number): number {
    return this.repeated[place * lengths + length] as number
  }

  distance(length: number, distance: number): number {
    const kind = Math.min(length - shortestCopy, 3)
    const value = distance - 1
    if (value < modelledDistances) return this.near[kind * modelledDistances + value] as number
    return (this.slots[kind * 64 + slotOf(value)] as number) + (this.align[value & 15] as number)
  }

  private nearNow(kind: number, value: number): number {
    const slot = slotOf(value)
    const price = this.tree(chanceAt.slot + kind * 64, 6, slot)
    if (slot < 4) return price
    const bits = (slot >> 1) - 1
    const least = (2 | (slot & 1)) << bits
    return price + this.reverse(chanceAt.special + least - slot - 1, bits, value - least)
  }

  private lengthNow(from: number, place: number, length: number): number {
    const value = length - shortestCopy
    const middle = from + 34
    if (value < 8) return this.bit(from, 0) + this.tree(from + 2 + place * 8, 3, value)
    const isMore = this.bit(from, 1)
    if (value < 16) return isMore + this.bit(from + 1, 0) + this.tree(middle + place * 8, 3, value - 8)
    return isMore + this.bit(from + 1, 1) + this.tree(middle + 32, 8, value - 16)
  }

  private tree(from: number, bits: number, value: number): number {
    let price = 0
    let node = 1
    for (let at = bits - 1; at >= 0; at--) {
      const bit = (value >> at) & 1
      price += this.bit(from + node - 1, bit)
      node = (node << 1) | bit
    }
    return price
  }

  private reverse(from: number, bits: number, value: number): number {
    let price = 0
    let node = 1
    for (let at = 0; at < bits; at++) {
      const bit = (value >> at) & 1
      price += this.bit(from + node, bit)
      node = (node << 1) | bit
    }
    return price
  }
}
