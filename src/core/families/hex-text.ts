/**
 * Intel HEX as tools write it and editors leave it (Intel, Hexadecimal Object File Format Specification, 1988), read from
 * its bytes into the bytes it places, without a text of the file in between: what a file costs is its size and not the number of its
 * records. What cannot change a byte's place or value is tolerated, everything else refused; objcopy, srec_cat and a strict
 * library witness it.
 */

/** One run of bytes at an address. */
export interface HexBlock {
  readonly address: number
  readonly bytes: Uint8Array
}

/** What is wrong with a file, for those who tell its author. */
export type HexFault = "unreadable" | "checksum" | "no-end" | "after-end" | "overlap"

/** A file that is not read; the message names the first line that is wrong, from 1 at the first record. */
export class MalformedHex extends Error {
  override readonly name = "MalformedHex"
  readonly fault: HexFault

  constructor(fault: HexFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** Programs have a few blocks; thousands are no program, and each costs an object. */
const mostBlocks = 16_384

/** Whether the bytes begin as Intel HEX begins: behind a byte order mark and blank lines stands a colon. */
export function beginsAsHex(bytes: Uint8Array): boolean {
  return bytes[firstRecord(bytes)] === colon
}

/**
 * Reads a file into blocks in ascending order. Tolerated are:
 * - a byte order mark, blank lines, blanks around a line, Ctrl-Z and NUL at the end; no line end between records;
 * - data records of no bytes;
 * - an offset in records that hold no data (old linkers put the start address into the end record);
 * - data records over a 64 KiB border, which linkers write where addresses are linear.
 *
 * `physical` maps each upper address of a type 04 record, as a number of bytes, to where its data belongs. Throws `MalformedHex`.
 */
export function readHex(
  bytes: Uint8Array,
  physical: (address: number) => number = (address) => address,
): readonly HexBlock[] {
  const lines = new RecordReader(bytes)
  const placed = new Placed(bytes.length >> 1)
  let base = 0
  let isLinear = true
  while (lines.next()) {
    const { offset, data } = lines
    switch (lines.kind) {
      case type.data:
        if (data.length === 0) break
        if (!isLinear && offset + data.length > 0x10000) throw lines.malformed("wraps over its segment of 64 KiB")
        placed.put(base + offset, data)
        break
      case type.end:
        if (lines.isAtEnd) return placed.blocks()
        throw new MalformedHex("after-end", `there is data after an EOF record, which is line ${lines.line}`)
      case type.segment:
        isLinear = false
        base = lines.upper() << 4
        break
      case type.linear:
        isLinear = true
        base = physical(lines.upper() * 0x10000)
        break
      case type.startSegment:
      case type.startLinear:
        break
      default:
        throw lines.malformed(`has the type ${lines.kind}, but types are 0 to 5`)
    }
  }
  throw lines.line === 0
    ? new MalformedHex("unreadable", "it has no record")
    : new MalformedHex("no-end", "there is no EOF record at its end")
}

const type = { data: 0, end: 1, segment: 2, startSegment: 3, linear: 4, startLinear: 5 } as const

const colon = 0x3a
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** What JavaScript calls blank, of the first 256 characters. */
const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d) || byte === 0xa0

/** Where the first record may begin. */
function firstRecord(bytes: Uint8Array): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (bytes[at] === 0 || isBlank(bytes[at])) at++
  return at
}

/** Behind the last record: blanks, and what CP/M, DOS and some serial tools fill a file's end with, Ctrl-Z and NUL. */
function lastRecord(bytes: Uint8Array): number {
  let end = bytes.length
  for (let last = bytes[end - 1]; end > 0 && (last === 0 || last === 0x1a || isBlank(last)); last = bytes[end - 1])
    end--
  return end
}

/** Value of a digit, 16 for what is none. */
const digits = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16)
  return Number.isNaN(value) ? 16 : value
})

/** One record after another, in one piece of memory. */
class RecordReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  readonly #record = new Uint8Array(260)
  #at: number
  #began = 0
  #skipped = 1
  /** The line of this record; 0 = there was none yet. */
  line = 0
  kind = 0
  offset = 0
  /** What the record holds, until the next is read. */
  data: Uint8Array = this.#record.subarray(0, 0)

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#at = firstRecord(bytes)
    this.#end = lastRecord(bytes)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Reads the next record; false = there is none. */
  next(): boolean {
    this.#skipBlanks()
    if (this.isAtEnd) return false
    this.line = this.#skipped
    this.#began = this.#at
    const length = this.#readDigits()
    if (length < 5) throw this.#noRecord()
    const [wanted = 0, high = 0, low = 0, kind = 0] = this.#record
    if (length !== wanted + 5) {
      throw new MalformedHex(
        "unreadable",
        `line ${this.line} says ${wanted} data bytes and has ${length - 5}: ${this.#shown()}`,
      )
    }
    let sum = 0
    for (let at = 0; at < length; at++) sum += this.#record[at] ?? 0
    if ((sum & 0xff) !== 0) {
      const off = (sum & 0xff).toString(16).toUpperCase().padStart(2, "0")
      throw new MalformedHex("checksum", `checksum failed at line ${this.line}: ${this.#shown()}, off by ${off}`)
    }
    this.kind = kind
    this.offset = high * 256 + low
    this.data = this.#record.subarray(4, 4 + wanted)
    this.#skipBlanks()
    return true
  }

  /** The upper address that a record of type 02 or 04 tells. */
  upper(): number {
    const [high = 0, low = 0] = this.data
    if (this.data.length !== 2) throw this.malformed(`tells an address in ${this.data.length} bytes, not in 2`)
    return high * 256 + low
  }

  malformed(what: string): MalformedHex {
    return new MalformedHex("unreadable", `line ${this.line} ${what}: ${this.#shown()}`)
  }

  #noRecord(): MalformedHex {
    return new MalformedHex("unreadable", `line ${this.line} is no record: ${this.#shown()}`)
  }

  /** Octets behind a colon into the record; what stands behind them is a line's end, the file's, or the next colon. */
  #readDigits(): number {
    const bytes = this.#bytes
    if (bytes[this.#at] !== colon) throw this.#noRecord()
    let length = 0
    for (this.#at++; this.#at < this.#end && length < this.#record.length; this.#at += 2) {
      const high = digits[bytes[this.#at] ?? 0] ?? 16
      if (high === 16) break
      const low = this.#at + 1 < this.#end ? (digits[bytes[this.#at + 1] ?? 0] ?? 16) : 16
      if (low === 16) throw this.#noRecord()
      this.#record[length++] = high * 16 + low
    }
    let next = this.#at
    while (next < this.#end && isBlank(bytes[next]) && !isLineEnd(bytes[next])) next++
    if (next < this.#end && !isLineEnd(bytes[next]) && bytes[next] !== colon) throw this.#noRecord()
    return length
  }

  #skipBlanks(): void {
    for (; this.#at < this.#end && isBlank(this.#bytes[this.#at]); this.#at++) {
      const byte = this.#bytes[this.#at]
      if (byte === lineFeed || (byte === carriageReturn && this.#bytes[this.#at + 1] !== lineFeed)) this.#skipped++
    }
  }

  /** The first forty characters of the record's line. */
  #shown(): string {
    let end = this.#began + 1
    while (end < this.#end && !isLineEnd(this.#bytes[end]) && this.#bytes[end] !== colon) end++
    const shown = String.fromCharCode(...this.#bytes.subarray(this.#began, Math.min(end, this.#began + 40)))
    return `"${shown.trimEnd().replaceAll(/[^\x20-\x7e]/g, "?")}${end - this.#began > 40 ? "…" : ""}"`
  }
}

const isLineEnd = (byte: number | undefined): boolean => byte === lineFeed || byte === carriageReturn

/** Bytes with their addresses, in the order in which they came. */
class Placed {
  readonly #pool: Uint8Array
  #used = 0
  /** Of each run of bytes that follow one another: its address, and where in the pool it begins. */
  readonly #addresses: number[] = []
  readonly #starts: number[] = []
  /** Behind the last byte that came. */
  #next = -1

  constructor(mostBytes: number) {
    this.#pool = new Uint8Array(mostBytes)
  }

  put(address: number, data: Uint8Array): void {
    if (address + data.length > 2 ** 32)
      throw new MalformedHex("unreadable", "it has data beyond the last address of 32 bits")
    if (address !== this.#next) {
      this.#addresses.push(address)
      this.#starts.push(this.#used)
    }
    this.#pool.set(data, this.#used)
    this.#used += data.length
    this.#next = address + data.length
  }

  /** What follows one another in one block each, in ascending order. */
  blocks(): readonly HexBlock[] {
    const order = this.#inOrder()
    const blocks: HexBlock[] = []
    for (let from = 0; from < order.length; ) {
      let to = from
      const { address } = this.#run(order[from])
      let end = address
      for (; to < order.length; to++) {
        const run = this.#run(order[to])
        if (run.address !== end) break
        end += run.length
      }
      const following = to < order.length ? this.#run(order[to]).address : end
      if (following < end)
        throw new MalformedHex("overlap", `overlapping data around address 0x${following.toString(16)}`)
      if (blocks.length === mostBlocks) {
        throw new MalformedHex("unreadable", `its data lies in more than ${mostBlocks} separate pieces`)
      }
      blocks.push({ address, bytes: this.#joined(order.subarray(from, to), end - address) })
      from = to
    }
    return blocks
  }

  #joined(runs: Uint32Array, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let at = 0
    for (const run of runs) {
      const { start, length: own } = this.#run(run)
      bytes.set(this.#pool.subarray(start, start + own), at)
      at += own
    }
    return bytes
  }

  #inOrder(): Uint32Array {
    const order = Uint32Array.from(this.#addresses, (_, at) => at)
    const isSorted = this.#addresses.every((address, at) => at === 0 || (this.#addresses[at - 1] ?? 0) < address)
    return isSorted ? order : order.sort((a, b) => (this.#addresses[a] ?? 0) - (this.#addresses[b] ?? 0))
  }

  #run(at: number | undefined): { readonly address: number; readonly start: number; readonly length: number } {
    const start = this.#starts[at ?? 0] ?? 0
    return {
      address: this.#addresses[at ?? 0] ?? 0,
      start,
      length: (this.#starts[(at ?? 0) + 1] ?? this.#used) - start,
    }
  }
}
