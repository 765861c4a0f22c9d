import type { BinaryCoder } from "./binary-coder.ts"

/**
 * The model of a packed payload: literals and copies of earlier bytes as LZMA has them (Pavlov, LZMA specification), coded by
 * this format's coder with chances of 16 bits. Earlier bytes are those of the old image, then those of the new one.
 */

export const shortestCopy = 2
export const longestCopy = 273
const alignBits = 4
/** Distances of so many slots have all their bits modelled. */
const modelledSlots = 14
const slotsOfOneBit = 4
const places = 4
const lengthSize = 2 + places * 8 + places * 8 + 256
const literalSize = 0x300
/** Chances move by 1 / 2^5 of what is missing. */
const moveBits = 5

/** Where each kind of chance begins. */
export const chanceAt = {
  isCopy: 0,
  isRepeat: 48,
  isOlder: 60,
  isThird: 72,
  isFourth: 84,
  isLong: 96,
  slot: 144,
  special: 400,
  align: 514,
  length: 529,
  repeatLength: 529 + lengthSize,
  literal: 529 + 2 * lengthSize,
} as const

/** Upper bits of the byte before that a literal's chances depend on: none where there is least memory. */
export const literalBits = (isSmall: boolean): number => (isSmall ? 0 : 3)

/** What stands next in the new image. */
export interface Step {
  /** Bytes that are copied; 0: a literal; 1 only from the last distance. */
  readonly length: number
  /** From how far back, at least 1. */
  readonly distance: number
}

export class PackedModel {
  readonly chances: Uint16Array
  /** What the last steps were, as LZMA numbers it: below 7, the last was a literal. */
  state = 0
  /** The last distances, the newest first. */
  readonly distances: number[] = [1, 1, 1, 1]
  readonly literalBits: number
  private readonly coder: BinaryCoder

  constructor(coder: BinaryCoder, isSmall: boolean) {
    this.coder = coder
    this.literalBits = literalBits(isSmall)
    this.chances = new Uint16Array(chanceAt.literal + (literalSize << this.literalBits)).fill(32768)
  }

  /** Codes whether a copy comes next, at the new offset `at`, and which. The encoder is given it. */
  step(at: number, given: Step): Step {
    const place = at & (places - 1)
    const isCopy = this.bit(chanceAt.isCopy + this.state * places + place, given.length > 0 ? 1 : 0)
    if (isCopy === 0) return { length: 0, distance: 0 }
    const known = this.distances.indexOf(given.distance)
    const isRepeat = this.bit(chanceAt.isRepeat + this.state, known >= 0 ? 1 : 0)
    return isRepeat === 1 ? this.repeat(place, given, known) : this.fresh(place, given)
  }

  private fresh(place: number, given: Step): Step {
    const length = this.length(chanceAt.length, place, given.length)
    const distance = this.distance(length, given.distance - 1) + 1
    this.distances.unshift(distance)
    this.distances.pop()
    this.state = this.state < 7 ? 7 : 10
    return { length, distance }
  }

  private repeat(place: number, given: Step, known: number): Step {
    const { state, distances } = this
    let which = 0
    if (this.bit(chanceAt.isOlder + state, known > 0 ? 1 : 0) === 1) {
      which = 1
      if (this.bit(chanceAt.isThird + state, known > 1 ? 1 : 0) === 1)
        which = 2 + this.bit(chanceAt.isFourth + state, known > 2 ? 1 : 0)
    } else if (this.bit(chanceAt.isLong + state * places + place, given.length > 1 ? 1 : 0) === 0) {
      this.state = state < 7 ? 9 : 11
      return { length: 1, distance: distances[0] as number }
    }
    const distance = distances[which] as number
    distances.splice(which, 1)
    distances.unshift(distance)
    const length = this.length(chanceAt.repeatLength, place, given.length)
    this.state = state < 7 ? 8 : 11
    return { length, distance }
  }

  /** Codes a literal behind the byte `before`; `copied` is what the last distance would copy here. */
  literal(given: number, before: number, copied: number): number {
    const from = chanceAt.literal + literalSize * (before >> (8 - this.literalBits))
    let node = 1
    let other = this.state < 7 ? -1 : copied
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6
    for (let at = 7; at >= 0; at--) {
      const hint = other < 0 ? 0 : 0x100 << ((other >> at) & 1)
      const bit = this.bit(from + hint + node, (given >> at) & 1)
      if (other >= 0 && ((other >> at) & 1) !== bit) other = -1
      node = (node << 1) | bit
    }
    return node & 255
  }

  private length(from: number, place: number, given: number): number {
    const value = given - shortestCopy
    if (this.bit(from, value < 8 ? 0 : 1) === 0) return shortestCopy + this.tree(from + 2 + place * 8, 3, value)
    const middle = from + 2 + places * 8
    if (this.bit(from + 1, value < 16 ? 0 : 1) === 0)
      return shortestCopy + 8 + this.tree(middle + place * 8, 3, value - 8)
    return shortestCopy + 16 + this.tree(middle + places * 8, 8, value - 16)
  }

  private distance(length: number, given: number): number {
    const from = chanceAt.slot + Math.min(length - shortestCopy, 3) * 64
    const slot = this.tree(from, 6, slotOf(given))
    if (slot < slotsOfOneBit) return slot
    const bits = (slot >> 1) - 1
    const least = (2 | (slot & 1)) * 2 ** bits
    const rest = given - least
    if (slot < modelledSlots) return least + this.reverse(chanceAt.special + least - slot - 1, bits, rest)
    let upper = 0
    for (let at = bits - 1; at >= alignBits; at--)
      upper = upper * 2 + this.coder.bit(32768, Math.floor(rest / 2 ** at) & 1)
    return least + upper * 2 ** alignBits + this.reverse(chanceAt.align - 1, alignBits, rest & 15)
  }

  private tree(from: number, bits: number, given: number): number {
    let node = 1
    for (let at = bits - 1; at >= 0; at--) node = (node << 1) | this.bit(from + node - 1, (given >> at) & 1)
    return node - (1 << bits)
  }

  /** The lowest bit first; `from` is one before the first chance. */
  private reverse(from: number, bits: number, given: number): number {
    let node = 1
    let value = 0
    for (let at = 0; at < bits; at++) {
      const bit = this.bit(from + node, (given >> at) & 1)
      node = (node << 1) | bit
      value |= bit << at
    }
    return value
  }

  private bit(index: number, given: number): number {
    const chance = this.chances[index] as number
    const bit = this.coder.bit(chance, given)
    this.chances[index] = bit === 1 ? chance + ((65535 - chance) >> moveBits) : chance - (chance >> moveBits)
    return bit
  }
}

/** The slot of a distance less 1: twice the place of its highest bit, and the bit below it. */
export function slotOf(value: number): number {
  if (value < slotsOfOneBit) return value
  const top = 31 - Math.clz32(value)
  return top * 2 + ((value >>> (top - 1)) & 1)
}
