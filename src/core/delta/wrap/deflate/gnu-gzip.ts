import { BlockWriter } from "./block-writer.ts"

/**
 * The deflate stream that GNU gzip makes of a file, to the last bit: its choice of matches and of where blocks end, which is not
 * zlib's. Told from what its streams look like and held against the program in test/interop/gnu-gzip.test.ts.
 */
export function gnuDeflate(content: Uint8Array, level: number): Uint8Array {
  return new GnuPacker(content, level).run()
}

const windowBytes = 32768
const shortest = 3
const longest = 258
/** Bytes that must be ahead before a match is looked for. */
const lookahead = longest + shortest + 1
const farthest = windowBytes - lookahead
/** A match of three bytes that lies further back is not worth its distance. */
const tooFar = 4096
const hashMask = 0x7fff
const mostSymbols = 0x7fff

/** By level: from which length on less is looked for, what is good enough to wait no longer, what ends the search, places looked at. */
const settings = [
  { good: 0, lazy: 0, nice: 0, chain: 0 },
  { good: 4, lazy: 4, nice: 8, chain: 4 },
  { good: 4, lazy: 5, nice: 16, chain: 8 },
  { good: 4, lazy: 6, nice: 32, chain: 32 },
  { good: 4, lazy: 4, nice: 16, chain: 16 },
  { good: 8, lazy: 16, nice: 32, chain: 32 },
  { good: 8, lazy: 16, nice: 128, chain: 128 },
  { good: 8, lazy: 32, nice: 128, chain: 256 },
  { good: 32, lazy: 128, nice: 258, chain: 1024 },
  { good: 32, lazy: 258, nice: 258, chain: 4096 },
] as const

class GnuPacker {
  private readonly content: Uint8Array
  private readonly level: number
  private readonly setting: (typeof settings)[number]
  private readonly blocks = new BlockWriter()
  /** Two windows' worth of the content; what is behind its end is whatever stood there before. */
  private readonly window = new Uint8Array(2 * windowBytes)
  private readonly head = new Uint16Array(hashMask + 1)
  private readonly previous = new Uint16Array(windowBytes)
  private taken = 0
  private isAtEnd = false
  private hash = 0
  private at = 0
  private ahead = 0
  private blockStart = 0
  private matchStart = 0

  constructor(content: Uint8Array, level: number) {
    this.content = content
    this.level = level
    this.setting = settings[level] ?? settings[6]
    this.take()
    this.rehash()
    this.fill()
  }

  run(): Uint8Array {
    if (this.level <= 3) this.runFast()
    else this.runLazy()
    this.endBlock(true)
    return this.blocks.take()
  }

  private take(): void {
    const room = 2 * windowBytes - this.at - this.ahead
    const part = this.content.subarray(this.taken, this.taken + room)
    this.window.set(part, this.at + this.ahead)
    this.taken += part.length
    this.ahead += part.length
    if (part.length === 0) this.isAtEnd = true
  }

  /** Moves the window on by half, when it is nearly used up, and takes in what fits. */
  private fill(): void {
    while (this.ahead < lookahead && !this.isAtEnd) {
      if (this.at >= windowBytes + farthest) {
        this.window.copyWithin(0, windowBytes)
        this.matchStart -= windowBytes
        this.at -= windowBytes
        this.blockStart -= windowBytes
        for (const table of [this.head, this.previous])
          for (let i = 0; i < table.length; i++) table[i] = Math.max(0, (table[i] as number) - windowBytes)
      }
      this.take()
    }
  }

  private rehash(): void {
    this.hash = 0
    for (let i = 0; i < shortest - 1; i++) this.mix(this.window[this.at + i] as number)
  }

  private mix(byte: number): void {
    this.hash = ((this.hash << 5) ^ byte) & hashMask
  }

  /** Notes the place at hand; gives the last one whose three bytes have the same hash, 0 for none. */
  private note(): number {
    this.mix(this.window[this.at + shortest - 1] as number)
    const last = this.head[this.hash] as number
    this.previous[this.at & (windowBytes - 1)] = last
    this.head[this.hash] = this.at
    return last
  }

  private isNear(place: number): boolean {
    return place !== 0 && this.at - place <= farthest && this.at <= 2 * windowBytes - lookahead
  }

  /** The longest match from `place` back that is longer than `known`; else `known`. */
  private search(place: number, known: number): number {
    const { window, at, setting } = this
    let tries: number = known >= setting.good ? setting.chain >> 2 : setting.chain
    const limit = Math.max(0, at - farthest)
    let best = known
    let match = place
    do {
      if (
        window[match + best] === window[at + best] &&
        window[match + best - 1] === window[at + best - 1] &&
        window[match] === window[at] &&
        window[match + 1] === window[at + 1]
      ) {
        let length = 2
        while (length < longest && window[match + length] === window[at + length]) length++
        if (length > best) {
          this.matchStart = match
          best = length
          if (length >= setting.nice) break
        }
      }
      match = this.previous[match & (windowBytes - 1)] as number
      tries -= 1
    } while (match > limit && tries !== 0)
    return Math.min(best, this.ahead)
  }

  private endBlock(isLast: boolean): void {
    const plain = this.blockStart >= 0 ? this.window.subarray(this.blockStart, this.at) : null
    this.blocks.flush(plain, this.at - this.blockStart, isLast)
    this.blockStart = this.at
  }

  /** Whether the block shall end here: it is full, or it packs well and has few matches. */
  private isBlockFull(): boolean {
    const { blocks } = this
    if (this.level > 2 && (blocks.size & 0xfff) === 0) {
      const packed = blocks.roughBits() >> 3
      if (blocks.matchCount < blocks.size >> 1 && packed < (this.at - this.blockStart) >> 1) return true
    }
    return blocks.size === mostSymbols
  }

  private runFast(): void {
    let length = 0
    while (this.ahead > 0) {
      const place = this.note()
      if (this.isNear(place)) length = this.search(place, shortest - 1)
      const isMatch = length >= shortest
      if (isMatch) this.blocks.match(this.at - this.matchStart, length)
      else this.blocks.literal(this.window[this.at] as number)
      const isFull = this.isBlockFull()
      this.ahead -= isMatch ? length : 1
      if (isMatch && length > this.setting.lazy) {
        this.at += length
        this.rehash()
      } else {
        const steps = isMatch ? length - 1 : 0
        for (let step = 0; step < steps; step++) {
          this.at++
          this.note()
        }
        this.at++
      }
      length = 0
      if (isFull) this.endBlock(false)
      this.fill()
    }
  }

  private runLazy(): void {
    let length = shortest - 1
    let isWaiting = false
    while (this.ahead > 0) {
      const place = this.note()
      const before = length
      const beforeAt = this.matchStart
      length = shortest - 1
      if (before < this.setting.lazy && this.isNear(place)) {
        length = this.search(place, before)
        if (length === shortest && this.at - this.matchStart > tooFar) length--
      }
      if (before >= shortest && length <= before) {
        this.blocks.match(this.at - 1 - beforeAt, before)
        const isFull = this.isBlockFull()
        this.ahead -= before - 1
        for (let rest = before - 2; rest > 0; rest--) {
          this.at++
          this.note()
        }
        isWaiting = false
        length = shortest - 1
        this.at++
        if (isFull) this.endBlock(false)
      } else {
        if (isWaiting) {
          this.blocks.literal(this.window[this.at - 1] as number)
          if (this.isBlockFull()) this.endBlock(false)
        }
        isWaiting = true
        this.at++
        this.ahead--
      }
      this.fill()
    }
    if (isWaiting) this.blocks.literal(this.window[this.at - 1] as number)
  }
}
