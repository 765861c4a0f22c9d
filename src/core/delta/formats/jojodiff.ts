import { findSegments } from "../match/segments.ts"
import { ByteSink } from "./byte-sink.ts"
import { piecesOf } from "./copies.ts"
import { escape, JojodiffReader, operator } from "./jojodiff-reader.ts"

/** Operations longer than this would need the length form of eight bytes, which janpatch refuses. */
const longest = 0x7fffffff
/** Shorter equal runs cost more as an operation of their own. */
const leastEqual = 6

/** Makes a JojoDiff 0.7 patch, as janpatch applies it: data carries doubled escapes, the other operations a length. Throws `RangeError` for images of 2 GB and more. */
export function makeJojodiff(oldBytes: Uint8Array, newBytes: Uint8Array): Uint8Array {
  if (oldBytes.length > longest || newBytes.length > longest) throw new RangeError("too large for JojoDiff")
  const sink = new ByteSink()
  let source = 0
  let open = 0
  const begin = (code: number): void => {
    sink.byte(escape)
    sink.byte(code)
    open = code
  }
  for (const piece of piecesOf({ oldBytes, newBytes }, findSegments(oldBytes, newBytes), leastEqual)) {
    const isInside = piece.oldStart >= 0 && piece.oldStart + piece.length <= oldBytes.length
    if (isInside && piece.oldStart !== source) {
      begin(piece.oldStart > source ? operator.delete : operator.backtrack)
      writeLength(sink, Math.abs(piece.oldStart - source))
      source = piece.oldStart
    }
    if (piece.isEqual) {
      begin(operator.equal)
      writeLength(sink, piece.length)
    } else {
      const code = isInside ? operator.modify : operator.insert
      if (open !== code) begin(code)
      for (const byte of newBytes.subarray(piece.newStart, piece.newStart + piece.length)) {
        if (byte === escape) sink.byte(escape)
        sink.byte(byte)
      }
    }
    if (isInside) source += piece.length
  }
  return sink.take()
}

/** 1 … 252 in one byte, … 508 in two, … 65535 in three, else in five. */
function writeLength(sink: ByteSink, length: number): void {
  if (length <= 252) sink.byte(length - 1)
  else if (length <= 508) {
    sink.byte(252)
    sink.byte(length - 253)
  } else if (length <= 0xffff) {
    sink.byte(253)
    sink.byte(length >> 8)
    sink.byte(length & 255)
  } else {
    sink.byte(254)
    for (let shift = 24; shift >= 0; shift -= 8) sink.byte((length >>> shift) & 255)
  }
}

/**
 * Makes a patch longer without changing what it does, by steps forth and back in the old image: for devices that take no
 * file below some size. The result has `leastBytes` or a little more.
 */
export function padJojodiff(patch: Uint8Array, leastBytes: number): Uint8Array {
  const sink = new ByteSink()
  sink.all(patch)
  while (sink.length < leastBytes) sink.all(Uint8Array.of(escape, operator.delete, 0, escape, operator.backtrack, 0))
  return sink.take()
}

/** Applies a JojoDiff patch as janpatch does. Throws `DeltaError` where it stops, or when more than `limit` bytes come. */
export function applyJojodiff(patch: Uint8Array, oldBytes: Uint8Array, limit = 0x10000000): Uint8Array {
  const sink = new ByteSink()
  const reader = new JojodiffReader({ oldBytes: oldBytes.length, newBytes: limit })
  for (const step of reader.take(patch)) {
    sink.all(step.kind === "data" ? step.bytes : oldBytes.subarray(step.from, step.from + step.length))
  }
  reader.end()
  return sink.take()
}
