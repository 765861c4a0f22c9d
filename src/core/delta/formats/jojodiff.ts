import { DeltaError } from "../delta-error.ts"
import { findSegments } from "../match/segments.ts"
import { ByteSink } from "./byte-sink.ts"
import { piecesOf } from "./copies.ts"

/**
 * JojoDiff 0.7 as janpatch applies it: a stream of operations, each an escape byte and an operator. MOD and INS carry
 * data up to the next escape that an operator follows (an escape in the data is doubled); the others carry a length.
 */
const escape = 0xa7
const operator = { modify: 0xa6, insert: 0xa5, delete: 0xa4, equal: 0xa3, backtrack: 0xa2 } as const

/** Operations longer than this would need the length form of eight bytes, which janpatch refuses. */
const longest = 0x7fffffff
/** Shorter equal runs cost more as an operation of their own. */
const leastEqual = 6

/** Makes a JojoDiff patch. Throws `RangeError` for images of 2 GB and more. */
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

/** Applies a JojoDiff patch as janpatch does. Throws `DeltaError` where it stops, or when more than `limit` bytes come. */
export function applyJojodiff(patch: Uint8Array, oldBytes: Uint8Array, limit = 0x10000000): Uint8Array {
  const sink = new ByteSink()
  let at = 0
  let source = 0
  const give = (byte: number): void => {
    if (sink.length >= limit) throw new DeltaError("bad-payload", `more than ${limit} bytes come out`)
    sink.byte(byte)
  }
  const take = (): number => {
    const byte = patch[at++]
    if (byte === undefined) throw new DeltaError("truncated", "the patch ends in a length")
    return byte
  }
  const takeLength = (): number => {
    const first = take()
    if (first <= 251) return first + 1
    if (first === 252) return 253 + take()
    if (first === 253) return take() * 256 + take()
    if (first === 254) return ((take() * 256 + take()) * 256 + take()) * 256 + take()
    throw new DeltaError("bad-payload", "a length of eight bytes")
  }
  /** Data up to a lone escape before an operator. */
  const takeData = (advances: number): void => {
    while (at < patch.length) {
      const byte = patch[at] as number
      const next = patch[at + 1]
      if (byte === escape && next !== undefined && next >= operator.backtrack && next <= operator.modify) return
      if (byte === escape && next === undefined) throw new DeltaError("truncated", "the patch ends in an escape")
      at += byte === escape && next === escape ? 2 : 1
      give(byte)
      source += advances
    }
  }
  while (at < patch.length) {
    if (take() !== escape) throw new DeltaError("bad-payload", "no escape where an operation begins")
    const code = take()
    if (code === operator.modify) takeData(1)
    else if (code === operator.insert) takeData(0)
    else if (code === operator.delete) source += takeLength()
    else if (code === operator.backtrack) source -= takeLength()
    else if (code === operator.equal) {
      const length = takeLength()
      if (source < 0 || source + length > oldBytes.length)
        throw new DeltaError("bad-payload", "a copy from outside the old image")
      for (let i = 0; i < length; i++) give(oldBytes[source + i] as number)
      source += length
    } else throw new DeltaError("bad-payload", `operator ${code}`)
  }
  return sink.take()
}
