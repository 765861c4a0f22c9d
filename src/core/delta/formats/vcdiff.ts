import { findSegments } from "../match/segments.ts"
import { ByteSink } from "./byte-sink.ts"
import { piecesOf } from "./copies.ts"

/** VCDIFF (RFC 3284) with the default code table: one source segment, the whole old image, for every target window. */
const magic = Uint8Array.of(0xd6, 0xc3, 0xc4, 0x00)
const windowSource = 1
const windowSize = 0x400000
/** Address modes of the default table (section 5.3): the offset itself, back from here, then four near addresses. */
const mode = { self: 0, here: 1, near: 2 } as const
const nearSlots = 4
/** Shorter copies cost more than they save. */
const leastCopy = 4

/** Makes a VCDIFF delta that any decoder of RFC 3284 applies. */
export function makeVcdiff(oldBytes: Uint8Array, newBytes: Uint8Array): Uint8Array {
  const sink = new ByteSink()
  sink.all(magic)
  sink.byte(0) // no secondary compressor, no code table
  const pieces = [...piecesOf({ oldBytes, newBytes }, findSegments(oldBytes, newBytes), leastCopy)]
  // An empty file has one empty window too: xdelta3 takes a delta without any for nothing at all.
  for (let from = 0; from === 0 || from < newBytes.length; from += windowSize) {
    const to = Math.min(newBytes.length, from + windowSize)
    const window = new WindowWriter(oldBytes.length)
    for (const piece of pieces) {
      const start = Math.max(from, piece.newStart)
      const end = Math.min(to, piece.newStart + piece.length)
      if (start >= end) continue
      if (piece.isEqual) window.copy(piece.oldStart + start - piece.newStart, end - start)
      else window.add(newBytes.subarray(start, end))
    }
    window.writeTo(sink, to - from)
  }
  return sink.take()
}

/** Integers of seven bits a byte, most significant first (section 2). */
function writeInteger(sink: ByteSink, value: number): void {
  let shift = 0
  while (value / 2 ** (shift + 7) >= 1) shift += 7
  for (; shift > 0; shift -= 7) sink.byte((Math.floor(value / 2 ** shift) & 0x7f) | 0x80)
  sink.byte(value & 0x7f)
}

class WindowWriter {
  private readonly sourceSize: number
  private readonly data = new ByteSink()
  private readonly instructions = new ByteSink()
  private readonly addresses = new ByteSink()
  private readonly near: number[] = Array.from({ length: nearSlots }, () => 0)
  private nextNear = 0
  private here: number

  constructor(sourceSize: number) {
    this.sourceSize = sourceSize
    this.here = sourceSize
  }

  /** Opcodes 2 … 18 add 1 … 17 bytes; opcode 1 is followed by the size. */
  add(bytes: Uint8Array): void {
    if (bytes.length <= 17) this.instructions.byte(1 + bytes.length)
    else {
      this.instructions.byte(1)
      writeInteger(this.instructions, bytes.length)
    }
    this.data.all(bytes)
    this.here += bytes.length
  }

  /** Opcodes 19 + 16 m … copy with mode m: the first is followed by the size, the others copy 4 … 18 bytes. */
  copy(address: number, length: number): void {
    const candidates = [
      { mode: mode.self, value: address },
      { mode: mode.here, value: this.here - address },
      ...this.near.map((near, slot) => ({ mode: mode.near + slot, value: address - near })),
    ].filter(({ value }) => value >= 0)
    const best = candidates.reduce((least, next) => (next.value < least.value ? next : least))
    const opcode = 19 + 16 * best.mode
    if (length >= 4 && length <= 18) this.instructions.byte(opcode + length - 3)
    else {
      this.instructions.byte(opcode)
      writeInteger(this.instructions, length)
    }
    writeInteger(this.addresses, best.value)
    this.near[this.nextNear] = address
    this.nextNear = (this.nextNear + 1) % nearSlots
    this.here += length
  }

  writeTo(sink: ByteSink, targetSize: number): void {
    const body = new ByteSink()
    writeInteger(body, targetSize)
    body.byte(0) // no section is compressed
    for (const section of [this.data, this.instructions, this.addresses]) writeInteger(body, section.length)
    for (const section of [this.data, this.instructions, this.addresses]) body.all(section.take())
    // A window may not name an empty source segment.
    sink.byte(this.sourceSize > 0 ? windowSource : 0)
    if (this.sourceSize > 0) {
      writeInteger(sink, this.sourceSize)
      writeInteger(sink, 0)
    }
    writeInteger(sink, body.length)
    sink.all(body.take())
  }
}
