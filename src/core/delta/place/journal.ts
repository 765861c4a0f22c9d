import { crc32 } from "../checksum.ts"
import type { CoderState } from "../code/binary-coder.ts"
import { mostPreserveSlots } from "../container.ts"
import type { Flash } from "./flash.ts"

/** What a record says: the step is begun, its old bytes are kept, its new bytes are staged, or it is done. */
export const recordTypes = ["begun", "kept", "staged", "done", "finished"] as const
export type RecordType = (typeof recordTypes)[number]

export interface Progress {
  readonly type: RecordType
  /** Which step of the order, 0 …: the last of its group when staged or done. */
  readonly step: number
  /** The coder after this step's bytes when staged or done, before them when kept or begun. */
  readonly coder: CoderState
  /** Which sector's old bytes each slot of the preserve area keeps, -1 none. */
  readonly kept: readonly number[]
}

export const recordSize = 64

/** Where the fields of a record stand; docs/delta-format.md section 8. */
const at = {
  magic: 0,
  type: 2,
  patchId: 4,
  sequence: 8,
  step: 12,
  low: 16,
  high: 20,
  code: 24,
  position: 28,
  kept: 32,
  crc: 48,
} as const
const recordMagic = 0x4a57

/**
 * An append-only log of 64-byte records in two sectors that take turns. The newest record that is whole counts; one
 * that a power cut tore has a wrong CRC and never happened. Records of another patch are not seen.
 */
export class Journal {
  private readonly flash: Flash
  private readonly sectors: readonly [number, number]
  private readonly patchId: number
  private sequence = 0
  private half = 0
  private slot = 0
  private readonly bytes = new Uint8Array(recordSize)

  constructor(flash: Flash, sectors: readonly [number, number], patchId: number) {
    this.flash = flash
    this.sectors = sectors
    this.patchId = patchId
  }

  /** Finds the newest record of this patch, or null. */
  open(): Progress | null {
    const perSector = this.recordsPerSector
    let newest: Progress | null = null
    this.sequence = 0
    this.half = 0
    this.slot = perSector
    for (const [half, sector] of this.sectors.entries()) {
      for (let slot = 0; slot < perSector; slot++) {
        this.flash.read(sector + slot * recordSize, this.bytes)
        const record = this.parse(this.bytes)
        if (record === null || record.sequence <= this.sequence) continue
        newest = record.progress
        this.sequence = record.sequence
        this.half = half
        this.slot = slot + 1
      }
    }
    return newest
  }

  /** Adds a record. It holds from the moment that its last byte is programmed. */
  append(progress: Progress): void {
    while (this.slot < this.recordsPerSector && !this.isBlank(this.addressOf(this.slot))) this.slot++
    if (this.slot >= this.recordsPerSector) {
      this.half = 1 - this.half
      this.flash.erase(this.sectors[this.half] as number)
      this.slot = 0
    }
    this.sequence++
    this.flash.program(this.addressOf(this.slot), this.format(progress))
    this.slot++
  }

  private get recordsPerSector(): number {
    return this.flash.sectorSize / recordSize
  }

  private addressOf(slot: number): number {
    return (this.sectors[this.half] as number) + slot * recordSize
  }

  private isBlank(address: number): boolean {
    this.flash.read(address, this.bytes)
    return this.bytes.every((byte) => byte === 0xff)
  }

  private format(progress: Progress): Uint8Array {
    const bytes = this.bytes.fill(0xff)
    const view = new DataView(bytes.buffer)
    view.setUint16(at.magic, recordMagic, true)
    view.setUint16(at.type, recordTypes.indexOf(progress.type), true)
    view.setUint32(at.patchId, this.patchId, true)
    view.setUint32(at.sequence, this.sequence, true)
    view.setUint32(at.step, progress.step, true)
    view.setUint32(at.low, progress.coder.low, true)
    view.setUint32(at.high, progress.coder.high, true)
    view.setUint32(at.code, progress.coder.code, true)
    view.setUint32(at.position, progress.coder.position, true)
    for (let slot = 0; slot < mostPreserveSlots; slot++)
      view.setUint16(at.kept + 2 * slot, progress.kept[slot] ?? -1, true)
    view.setUint32(at.crc, crc32(bytes.subarray(0, at.crc)), true)
    return bytes
  }

  private parse(bytes: Uint8Array): { readonly sequence: number; readonly progress: Progress } | null {
    const view = new DataView(bytes.buffer)
    if (view.getUint16(at.magic, true) !== recordMagic || view.getUint32(at.patchId, true) !== this.patchId) return null
    if (view.getUint32(at.crc, true) !== crc32(bytes.subarray(0, at.crc))) return null
    const type = recordTypes[view.getUint16(at.type, true)]
    if (type === undefined) return null
    const kept = Array.from({ length: mostPreserveSlots }, (_, slot) => {
      const sector = view.getUint16(at.kept + 2 * slot, true)
      return sector === 0xffff ? -1 : sector
    })
    const coder = {
      low: view.getUint32(at.low, true),
      high: view.getUint32(at.high, true),
      code: view.getUint32(at.code, true),
      position: view.getUint32(at.position, true),
    }
    return {
      sequence: view.getUint32(at.sequence, true),
      progress: { type, step: view.getUint32(at.step, true), coder, kept },
    }
  }
}
