/**
 * Where old code went: a piecewise constant shift from old to new offsets. The decoder translates every branch and
 * pointer through it, and it says from which old place a new byte is predicted.
 */

export interface MapEntry {
  /** First old offset of the piece. */
  readonly oldStart: number
  /** New offset minus old offset. */
  readonly shift: number
}

export class AddressMap {
  /** Sorted by old start. */
  readonly oldStarts: Int32Array
  readonly shifts: Int32Array
  /** The generator counts here how often each piece is asked for. */
  uses: Int32Array | null = null
  /** Indices into the two arrays above, sorted by new start. */
  private readonly byNew: Uint16Array | Int32Array

  /** `entries` in any order; each old start at most once. */
  constructor(entries: readonly MapEntry[]) {
    const sorted = [...entries].sort((a, b) => a.oldStart - b.oldStart)
    this.oldStarts = Int32Array.from(sorted, (entry) => entry.oldStart)
    this.shifts = Int32Array.from(sorted, (entry) => entry.shift)
    const newStart = (i: number): number => (this.oldStarts[i] as number) + (this.shifts[i] as number)
    // A decoder's map always fits 16 bits; the generator begins with larger ones.
    const Indices = sorted.length > 65536 ? Int32Array : Uint16Array
    this.byNew = Indices.from(sorted.keys()).sort((a, b) => newStart(a) - newStart(b) || a - b)
  }

  get size(): number {
    return this.oldStarts.length
  }

  /** The shift of the piece that holds the old offset; that of the first piece before it, 0 in an empty map. */
  shiftOf(oldOffset: number): number {
    const at = this.indexOf(oldOffset)
    if (this.uses !== null && at >= 0) this.uses[at] = (this.uses[at] as number) + 1
    return at < 0 ? (this.shifts[0] ?? 0) : (this.shifts[at] as number)
  }

  /** Index of the piece that holds the old offset, -1 before the first. */
  indexOf(oldOffset: number): number {
    let low = 0
    let high = this.oldStarts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.oldStarts[middle] as number) <= oldOffset) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** The number of pieces whose new start is at or before `newOffset`. */
  rankOfNew(newOffset: number): number {
    let low = 0
    let high = this.byNew.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.newStartAt(middle) <= newOffset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** New start of the piece of rank `rank` in new order. */
  newStartAt(rank: number): number {
    const index = this.byNew[rank] as number
    return (this.oldStarts[index] as number) + (this.shifts[index] as number)
  }

  /** Shift of the piece of rank `rank` in new order. */
  shiftAt(rank: number): number {
    return this.shifts[this.byNew[rank] as number] as number
  }
}
