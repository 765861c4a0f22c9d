import type { Flash } from "./flash.ts"

/** Thrown by a simulated flash when its power fails. */
export class PowerCut extends Error {
  override readonly name = "PowerCut"
}

/**
 * A flash in memory that keeps the rules of real ones and breaks them when an update does. Power can be cut in the
 * middle of any operation: a torn program leaves some of its bytes, the last of them half done; a torn erase leaves a
 * sector of old bytes and 0xFF.
 */
export class SimulatedFlash implements Flash {
  readonly sectorSize: number
  readonly granularity: 1 | 4 | 8
  readonly bytes: Uint8Array
  /** How often each sector was erased. */
  readonly erasures: Uint32Array
  /** Program and erase operations so far. */
  operations = 0
  /** The operation (counted from 1) in which power fails; 0 for never. */
  cutAt = 0
  /** How much of the cut operation is done, 0 … 1. */
  tear = 0

  constructor(parts: { readonly size: number; readonly sectorSize: number; readonly granularity: 1 | 4 | 8 }) {
    if (parts.size % parts.sectorSize !== 0) throw new RangeError("the size is no multiple of the sector size")
    this.sectorSize = parts.sectorSize
    this.granularity = parts.granularity
    this.bytes = new Uint8Array(parts.size).fill(0xff)
    this.erasures = new Uint32Array(parts.size / parts.sectorSize)
  }

  get size(): number {
    return this.bytes.length
  }

  read(address: number, into: Uint8Array): void {
    if (address < 0 || address + into.length > this.bytes.length)
      throw new RangeError(`read at ${address} outside the flash`)
    into.set(this.bytes.subarray(address, address + into.length))
  }

  program(address: number, bytes: Uint8Array): void {
    if (address % this.granularity !== 0 || bytes.length % this.granularity !== 0) {
      throw new RangeError(`programming ${bytes.length} bytes at ${address} is not aligned to ${this.granularity}`)
    }
    if (address < 0 || address + bytes.length > this.bytes.length) throw new RangeError("programming outside the flash")
    for (let at = 0; at < bytes.length; at += this.granularity)
      this.programGranule(address + at, bytes.subarray(at, at + this.granularity))
  }

  private programGranule(address: number, bytes: Uint8Array): void {
    const isCut = this.nextIsCut()
    for (let i = 0; i < bytes.length; i++) {
      const before = this.bytes[address + i] as number
      const wanted = bytes[i] as number
      if ((before & wanted) !== wanted) throw new Error(`byte ${address + i} would need bits set from 0 to 1`)
      const share = isCut ? this.tear * bytes.length - i : 1
      // The byte in which power fails has only its upper half programmed.
      this.bytes[address + i] = share >= 1 ? wanted : share > 0 ? wanted | (before & 0x0f) : before
    }
    if (isCut) throw new PowerCut("while programming")
  }

  erase(address: number): void {
    if (address % this.sectorSize !== 0 || address < 0 || address >= this.bytes.length)
      throw new RangeError("no sector there")
    const isCut = this.nextIsCut()
    const length = isCut ? Math.floor(this.sectorSize * this.tear) : this.sectorSize
    this.bytes.fill(0xff, address, address + length)
    const sector = address / this.sectorSize
    this.erasures[sector] = (this.erasures[sector] as number) + 1
    if (isCut) throw new PowerCut("while erasing")
  }

  private nextIsCut(): boolean {
    this.operations++
    return this.operations === this.cutAt
  }
}
