import type { MapEntry } from "./address-map.ts"
import type { Segment } from "./segments.ts"

interface Piece {
  from: number
  to: number
  readonly shift: number
  readonly weight: number
}

/**
 * The pieces of the address map: the segments by their old places, without the tails that nothing matches in, and
 * where two were made from the same old bytes the longer of them.
 */
export function mapEntries(oldBytes: Uint8Array, newBytes: Uint8Array, segments: readonly Segment[]): MapEntry[] {
  const pieces = segments
    .map((segment, i) => trimmed(oldBytes, newBytes, segment, segments[i + 1]?.newStart ?? newBytes.length))
    .filter((piece) => piece.weight >= leastWeight)
    .sort((a, b) => b.weight - a.weight || a.from - b.from)
  const taken: Piece[] = []
  for (const piece of pieces) {
    const free = withoutTaken(piece, taken)
    if (free === null) continue
    taken.splice(firstAfter(taken, free.from), 0, free)
  }
  return withoutRepeats(taken)
}

const leastWeight = 6

/** The part of a segment that pays: the prefix in which hits outweigh misses most. */
function trimmed(oldBytes: Uint8Array, newBytes: Uint8Array, segment: Segment, end: number): Piece {
  const from = segment.newStart - segment.shift
  let score = 0
  let best = 0
  let to = from
  for (let at = segment.newStart; at < end; at++) {
    score += oldBytes[at - segment.shift] === newBytes[at] ? 1 : -1
    if (score >= best) {
      best = score
      to = at - segment.shift + 1
    }
  }
  return { from, to, shift: segment.shift, weight: best }
}

function firstAfter(taken: readonly Piece[], from: number): number {
  let low = 0
  let high = taken.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((taken[middle] as Piece).from <= from) low = middle + 1
    else high = middle
  }
  return low
}

/** What is left of a piece between those taken already, if it is worth an entry. */
function withoutTaken(piece: Piece, taken: readonly Piece[]): Piece | null {
  const at = firstAfter(taken, piece.from)
  const before = taken[at - 1]
  let { from, to } = piece
  if (before !== undefined && before.to > from) from = before.to
  const after = taken[at]
  if (after !== undefined && after.from < to) to = after.from
  if (to - from < leastWeight) return null
  return { from, to, shift: piece.shift, weight: piece.weight }
}

function withoutRepeats(pieces: readonly Piece[]): MapEntry[] {
  const entries: MapEntry[] = []
  for (const piece of pieces) {
    if (entries.at(-1)?.shift === piece.shift) continue
    entries.push({ oldStart: piece.from, shift: piece.shift })
  }
  return entries
}
