import { concat, latin1 } from "../../kit/bytes.ts"
import { findSegments, type Segment } from "../match/segments.ts"
import { ByteSink } from "./byte-sink.ts"
import { bzip2 } from "./bzip2.ts"

/** bsdiff 4 ("BSDIFF40"): control triples, differences and extra bytes, each packed by bzip2. */
export function makeBsdiff4(oldBytes: Uint8Array, newBytes: Uint8Array): Uint8Array {
  const control = new ByteSink()
  const differences = new ByteSink()
  const extra = new ByteSink()
  const segments = findSegments(oldBytes, newBytes)
  let source = 0
  for (const [index, segment] of segments.entries()) {
    const end = segments[index + 1]?.newStart ?? newBytes.length
    const { start, length } = added(oldBytes, newBytes, segment, end)
    // What lies before the added part belongs to the extra bytes of the triple before it.
    const nextSource = start - segment.shift
    writeTriple(control, 0, start - segment.newStart, nextSource - source)
    extra.all(newBytes.subarray(segment.newStart, start))
    for (let i = 0; i < length; i++) {
      differences.byte(((newBytes[start + i] as number) - (oldBytes[nextSource + i] as number)) & 255)
    }
    writeTriple(control, length, end - start - length, 0)
    extra.all(newBytes.subarray(start + length, end))
    source = nextSource + length
  }
  const parts = [control, differences, extra].map((sink) => bzip2(sink.take()))
  const sizes = new ByteSink()
  for (const size of [parts[0]?.length ?? 0, parts[1]?.length ?? 0, newBytes.length]) writeNumber(sizes, size)
  return concat([latin1("BSDIFF40"), sizes.take(), ...parts])
}

/** The part of a segment that is coded as differences: from its start, as far as most bytes are equal. */
function added(
  oldBytes: Uint8Array,
  newBytes: Uint8Array,
  segment: Segment,
  end: number,
): { readonly start: number; readonly length: number } {
  const start = Math.min(end, Math.max(segment.newStart, segment.shift))
  let score = 0
  let best = 0
  let length = 0
  for (let at = start; at < end && at - segment.shift < oldBytes.length; at++) {
    score += newBytes[at] === oldBytes[at - segment.shift] ? 1 : -1
    if (score > best) {
      best = score
      length = at - start + 1
    }
  }
  return { start, length }
}

function writeTriple(sink: ByteSink, add: number, copy: number, seek: number): void {
  if (add === 0 && copy === 0 && seek === 0) return
  for (const value of [add, copy, seek]) writeNumber(sink, value)
}

/** Eight bytes, least significant first, the top bit for the sign. */
function writeNumber(sink: ByteSink, value: number): void {
  let rest = Math.abs(value)
  for (let i = 0; i < 8; i++) {
    sink.byte((rest & 255) | (i === 7 && value < 0 ? 0x80 : 0))
    rest = Math.floor(rest / 256)
  }
}
