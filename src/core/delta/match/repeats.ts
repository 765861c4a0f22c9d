/** Earlier places that a text repeats, found in binary trees of the places that begin with the same four bytes. */

const hashBits = 17
const shortHashBits = 16
const deepest = 256
/** A match of so many bytes is long enough to look no further. */
export const niceLength = 273

export class Repeats {
  private readonly text: Uint8Array
  private readonly head = new Int32Array(1 << hashBits).fill(-1)
  private readonly head3 = new Int32Array(1 << shortHashBits).fill(-1)
  private readonly head2 = new Int32Array(65536).fill(-1)
  /** For each place the roots of what sorts before and after it. */
  private readonly sons: Int32Array
  private readonly found: number[] = []

  constructor(text: Uint8Array) {
    this.text = text
    this.sons = new Int32Array(2 * text.length)
  }

  /**
   * Enters the place `at`, which must be the one after the last; gives length and distance of each earlier place that repeats
   * more of it than all nearer ones, by rising length.
   */
  enter(at: number): readonly number[] {
    const { text, found } = this
    found.length = 0
    const most = Math.min(niceLength, text.length - at)
    if (most < 4) return found
    const pair = (text[at] as number) | ((text[at + 1] as number) << 8)
    const three = pair | ((text[at + 2] as number) << 16)
    const hash3 = Math.imul(three, 0x9e3779b1) >>> (32 - shortHashBits)
    const hash4 = Math.imul(three | ((text[at + 3] as number) << 24), 0x85ebca6b) >>> (32 - hashBits)
    let best = 1
    best = this.look(at, this.head2[pair] as number, best, most)
    best = this.look(at, this.head3[hash3] as number, best, most)
    const first = this.head[hash4] as number
    this.head2[pair] = at
    this.head3[hash3] = at
    this.head[hash4] = at
    this.descend(at, first, Math.max(best, 3), most)
    return found
  }

  /** Notes a place that is longer than what was found. */
  private look(at: number, place: number, best: number, most: number): number {
    if (place < 0) return best
    const { text } = this
    let length = 0
    while (length < most && text[place + length] === text[at + length]) length++
    if (length <= best) return best
    this.found.push(length, at - place)
    return length
  }

  /** Hangs the place into its tree as the root and finds the matches on the way down. */
  private descend(at: number, first: number, known: number, most: number): void {
    const { text, sons } = this
    let before = 2 * at + 1
    let after = 2 * at
    let lengthBefore = 0
    let lengthAfter = 0
    let best = known
    let place = first
    for (let left = deepest; place >= 0 && left > 0; left--) {
      let length = Math.min(lengthBefore, lengthAfter)
      while (length < most && text[place + length] === text[at + length]) length++
      if (length > best) {
        best = length
        this.found.push(length, at - place)
      }
      if (length === most) {
        sons[after] = sons[2 * place] as number
        sons[before] = sons[2 * place + 1] as number
        return
      }
      if ((text[place + length] as number) < (text[at + length] as number)) {
        sons[after] = place
        after = 2 * place + 1
        place = sons[after] as number
        lengthAfter = length
      } else {
        sons[before] = place
        before = 2 * place
        place = sons[before] as number
        lengthBefore = length
      }
    }
    sons[before] = -1
    sons[after] = -1
  }
}
