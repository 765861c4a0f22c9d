import { type Alphabet, type Code, codeFor, codesOf } from "./code-lengths.ts"

/** Blocks of a deflate stream (RFC 1951), written as gzip writes them. */

const endOfBlock = 256

/** Smallest value and extra bits of each code from 257 on (lengths 3 … 258) and of each distance code (1 … 32768). */
function classes(count: number, perClass: number, first: number): { readonly base: number; readonly extra: number }[] {
  let base = first
  return Array.from({ length: count }, (_, code) => {
    const extra = code < 2 * perClass ? 0 : Math.floor(code / perClass) - 1
    const row = { base, extra }
    base += 2 ** extra
    return row
  })
}
const lengthClasses = [...classes(28, 4, 3), { base: 258, extra: 0 }]
const distanceClasses = classes(30, 2, 1)

function lookup(rows: readonly { readonly base: number }[], most: number): Uint8Array {
  const found = new Uint8Array(most + 1)
  for (const [code, { base }] of rows.entries()) found.fill(code, base)
  return found
}
const lengthCode = lookup(lengthClasses, 258)
const distanceCode = lookup(distanceClasses, 32768)

const literals: Alphabet = {
  size: 286,
  extraBits: (symbol) => (symbol > endOfBlock ? (lengthClasses[symbol - 257]?.extra ?? 0) : 0),
  longest: 15,
}
const distances: Alphabet = { size: 30, extraBits: (symbol) => distanceClasses[symbol]?.extra ?? 0, longest: 15 }
const lengthExtra = [2, 3, 7]
const codeLengths: Alphabet = { size: 19, extraBits: (symbol) => lengthExtra[symbol - 16] ?? 0, longest: 7 }
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

const fixedLiterals = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
)
const fixedDistances = new Uint8Array(30).fill(5)

class BitWriter {
  private bytes = new Uint8Array(65536)
  private length = 0
  private bits = 0
  private held = 0

  put(value: number, count: number): void {
    this.bits |= value << this.held
    this.held += count
    for (; this.held >= 8; this.held -= 8) {
      this.byte(this.bits & 255)
      this.bits >>>= 8
    }
  }

  /** On to the next whole byte. */
  align(): void {
    if (this.held > 0) this.byte(this.bits & 255)
    this.bits = 0
    this.held = 0
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.length * 2)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes[this.length++] = value
  }

  take(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

interface LengthToken {
  readonly symbol: number
  readonly extra: number
}

/** Code lengths with their repetitions: 16 the last one 3 to 6 times more, 17 and 18 zeros. */
function lengthTokens({ lengths, last }: Code): LengthToken[] {
  const tokens: LengthToken[] = []
  let before = -1
  for (let at = 0; at <= last; ) {
    const length = lengths[at] as number
    const most = length === 0 ? 138 : length === before ? 6 : 7
    let count = 1
    while (count < most && at + count <= last && lengths[at + count] === length) count++
    at += count
    if (count < (length === 0 || length === before ? 3 : 4)) {
      for (; count > 0; count--) tokens.push({ symbol: length, extra: 0 })
    } else if (length !== 0) {
      if (length !== before) {
        tokens.push({ symbol: length, extra: 0 })
        count--
      }
      tokens.push({ symbol: 16, extra: count - 3 })
    } else tokens.push(count <= 10 ? { symbol: 17, extra: count - 3 } : { symbol: 18, extra: count - 11 })
    before = length
  }
  return tokens
}

/** Takes literals and matches, and writes them block by block. */
export class BlockWriter {
  private readonly bits = new BitWriter()
  /** What the block at hand holds: a literal, or 256 times the distance plus the length less 3. */
  private readonly symbols = new Int32Array(32768)
  private count = 0
  private matches = 0
  private readonly literalCounts = new Uint32Array(literals.size)
  private readonly distanceCounts = new Uint32Array(distances.size)

  get size(): number {
    return this.count
  }

  get matchCount(): number {
    return this.matches
  }

  literal(byte: number): void {
    this.symbols[this.count++] = byte
    this.literalCounts[byte] = (this.literalCounts[byte] as number) + 1
  }

  match(distance: number, length: number): void {
    this.symbols[this.count++] = distance * 256 + length - 3
    this.matches++
    const symbol = 257 + (lengthCode[length] as number)
    this.literalCounts[symbol] = (this.literalCounts[symbol] as number) + 1
    const code = distanceCode[distance] as number
    this.distanceCounts[code] = (this.distanceCounts[code] as number) + 1
  }

  /** A bound in bits for what the block's symbols take: a byte for each, and the distances. */
  roughBits(): number {
    let bits = this.count * 8
    for (const [code, count] of this.distanceCounts.entries()) bits += count * (5 + distances.extraBits(code))
    return bits
  }

  /** Ends the block. `plain` are the bytes it stands for, `length` of them; null when they are gone. */
  flush(plain: Uint8Array | null, length: number, isLast: boolean): void {
    this.literalCounts[endOfBlock] = 1
    const literalCode = codeFor(this.literalCounts, literals)
    const distanceCodes = codeFor(this.distanceCounts, distances)
    const tokens = [...lengthTokens(literalCode), ...lengthTokens(distanceCodes)]
    const tokenCounts = new Uint32Array(codeLengths.size)
    for (const { symbol } of tokens) tokenCounts[symbol] = (tokenCounts[symbol] as number) + 1
    const tokenCode = codeFor(tokenCounts, codeLengths)
    let named = codeLengths.size
    while (named > 4 && tokenCode.lengths[codeLengthOrder[named - 1] as number] === 0) named--
    const own = (literalCode.cost + distanceCodes.cost + tokenCode.cost + 3 * named + 14 + 3 + 7) >> 3
    const fixed = (this.fixedCost() + 3 + 7) >> 3
    const best = Math.min(own, fixed)
    if (length + 4 <= best && plain !== null) this.stored(plain, isLast)
    else if (fixed === best) {
      this.bits.put(2 + (isLast ? 1 : 0), 3)
      this.send(fixedLiterals, fixedDistances)
    } else {
      this.bits.put(4 + (isLast ? 1 : 0), 3)
      this.bits.put(literalCode.last - 256, 5)
      this.bits.put(distanceCodes.last, 5)
      this.bits.put(named - 4, 4)
      for (const symbol of codeLengthOrder.slice(0, named)) this.bits.put(tokenCode.lengths[symbol] as number, 3)
      this.sendLengths(tokens, tokenCode.lengths)
      this.send(literalCode.lengths, distanceCodes.lengths)
    }
    if (isLast) this.bits.align()
    this.count = 0
    this.matches = 0
    this.literalCounts.fill(0)
    this.distanceCounts.fill(0)
  }

  take(): Uint8Array {
    return this.bits.take()
  }

  private fixedCost(): number {
    let cost = 0
    for (const [symbol, count] of this.literalCounts.entries())
      cost += count * ((fixedLiterals[symbol] as number) + literals.extraBits(symbol))
    for (const [code, count] of this.distanceCounts.entries()) cost += count * (5 + distances.extraBits(code))
    return cost
  }

  private stored(plain: Uint8Array, isLast: boolean): void {
    this.bits.put(isLast ? 1 : 0, 3)
    this.bits.align()
    const size = plain.length
    for (const byte of [size & 255, (size >> 8) & 255, ~size & 255, (~size >> 8) & 255, ...plain]) this.bits.byte(byte)
  }

  private sendLengths(tokens: readonly LengthToken[], lengths: Uint8Array): void {
    const codes = codesOf(lengths)
    for (const { symbol, extra } of tokens) {
      this.bits.put(codes[symbol] as number, lengths[symbol] as number)
      if (symbol > 15) this.bits.put(extra, codeLengths.extraBits(symbol))
    }
  }

  private send(literalLengths: Uint8Array, distanceLengths: Uint8Array): void {
    const { bits, symbols } = this
    const codes = codesOf(literalLengths)
    const distanceCodes = codesOf(distanceLengths)
    for (let i = 0; i < this.count; i++) {
      const symbol = symbols[i] as number
      if (symbol < 256) {
        bits.put(codes[symbol] as number, literalLengths[symbol] as number)
        continue
      }
      const [length, distance] = [(symbol & 255) + 3, symbol >> 8]
      const code = lengthCode[length] as number
      bits.put(codes[257 + code] as number, literalLengths[257 + code] as number)
      const row = lengthClasses[code] as { base: number; extra: number }
      bits.put(length - row.base, row.extra)
      const far = distanceCode[distance] as number
      bits.put(distanceCodes[far] as number, distanceLengths[far] as number)
      const farRow = distanceClasses[far] as { base: number; extra: number }
      bits.put(distance - farRow.base, farRow.extra)
    }
    bits.put(codes[endOfBlock] as number, literalLengths[endOfBlock] as number)
  }
}
