import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import { DeltaError } from "../delta-error.ts"
import {
  asInFlash,
  asIslands,
  contentOf,
  type FileSegment,
  islandsOf,
  type LayOut,
  RecipeReader,
  RecipeWriter,
} from "./segments-recipe.ts"
import { largestFile, type Wrapping } from "./wrapping.ts"

/**
 * Intel HEX (Intel, Hexadecimal Object File Format Specification, 1988): lines of `:`, length, offset, type, data, sum. The
 * recipe says how long records are, how lines end, in which case digits are, how upper addresses are told, where execution begins, and
 * which runs of full records there are.
 */
export const intelHex: Wrapping = {
  code: 1,
  name: "intel-hex",
  unwrap: (file) => unwrap(file, contentOf),
  wrap: (content, recipe) => wrap(content, recipe, asInFlash),
}

/**
 * The same for files with data far apart, as option words are from code. The long gaps are left out of the content, so a
 * patch between two of them is for hosts: it applies to the file, not to a device's flash.
 */
export const sparseIntelHex: Wrapping = {
  code: 4,
  name: "sparse-intel-hex",
  unwrap: (file) => unwrap(file, islandsOf),
  wrap: (content, recipe) => wrap(content, recipe, asIslands),
}

export const type = { data: 0, end: 1, segment: 2, startSegment: 3, linear: 4, startLinear: 5 } as const
export const flag = {
  carriageReturn: 1,
  lowerCase: 2,
  finalNewline: 4,
  segmented: 8,
  firstUpper: 16,
  upperCaseEnd: 32,
} as const

export interface HexRecord {
  readonly offset: number
  readonly type: number
  readonly data: Uint8Array
}

function unwrap(
  file: Uint8Array,
  contentFrom: typeof contentOf,
): { readonly content: Uint8Array; readonly recipe: Uint8Array } | null {
  if (file[0] !== 0x3a) return null
  const text = fromLatin1(file)
  const whole = parseRecords(text)
  if (whole === null) return null
  const data = whole.filter((record) => record.type === type.data)
  const recordBytes = data.reduce((longest, record) => Math.max(longest, record.data.length), 0)
  const segments = segmentsOf(whole, recordBytes)
  const content = contentFrom(segments)
  if (content === null) return null
  const start = whole.find((record) => record.type === type.startSegment || record.type === type.startLinear)
  const firstUpper = whole[0]?.type === type.linear || whole[0]?.type === type.segment
  const recipe = new RecipeWriter()
  recipe.number(
    (text.includes("\r\n") ? flag.carriageReturn : 0) |
      (/[a-f]/.test(text) ? flag.lowerCase : 0) |
      (text.endsWith("\n") ? flag.finalNewline : 0) |
      (whole.some((record) => record.type === type.segment) ? flag.segmented : 0) |
      (firstUpper ? flag.firstUpper : 0),
  )
  recipe.number(recordBytes)
  recipe.number(start?.type ?? 0)
  if (start !== undefined) recipe.number(new DataView(start.data.buffer).getUint32(0))
  recipe.segments(segments)
  return { content, recipe: recipe.take() }
}

/** All records of a file; null when a line is none. */
export function parseRecords(text: string): readonly HexRecord[] | null {
  const records = text
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map(parseLine)
  const whole = records.filter((record) => record !== null)
  return whole.length === records.length ? whole : null
}

/** Null for what is no record; its sum must be right. */
function parseLine(line: string): HexRecord | null {
  if (!/^:(?:[0-9A-Fa-f]{2}){5,260}$/.test(line)) return null
  const bytes = Uint8Array.from({ length: (line.length - 1) / 2 }, (_, i) =>
    Number.parseInt(line.slice(1 + 2 * i, 3 + 2 * i), 16),
  )
  const [length = 0, high = 0, low = 0, kind = 0] = bytes
  if (bytes.length !== length + 5 || bytes.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) return null
  const record = { offset: high * 256 + low, type: kind, data: bytes.slice(4, 4 + length) }
  const wanted: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 4, 4: 2, 5: 4 }
  return kind > 5 || (wanted[kind] ?? length) !== length ? null : record
}

/** Runs of records that follow each other; a record shorter than the longest ends one. */
function segmentsOf(
  records: readonly HexRecord[],
  recordBytes: number,
): readonly (FileSegment & { readonly bytes: Uint8Array })[] {
  const runs: { address: number; length: number; parts: Uint8Array[]; isOpen: boolean }[] = []
  let upper = 0
  for (const record of records) {
    if (record.type === type.linear) upper = ((record.data[0] ?? 0) * 256 + (record.data[1] ?? 0)) * 65536
    else if (record.type === type.segment) upper = ((record.data[0] ?? 0) * 256 + (record.data[1] ?? 0)) * 16
    else if (record.type === type.data) {
      const address = upper + record.offset
      const last = runs.at(-1)
      if (last?.isOpen === true && last.address + last.length === address) {
        last.parts.push(record.data)
        last.length += record.data.length
        last.isOpen = record.data.length === recordBytes
      } else {
        const isOpen = record.data.length === recordBytes
        runs.push({ address, length: record.data.length, parts: [record.data], isOpen })
      }
    }
  }
  return runs.map(({ address, length, parts }) => {
    const bytes = new Uint8Array(length)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    return { address, length, bytes }
  })
}

function wrap(content: Uint8Array, recipe: Uint8Array, layOut: LayOut): Uint8Array {
  const reader = new RecipeReader(recipe)
  const flags = reader.number()
  const recordBytes = reader.number()
  if (recordBytes < 1 || recordBytes > 255) throw new DeltaError("bad-header", `records of ${recordBytes} bytes`)
  const startType = reader.number()
  const start = startType === 0 ? 0 : reader.number()
  const segments = reader.segments(content, layOut)
  const size = segments.reduce((sum, { length }) => sum + 16 + 2 * length + 16 * Math.ceil(length / recordBytes), 100)
  if (size > largestFile) throw new DeltaError("bad-header", "the wrapped file would be too large")
  const lines: string[] = []
  const write = (kind: number, offset: number, data: Uint8Array): void => {
    lines.push(recordText({ offset, type: kind, data }))
  }
  let upper = (flags & flag.firstUpper) === 0 ? 0 : -1
  for (const { address, bytes } of segments) {
    for (let at = 0; at < bytes.length; ) {
      const here = address + at
      const wanted = Math.floor(here / 65536)
      if (wanted !== upper) {
        upper = wanted
        const value = (flags & flag.segmented) === 0 ? wanted : (wanted & 15) << 12
        write((flags & flag.segmented) === 0 ? type.linear : type.segment, 0, Uint8Array.of(value >> 8, value & 255))
      }
      const length = Math.min(recordBytes, bytes.length - at, 65536 - (here % 65536))
      write(type.data, here % 65536, bytes.subarray(at, at + length))
      at += length
    }
  }
  if (startType !== 0)
    write(startType, 0, Uint8Array.of(start / 2 ** 24, (start >> 16) & 255, (start >> 8) & 255, start & 255))
  write(type.end, 0, new Uint8Array(0))
  const text = (flags & flag.lowerCase) === 0 ? lines : lines.map((line) => line.toLowerCase())
  const newline = (flags & flag.carriageReturn) === 0 ? "\n" : "\r\n"
  return latin1(text.join(newline) + ((flags & flag.finalNewline) === 0 ? "" : newline))
}

export function recordText({ offset, type: kind, data }: HexRecord): string {
  const bytes = [data.length, offset >> 8, offset & 255, kind, ...data]
  const sum = -bytes.reduce((total, byte) => total + byte, 0) & 255
  return `:${[...bytes, sum].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")}`
}
