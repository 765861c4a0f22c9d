import {
  type Flash,
  type FlashLayout,
  flashFor,
  PowerCut,
  readPatch,
  SimulatedFlash,
  updateInPlaceSteps,
} from "../../src/core/delta/index.ts"
import { Journal, type Progress } from "../../src/core/delta/place/journal.ts"

type Granularity = 1 | 4 | 8

/** One call of the flash in the reference run. `first` is the number of its first operation, from 1. */
interface Deed {
  readonly first: number
  readonly address: number
  /** Null = erased. */
  readonly bytes: Uint8Array | null
}

/** A power cut: in which operation, how much of that is done, and how long after the restart it happens again. */
export interface Cut {
  readonly operation: number
  readonly tear: number
  /** Operations after the restart; 0 = not again. */
  readonly again: number
  /** Whether to go on to the end, rather than to the next sector that is done. */
  readonly isWhole: boolean
}

/**
 * Tries many power cuts in one long update without running it anew for each. One reference run is recorded. For each
 * cut the flash is brought to that operation, torn, and the decoder started on it, as a device would be; it goes on until
 * it has done a further sector. Then everything that the rest of the update depends on must be as in the reference run: the image, sector by
 * sector, the journal's newest record with the coder's state, and what the preserve area keeps. From equal states
 * the decoder, which knows nothing else, makes equal images.
 */
export class CutRig {
  readonly operations: number
  readonly #patch: Uint8Array
  readonly #images: { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array }
  readonly #granularity: Granularity
  readonly #layout: FlashLayout
  readonly #sectorSize: number
  readonly #deeds: Deed[] = []
  /** Image sectors in the order in which they are written. */
  readonly #order: number[] = []
  /** The journal's newest record after each group of steps, at the last of them. */
  readonly #records: Progress[] = []

  constructor(patch: Uint8Array, images: CutRig["images"], granularity: Granularity) {
    this.#patch = patch
    this.#images = images
    this.#granularity = granularity
    const { flash, layout } = flashFor(patch, images.oldBytes, granularity)
    this.#layout = layout
    this.#sectorSize = flash.sectorSize
    for (const _ of updateInPlaceSteps(patch, this.#recording(flash), layout)) {
      const record = this.#record(flash)
      this.#records[record.step] = record
    }
    this.operations = flash.operations
    expectEqual(flash.bytes.subarray(0, images.newBytes.length), images.newBytes, "the reference run")
  }

  get images(): { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array } {
    return this.#images
  }

  /** Tries the cuts, in ascending order of their operations. Throws at the first that does not hold; gives how many held. */
  tryAll(cuts: readonly Cut[]): number {
    const { flash } = flashFor(this.#patch, this.#images.oldBytes, this.#granularity)
    let next = 0
    for (const cut of cuts) {
      while ((this.#deeds[next + 1]?.first ?? Number.POSITIVE_INFINITY) <= cut.operation) {
        this.#redo(flash, this.#deeds[next++] as Deed)
      }
      this.#try(flash, this.#deeds[next] as Deed, cut)
    }
    return cuts.length
  }

  #try(before: SimulatedFlash, deed: Deed, cut: Cut): void {
    const flash = new SimulatedFlash({
      size: before.size,
      sectorSize: this.#sectorSize,
      granularity: this.#granularity,
    })
    flash.bytes.set(before.bytes)
    flash.cutAt = 1 + cut.operation - deed.first
    flash.tear = cut.tear
    untilCut(() => this.#redo(flash, deed))
    flash.cutAt = cut.again === 0 ? 0 : flash.operations + cut.again
    if (untilCut(() => this.#goOn(flash, cut))) return
    flash.cutAt = 0
    this.#goOn(flash, cut)
  }

  /** A restart: on to the next sector that is done, or to the end. */
  #goOn(flash: SimulatedFlash, cut: Cut): void {
    const where = `cut at operation ${cut.operation}, again after ${cut.again}`
    const steps = updateInPlaceSteps(this.#patch, flash, this.#layout)
    while (steps.next().done !== true) {
      if (cut.isWhole) continue
      const record = this.#record(flash)
      expectSame(record, this.#records[record.step], where)
      for (const [place, sector] of this.#order.entries()) {
        if (place <= record.step) this.#expectSector(flash, sector, this.#images.newBytes, where)
        else this.#expectSector(flash, sector, this.#images.oldBytes, where)
      }
      this.#expectKept(flash, record, where)
      return
    }
    const { newBytes } = this.#images
    expectEqual(flash.bytes.subarray(0, newBytes.length), newBytes, where)
  }

  #expectSector(flash: SimulatedFlash, sector: number, image: Uint8Array, where: string): void {
    const from = sector * this.#sectorSize
    const wanted = image.subarray(from, from + this.#sectorSize)
    expectEqual(flash.bytes.subarray(from, from + wanted.length), wanted, `${where}: sector ${sector}`)
  }

  #expectKept(flash: SimulatedFlash, { kept }: Progress, where: string): void {
    for (const [slot, sector] of kept.entries()) {
      const address = this.#layout.preserve[slot]
      if (sector < 0 || address === undefined) continue
      const from = sector * this.#sectorSize
      const wanted = this.#images.oldBytes.subarray(from, from + this.#sectorSize)
      expectEqual(flash.bytes.subarray(address, address + wanted.length), wanted, `${where}: kept ${sector}`)
    }
  }

  #record(flash: SimulatedFlash): Progress {
    const record = new Journal(flash, this.#layout.journal, readPatch(this.#patch).header.payloadCrc).open()
    if (record === null) throw new Error("the journal holds no record")
    return record
  }

  #redo(flash: SimulatedFlash, { address, bytes }: Deed): void {
    if (bytes === null) flash.erase(address)
    else flash.program(address, bytes)
  }

  #recording(flash: SimulatedFlash): Flash {
    const end = this.#layout.staging
    return {
      sectorSize: flash.sectorSize,
      granularity: flash.granularity,
      size: flash.size,
      read: (address, into) => flash.read(address, into),
      program: (address, bytes) => {
        this.#deeds.push({ first: flash.operations + 1, address, bytes: bytes.slice() })
        flash.program(address, bytes)
      },
      erase: (address) => {
        this.#deeds.push({ first: flash.operations + 1, address, bytes: null })
        if (address < end) this.#order.push(address / flash.sectorSize)
        flash.erase(address)
      },
    }
  }
}

/** Random cuts in ascending order; every third happens twice, every fiftieth goes on to the end. */
export function randomCuts(rig: CutRig, count: number, next: () => number): readonly Cut[] {
  return Array.from({ length: count }, (_, index) => ({
    operation: 1 + (next() % rig.operations),
    tear: (next() % 9) / 8,
    again: index % 3 === 0 ? 1 + (next() % 2500) : 0,
    isWhole: index % 50 === 0,
  })).sort((a, b) => a.operation - b.operation)
}

/** True when it got through. */
function untilCut(deed: () => void): boolean {
  try {
    deed()
    return true
  } catch (error) {
    if (error instanceof PowerCut) return false
    throw error
  }
}

function expectEqual(found: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(found, wanted) !== 0) throw new Error(`${what}: other bytes`)
}

function expectSame(found: Progress, wanted: Progress | undefined, what: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: another state of the coder`)
}
