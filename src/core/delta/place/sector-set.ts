/** A set of sectors, a bit for each. */
export class SectorSet {
  private readonly bits: Uint8Array

  constructor(sectors: number) {
    this.bits = new Uint8Array((sectors + 7) >> 3)
  }

  add(sector: number): void {
    this.bits[sector >> 3] = (this.bits[sector >> 3] as number) | (1 << (sector & 7))
  }

  has(sector: number): boolean {
    return (((this.bits[sector >> 3] ?? 0) >> (sector & 7)) & 1) === 1
  }
}
