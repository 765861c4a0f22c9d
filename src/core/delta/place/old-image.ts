import type { ReadOld } from "../predict/window.ts"
import { SectorSet } from "./sector-set.ts"

/** Where the old bytes are while an image is overwritten sector by sector. */
export class OldImage {
  /** The sectors that hold new bytes already. */
  readonly written: SectorSet
  /** Which sector's old bytes each slot of the preserve area keeps, -1 for none. */
  readonly kept: Int32Array
  private readonly sectorSize: number
  private readonly sourceSize: number
  private readonly phase: number
  private readonly readImage: (offset: number, into: Uint8Array) => void
  private readonly readSlot: (slot: number, offset: number, into: Uint8Array) => void

  constructor(parts: {
    readonly sectors: number
    readonly slots: number
    readonly sectorSize: number
    readonly sourceSize: number
    readonly phase: number
    readonly readImage: (offset: number, into: Uint8Array) => void
    readonly readSlot: (slot: number, offset: number, into: Uint8Array) => void
  }) {
    this.written = new SectorSet(parts.sectors)
    this.kept = new Int32Array(parts.slots).fill(-1)
    this.sectorSize = parts.sectorSize
    this.sourceSize = parts.sourceSize
    this.phase = parts.phase
    this.readImage = parts.readImage
    this.readSlot = parts.readSlot
  }

  /** Old bytes at an offset of the coder's space; those that are lost, or never were, read as 0. */
  readonly read: ReadOld = (offset, into) => {
    into.fill(0)
    const first = offset - this.phase
    let at = Math.max(0, first)
    const end = Math.min(this.sourceSize, first + into.length)
    while (at < end) {
      const sector = Math.floor(at / this.sectorSize)
      const to = Math.min(end, (sector + 1) * this.sectorSize)
      const part = into.subarray(at - first, to - first)
      if (!this.written.has(sector)) this.readImage(at, part)
      else {
        const slot = this.kept.indexOf(sector)
        if (slot >= 0) this.readSlot(slot, at - sector * this.sectorSize, part)
      }
      at = to
    }
  }

  /** The old bytes of `sector` are in `slot` (0 …) from now on. */
  keep(slot: number, sector: number): void {
    this.kept[slot] = sector
  }
}
