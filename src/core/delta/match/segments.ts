import { suffixArray } from "./suffix-array.ts"

/** A stretch of the new image that is predicted from the old image at one shift; it ends where the next begins. */
export interface Segment {
  readonly newStart: number
  /** New offset minus old offset. */
  readonly shift: number
}

/** Diagonals and where each may be entered: at an exact match, and before it as far back as that pays. */
interface Seeds {
  /** Ascending. */
  readonly starts: Int32Array
  readonly shifts: Int32Array
}

/** Prices in 1/16 bit, for choosing segments only. */
export interface Prices {
  readonly enter: number
  readonly hit: number
  readonly hitAfterMiss: number
  readonly miss: number
  readonly missAfterMiss: number
  readonly shortestSeed: number
  /** Whether a match is looked for at nearly every place, not only behind the one before. */
  readonly dense: boolean
  /** How much dearer than a fresh entry a diagonal may be before it is given up. */
  readonly doubt: number
}

export const prices: Prices = {
  enter: 32 * 16,
  hit: 1,
  hitAfterMiss: 16,
  miss: 7 * 16,
  missAfterMiss: 7 * 16,
  shortestSeed: 4,
  dense: false,
  doubt: 24 * 16,
}

/** The new bytes from `at` on, as many as `into` holds, as they are expected on the diagonal `shift`. */
export type Expect = (at: number, shift: number, into: Uint8Array) => void

/** Chooses the cheapest way through the diagonals that exact matches suggest (a shortest path, by dynamic programming). */
export class Matcher {
  private readonly oldBytes: Uint8Array
  private readonly newBytes: Uint8Array
  private order: Int32Array | null = null
  private readonly seeds = new Map<string, Seeds>()

  constructor(oldBytes: Uint8Array, newBytes: Uint8Array) {
    this.oldBytes = oldBytes
    this.newBytes = newBytes
  }

  /**
   * `expect` says what stands on a diagonal; without it, the old bytes as they are. `resets`: where the decoder goes over to
   * another shift by itself, by ascending start.
   */
  segments(price: Prices = prices, expect: Expect | null = null, resets: readonly Segment[] = []): Segment[] {
    const { oldBytes, newBytes } = this
    this.order ??= suffixArray(oldBytes)
    const name = `${price.shortestSeed} ${price.dense}`
    const seeds = this.seeds.get(name) ?? findSeeds({ oldBytes, newBytes, order: this.order }, price)
    this.seeds.set(name, seeds)
    return cheapestPath({ newBytes, seeds, resets }, price, expect ?? asTheyWere(oldBytes))
  }
}

/** The cheapest way at the usual prices. */
export function findSegments(oldBytes: Uint8Array, newBytes: Uint8Array): Segment[] {
  return new Matcher(oldBytes, newBytes).segments()
}

function asTheyWere(oldBytes: Uint8Array): Expect {
  return (at, shift, into) => {
    for (let i = 0; i < into.length; i++) into[i] = oldBytes[at - shift + i] ?? 0
  }
}

/** Longest matches at every place where the matches before it end. */
function findSeeds({ oldBytes, newBytes, order }: Omit<MatchQuery, "at" | "diagonal">, price: Prices): Seeds {
  const starts: number[] = []
  const shifts: number[] = []
  let diagonal = 0
  let at = 0
  while (at < newBytes.length) {
    const match = longestMatch({ oldBytes, newBytes, order, at, diagonal })
    if (match.length < price.shortestSeed) {
      at++
      continue
    }
    const shift = at - match.old
    const start = extendBack(oldBytes, newBytes, at, match.old)
    for (const entry of start < at ? [at, start] : [at]) {
      starts.push(entry)
      shifts.push(shift)
    }
    diagonal = shift
    at += match.length > 32 ? match.length : price.dense ? 1 : Math.max(1, match.length >> 1)
  }
  const sorted = Uint32Array.from(starts.keys()).sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b)
  return {
    starts: Int32Array.from(sorted, (index) => starts[index] as number),
    shifts: Int32Array.from(sorted, (index) => shifts[index] as number),
  }
}

function extendBack(oldBytes: Uint8Array, newBytes: Uint8Array, newAt: number, oldAt: number): number {
  let best = 0
  let score = 0
  let bestScore = 0
  for (let back = 1; back <= 512 && back <= newAt && back <= oldAt; back++) {
    score += newBytes[newAt - back] === oldBytes[oldAt - back] ? 1 : -1
    if (score > bestScore) {
      bestScore = score
      best = back
    }
    if (score < bestScore - 32) break
  }
  return newAt - best
}

interface MatchQuery {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  readonly order: Int32Array
  readonly at: number
  readonly diagonal: number
}

function commonLength(oldBytes: Uint8Array, oldAt: number, newBytes: Uint8Array, newAt: number): number {
  const most = Math.min(oldBytes.length - oldAt, newBytes.length - newAt)
  let length = 0
  while (length < most && oldBytes[oldAt + length] === newBytes[newAt + length]) length++
  return length
}

/** The longest match of the new bytes from `at`; of equals, the one whose diagonal is nearest to the last. */
function longestMatch(query: MatchQuery): { old: number; length: number } {
  const { oldBytes, newBytes, order, at, diagonal } = query
  let low = 0
  let high = order.length - 1
  if (high < 0) return { old: 0, length: 0 }
  let best = 0
  let bestIndex = 0
  while (low <= high) {
    const middle = (low + high) >> 1
    const old = order[middle] as number
    const length = commonLength(oldBytes, old, newBytes, at)
    if (length > best) {
      best = length
      bestIndex = middle
    }
    if (at + length >= newBytes.length) break
    if (old + length >= oldBytes.length || (oldBytes[old + length] as number) < (newBytes[at + length] as number)) {
      low = middle + 1
    } else high = middle - 1
  }
  if (best === 0) return { old: 0, length: 0 }
  let nearest = order[bestIndex] as number
  const consider = (index: number): boolean => {
    const old = order[index]
    if (old === undefined || commonLengthUpTo(query, old, best) < best) return false
    if (Math.abs(at - old - diagonal) < Math.abs(at - nearest - diagonal)) nearest = old
    return true
  }
  for (let step = 1; step <= 24 && consider(bestIndex + step); step++);
  for (let step = 1; step <= 24 && consider(bestIndex - step); step++);
  return { old: nearest, length: best }
}

function commonLengthUpTo(query: MatchQuery, old: number, most: number): number {
  const { oldBytes, newBytes, at } = query
  if (old + most > oldBytes.length) return 0
  let length = 0
  while (length < most && oldBytes[old + length] === newBytes[at + length]) length++
  return length
}

/** Bytes that are expected at a time. */
const expectedAtOnce = 32

/** One diagonal being followed. */
interface Track {
  /** What is expected on it from `expectedFrom` on. */
  readonly expected: Uint8Array
  expectedFrom: number
  readonly shift: number
  cost: number
  missed: boolean
  /** Index of the step by which the diagonal was entered. */
  readonly step: number
}

function newTrack(shift: number, cost: number, step: number): Track {
  return { shift, cost, missed: false, step, expected: new Uint8Array(expectedAtOnce), expectedFrom: -expectedAtOnce }
}

function isHit(track: Track, at: number, byte: number | undefined, expect: Expect): boolean {
  if (at - track.expectedFrom >= expectedAtOnce) {
    track.expectedFrom = at
    expect(at, track.shift, track.expected)
  }
  return track.expected[at - track.expectedFrom] === byte
}

interface Ways {
  readonly newBytes: Uint8Array
  readonly seeds: Seeds
  readonly resets: readonly Segment[]
}

function cheapestPath({ newBytes, seeds, resets }: Ways, price: Prices, expect: Expect): Segment[] {
  const stepStart: number[] = [0]
  const stepShift: number[] = [0]
  const stepBefore: number[] = [-1]
  let tracks: Track[] = [newTrack(0, 0, 0)]
  let nextSeed = 0
  let nextReset = 0
  for (let at = 0; at < newBytes.length; at++) {
    let best = tracks[0] as Track
    for (const track of tracks) if (track.cost < best.cost) best = track
    for (; nextReset < resets.length && (resets[nextReset] as Segment).newStart <= at; nextReset++) {
      const { shift } = resets[nextReset] as Segment
      const known = tracks.find((track) => track.shift === shift)
      for (const track of tracks) if (track !== known && track !== best) track.cost += price.enter
      if (best !== known && (known === undefined || known.cost > best.cost)) {
        stepStart.push(at)
        stepShift.push(shift)
        stepBefore.push(best.step)
        tracks = tracks.filter((track) => track !== known)
        tracks.push(newTrack(shift, best.cost, stepStart.length - 1))
      }
      if (best.shift !== shift) best.cost += price.enter
      for (const track of tracks) if (track.cost < best.cost) best = track
    }
    for (; nextSeed < seeds.starts.length && (seeds.starts[nextSeed] as number) <= at; nextSeed++) {
      const shift = seeds.shifts[nextSeed] as number
      const entered = best.cost + price.enter
      const known = tracks.findIndex((track) => track.shift === shift)
      if (known < 0 || (tracks[known] as Track).cost > entered) {
        if (known >= 0) tracks.splice(known, 1)
        stepStart.push(at)
        stepShift.push(shift)
        stepBefore.push(best.step)
        tracks.push(newTrack(shift, entered, stepStart.length - 1))
      }
    }
    const byte = newBytes[at]
    let least = Number.POSITIVE_INFINITY
    for (const track of tracks) {
      const hit = isHit(track, at, byte, expect)
      if (hit) track.cost += track.missed ? price.hitAfterMiss : price.hit
      else track.cost += track.missed ? price.missAfterMiss : price.miss
      track.missed = !hit
      if (track.cost < least) least = track.cost
    }
    if (tracks.length > 1) tracks = tracks.filter((track) => track.cost <= least + price.enter + price.doubt)
  }
  let last = tracks[0] as Track
  for (const track of tracks) if (track.cost < last.cost) last = track
  const segments: Segment[] = []
  for (let step = last.step; step >= 0; step = stepBefore[step] as number) {
    segments.push({ newStart: stepStart[step] as number, shift: stepShift[step] as number })
  }
  return segments.reverse()
}
