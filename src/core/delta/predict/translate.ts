import type { AddressMap } from "../match/address-map.ts"

/** A part of the image as the processor sees it: file offsets of the old and the new image and their addresses. */
export interface Region {
  readonly oldOffset: number
  readonly oldLength: number
  readonly oldAddress: number
  readonly newOffset: number
  readonly newAddress: number
}

/** Shifts of addresses outside the image (RAM, registers), by ascending start. */
export interface ValueShift {
  readonly start: number
  readonly shift: number
}

/** What a predictor knows of the two images besides the old bytes: where things went. */
export class Translation {
  readonly map: AddressMap
  readonly regions: readonly Region[]
  private home: Region | null = null
  private readonly valueStarts: Uint32Array
  private readonly valueShifts: Int32Array

  constructor(map: AddressMap, regions: readonly Region[], values: readonly ValueShift[]) {
    this.map = map
    this.regions = regions
    this.valueStarts = Uint32Array.from(values, (value) => value.start)
    this.valueShifts = Int32Array.from(values, (value) => value.shift)
  }

  /** New offset of what stood at an old offset. */
  offset(oldOffset: number): number {
    return oldOffset + this.map.shiftOf(oldOffset)
  }

  /**
   * For references by distance: the new place of `target`, seen from the instruction at `at`, both as old offsets.
   * Targets outside the image (ROM, a boot loader) stay where they are.
   */
  relative(at: number, target: number): number {
    const home = this.homeOf(at)
    if (home === null || isIn(home, target)) return this.offset(target)
    const address = target - home.oldOffset + home.oldAddress
    const moved = this.address(address)
    return (moved < 0 ? address : moved) - home.newAddress + home.newOffset
  }

  /** Whether a target lies in the region of what refers to it, or nothing is known of regions: code may refer to nothing else. */
  isNear(at: number, target: number): boolean {
    const home = this.homeOf(at)
    return home === null || isIn(home, target)
  }

  private homeOf(at: number): Region | null {
    if (this.home === null || !isIn(this.home, at)) this.home = this.regions.find((region) => isIn(region, at)) ?? null
    return this.home
  }

  /** Forgets in which region the last reference stood, so that a group never depends on the one before it. */
  forget(): void {
    this.home = null
  }

  /** The new address of what stood at an old address (unsigned, 32 bits), or -1 when nothing is known of it. */
  address(oldAddress: number): number {
    const inside = this.inside(oldAddress)
    return inside < 0 ? this.outside(oldAddress) : inside
  }

  /** The new address of something in the image, or -1. */
  inside(oldAddress: number): number {
    for (const region of this.regions) {
      const at = oldAddress - region.oldAddress
      if (at >= 0 && at < region.oldLength) {
        const moved = this.offset(region.oldOffset + at) - region.newOffset + region.newAddress
        return moved >>> 0
      }
    }
    return -1
  }

  /** The new address of something outside the image, or -1. */
  outside(oldAddress: number): number {
    const piece = this.pieceOf(oldAddress)
    return piece < 0 ? -1 : (oldAddress + (this.valueShifts[piece] as number)) >>> 0
  }

  /** The piece of the value map that knows an address, or -1. */
  pieceOf(oldAddress: number): number {
    let low = 0
    let high = this.valueStarts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.valueStarts[middle] as number) <= oldAddress) low = middle + 1
      else high = middle
    }
    if (low === 0 || low === this.valueStarts.length) return -1
    return this.valueShifts[low - 1] === noShift ? -1 : low - 1
  }
}

function isIn({ oldOffset, oldLength }: Region, offset: number): boolean {
  return offset >= oldOffset && offset < oldOffset + oldLength
}

/** Ends a piece of the value map: from here on nothing is known. */
export const noShift = -0x80000000
