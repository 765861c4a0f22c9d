import { AddressMap, type MapEntry } from "../match/address-map.ts"
import { noShift, type Region, type ValueShift } from "../predict/translate.ts"
import { DeltaError } from "../delta-error.ts"
import { type BinaryCoder, partAt } from "./binary-coder.ts"
import { NumberModel } from "./number.ts"

/** How two images relate: all that the decoder is told before the first byte. Offsets are in the coder's space. */
export interface Relation {
  readonly regions: readonly Region[]
  readonly entries: readonly MapEntry[]
  readonly values: readonly ValueShift[]
}

export interface RelationLimits {
  readonly regionCap: number
  readonly mapCap: number
  readonly valueCap: number
}

export const mostRegions = 16

/** Codes a relation; the encoder is given it, the decoder returns what it found. Throws DeltaError on excess. */
export function codeRelation(coder: BinaryCoder, given: Relation | null, limits: RelationLimits): Relation {
  coder.part = partAt("regions")
  const regions = codeRegions(coder, given?.regions ?? [], limits.regionCap)
  coder.part = partAt("address map")
  const entries = codeEntries(coder, given === null ? null : new AddressMap(given.entries), limits.mapCap)
  coder.part = partAt("value map")
  const values = codeValues(coder, given?.values ?? [], limits.valueCap)
  return { regions, entries, values }
}

function limited(count: number, most: number, what: string): number {
  if (count > most) throw new DeltaError("bad-payload", `${count} ${what}, more than the ${most} of its profile`)
  return count
}

/** Offsets stay below this, so that sums of a few of them fit 32 bits. */
export const largestOffset = 0x10000010
const largestAddress = 0x200000000

function within(value: number, least: number, most: number): void {
  if (value < least || value > most) throw new DeltaError("bad-payload", `a number of ${value} in the relation`)
}

/** Addresses may be negative: a header before a vector table at address 0. */
function codeRegions(coder: BinaryCoder, given: readonly Region[], cap: number): Region[] {
  const numbers = new NumberModel()
  const signed = (value: number): number => {
    const high = numbers.signed(coder, Math.floor(value / 65536))
    return high * 65536 + numbers.unsigned(coder, value - Math.floor(value / 65536) * 65536)
  }
  const count = limited(numbers.unsigned(coder, given.length), cap, "regions")
  const found: Region[] = []
  for (let i = 0; i < count; i++) {
    const region = given[i] ?? { oldOffset: 0, oldLength: 0, oldAddress: 0, newOffset: 0, newAddress: 0 }
    const oldOffset = numbers.unsigned(coder, region.oldOffset)
    const oldLength = numbers.unsigned(coder, region.oldLength)
    const oldAddress = signed(region.oldAddress)
    const newOffset = oldOffset + numbers.signed(coder, region.newOffset - region.oldOffset)
    const newAddress = oldAddress + signed(region.newAddress - region.oldAddress)
    for (const offset of [oldOffset, oldLength, newOffset]) within(offset, 0, largestOffset)
    for (const address of [oldAddress, newAddress]) within(address, -largestAddress, largestAddress)
    found.push({ oldOffset, oldLength, oldAddress, newOffset, newAddress })
  }
  return found
}

/** In order of their new starts: the distance to the last new start, the change of the shift. */
function codeEntries(coder: BinaryCoder, given: AddressMap | null, cap: number): MapEntry[] {
  const gaps = new NumberModel()
  const changes = new NumberModel()
  const count = limited(gaps.unsigned(coder, given?.size ?? 0), cap, "pieces in its address map")
  gaps.reset()
  const found: MapEntry[] = []
  let newStart = 0
  let shift = 0
  for (let rank = 0; rank < count; rank++) {
    newStart += gaps.unsigned(coder, given === null ? 0 : given.newStartAt(rank) - newStart)
    shift += changes.signed(coder, given === null ? 0 : given.shiftAt(rank) - shift)
    within(newStart, 0, largestOffset)
    within(shift, -largestOffset, largestOffset)
    const last = found.at(-1)
    if (last !== undefined && last.oldStart + last.shift === newStart && last.oldStart >= newStart - shift) {
      throw new DeltaError("bad-payload", "pieces of the address map out of order")
    }
    found.push({ oldStart: newStart - shift, shift })
  }
  return found
}

function codeValues(coder: BinaryCoder, given: readonly ValueShift[], cap: number): ValueShift[] {
  const gaps = new NumberModel()
  const changes = new NumberModel()
  const count = limited(gaps.unsigned(coder, given.length), cap, "pieces in its value map")
  gaps.reset()
  const found: ValueShift[] = []
  let start = 0
  let last = 0
  for (let i = 0; i < count; i++) {
    const value = given[i] ?? { start: 0, shift: 0 }
    // Starts have 32 bits, numbers 31: the few high ones go as two.
    const gap = value.start - start
    const high = gaps.unsigned(coder, Math.floor(gap / 4))
    start += high * 4 + (coder.bit(32768, (gap >> 1) & 1) * 2 + coder.bit(32768, gap & 1))
    const shift = changes.signed(coder, value.shift === noShift ? 0 : value.shift === last ? 0x100001 : value.shift)
    const real = shift === 0 ? noShift : shift === 0x100001 ? last : shift
    if (real !== noShift) last = real
    within(start, 0, 0xffffffff)
    if (real !== noShift) within(real, -0x40000000, 0x40000000)
    found.push({ start, shift: real })
  }
  return found
}
