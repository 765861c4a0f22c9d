import type { Segment } from "../match/segments.ts"

/** A run of new bytes: equal to old bytes, or not. */
export interface Piece {
  readonly isEqual: boolean
  readonly newStart: number
  readonly length: number
  /** Old offset that stands against `newStart`; may lie outside the old image where the piece is not equal. */
  readonly oldStart: number
}

/** The new image as runs of equal and other bytes along its segments; equal runs shorter than `least` count as other. */
export function* piecesOf(
  images: { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array },
  segments: readonly Segment[],
  least: number,
): Generator<Piece> {
  const { oldBytes, newBytes } = images
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = segments[index + 1]?.newStart ?? newBytes.length
    let otherFrom = newStart
    let at = newStart
    while (at < end) {
      let to = at
      while (to < end && oldBytes[to - shift] === newBytes[to]) to++
      if (to - at >= least) {
        if (at > otherFrom)
          yield { isEqual: false, newStart: otherFrom, length: at - otherFrom, oldStart: otherFrom - shift }
        yield { isEqual: true, newStart: at, length: to - at, oldStart: at - shift }
        otherFrom = to
      }
      at = Math.max(to, at + 1)
    }
    if (end > otherFrom)
      yield { isEqual: false, newStart: otherFrom, length: end - otherFrom, oldStart: otherFrom - shift }
  }
}
