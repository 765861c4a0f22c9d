import { suffixArray } from "../match/suffix-array.ts"
import { ByteSink } from "./byte-sink.ts"

/** A bzip2 compressor, enough for bsdiff 4: blocks of at most 900,000 bytes, two equal Huffman tables. */
const blockLimit = 899_000
const longestCode = 17

/** Packs bytes so that every bunzip2 unpacks them. */
export function bzip2(bytes: Uint8Array): Uint8Array {
  const out = new BitSink()
  for (const character of "BZh9") out.bits(8, character.charCodeAt(0))
  let combined = 0
  for (let from = 0; from < bytes.length; ) {
    const { packed, to } = runLengths(bytes, from)
    const crc = blockCrc(bytes.subarray(from, to))
    combined = ((combined << 1) | (combined >>> 31)) ^ crc
    writeBlock(out, packed, crc)
    from = to
  }
  out.bits(24, 0x177245)
  out.bits(24, 0x385090)
  out.bits(16, combined >>> 16)
  out.bits(16, combined & 0xffff)
  return out.take()
}

class BitSink {
  private readonly sink = new ByteSink()
  private pending = 0
  private count = 0

  /** The lowest `count` bits of `value`, at most 24, most significant first. */
  bits(count: number, value: number): void {
    for (let at = count - 1; at >= 0; at--) {
      this.pending = (this.pending << 1) | ((value >>> at) & 1)
      if (++this.count === 8) {
        this.sink.byte(this.pending & 255)
        this.pending = 0
        this.count = 0
      }
    }
  }

  take(): Uint8Array {
    while (this.count !== 0) this.bits(1, 0)
    return this.sink.take()
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n << 24
  for (let k = 0; k < 8; k++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1
  return value >>> 0
})

function blockCrc(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) crc = (crc << 8) ^ (crcTable[(crc >>> 24) ^ byte] as number)
  return ~crc
}

/** The first run-length code: four equal bytes are followed by how many more there are. Takes in what one block holds. */
function runLengths(bytes: Uint8Array, from: number): { readonly packed: Uint8Array; readonly to: number } {
  const sink = new ByteSink()
  let at = from
  while (at < bytes.length && sink.length < blockLimit - 5) {
    const byte = bytes[at] as number
    let run = 1
    while (run < 255 && bytes[at + run] === byte) run++
    for (let i = 0; i < Math.min(run, 4); i++) sink.byte(byte)
    if (run >= 4) sink.byte(run - 4)
    at += run
  }
  return { packed: sink.take(), to: at }
}

/** Last column and start row of the sorted rotations. */
function rotations(block: Uint8Array): { readonly last: Uint8Array; readonly start: number } {
  const n = block.length
  const doubled = new Uint8Array(2 * n)
  doubled.set(block)
  doubled.set(block, n)
  const last = new Uint8Array(n)
  let start = 0
  let row = 0
  for (const at of suffixArray(doubled)) {
    if (at >= n) continue
    if (at === 0) start = row
    last[row++] = block[(at + n - 1) % n] as number
  }
  return { last, start }
}

function writeBlock(out: BitSink, block: Uint8Array, crc: number): void {
  const { last, start } = rotations(block)
  const used = [...new Set(block)].sort((a, b) => a - b)
  const symbols = moveToFront(last, used)
  const alphabet = used.length + 2
  out.bits(24, 0x314159)
  out.bits(24, 0x265359)
  out.bits(16, crc >>> 16)
  out.bits(16, crc & 0xffff)
  out.bits(1, 0)
  out.bits(24, start)
  writeUsed(out, used)
  const groups = Math.ceil(symbols.length / 50)
  out.bits(3, 2)
  out.bits(15, groups)
  for (let i = 0; i < groups; i++) out.bits(1, 0)
  const lengths = codeLengths(symbols, alphabet)
  for (let table = 0; table < 2; table++) writeLengths(out, lengths)
  const codes = codesOf(lengths)
  for (const symbol of symbols) out.bits(lengths[symbol] as number, codes[symbol] as number)
}

function writeUsed(out: BitSink, used: readonly number[]): void {
  const has = new Set(used)
  const rows = Array.from({ length: 16 }, (_, row) => used.some((byte) => byte >> 4 === row))
  for (const isUsed of rows) out.bits(1, isUsed ? 1 : 0)
  for (const [row, isUsed] of rows.entries()) {
    if (!isUsed) continue
    for (let i = 0; i < 16; i++) out.bits(1, has.has(row * 16 + i) ? 1 : 0)
  }
}

/** Places in the list of recent bytes; runs of place 0 in the digits 0 and 1 of bijective base 2; the end symbol last. */
function moveToFront(last: Uint8Array, used: readonly number[]): Uint16Array {
  const order = [...used]
  const symbols: number[] = []
  let zeros = 0
  const flush = (): void => {
    for (let rest = zeros; rest > 0; rest = (rest - 1) >> 1) symbols.push((rest - 1) & 1)
    zeros = 0
  }
  for (const byte of last) {
    const place = order.indexOf(byte)
    if (place === 0) {
      zeros++
      continue
    }
    flush()
    symbols.push(place + 1)
    order.copyWithin(1, 0, place)
    order[0] = byte
  }
  flush()
  symbols.push(used.length + 1)
  return Uint16Array.from(symbols)
}

/** Huffman code lengths of at most 17 bits; frequencies are flattened until they fit. */
function codeLengths(symbols: Uint16Array, alphabet: number): number[] {
  const counts = Array.from({ length: alphabet }, () => 0)
  for (const symbol of symbols) counts[symbol] = (counts[symbol] as number) + 1
  for (let floor = 0; ; floor = floor * 2 + 1) {
    const lengths = huffman(counts.map((count) => Math.max(1, count + floor)))
    if (Math.max(...lengths) <= longestCode) return lengths
  }
}

function huffman(counts: readonly number[]): number[] {
  const nodes = counts.map((weight, symbol) => ({ weight, symbols: [symbol] }))
  const lengths = counts.map(() => 0)
  while (nodes.length > 1) {
    nodes.sort((a, b) => b.weight - a.weight)
    const [a, b] = [nodes.pop(), nodes.pop()]
    if (a === undefined || b === undefined) break
    const joined = [...a.symbols, ...b.symbols]
    for (const symbol of joined) lengths[symbol] = (lengths[symbol] as number) + 1
    nodes.push({ weight: a.weight + b.weight, symbols: joined })
  }
  return lengths
}

function writeLengths(out: BitSink, lengths: readonly number[]): void {
  let now = lengths[0] as number
  out.bits(5, now)
  for (const length of lengths) {
    for (; now < length; now++) out.bits(2, 2)
    for (; now > length; now--) out.bits(2, 3)
    out.bits(1, 0)
  }
}

function codesOf(lengths: readonly number[]): number[] {
  const codes = lengths.map(() => 0)
  let code = 0
  for (let length = 1; length <= longestCode; length++) {
    for (const [symbol, own] of lengths.entries()) if (own === length) codes[symbol] = code++
    code <<= 1
  }
  return codes
}
