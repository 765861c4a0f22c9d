import { concat, fromLatin1, latin1 } from "../../kit/bytes.ts"
import { DeltaError } from "../delta-error.ts"
import { flag, type HexRecord, parseRecords, recordText, type } from "./intel-hex.ts"
import { asIslands, type FileSegment, RecipeReader, RecipeWriter } from "./segments-recipe.ts"
import { largestFile, type Wrapping } from "./wrapping.ts"

/**
 * Intel HEX of many sections, as linkers for microcontrollers write it: thousands of runs, each ending in a short record, each
 * with its upper address told anew. How it is divided stands behind the data, as part of the content, so that what two
 * files have in common there costs nothing. It is for hosts alone, as `sparseIntelHex`.
 */
export const sectionedIntelHex: Wrapping = { code: 5, name: "sectioned-intel-hex", unwrap, wrap }

const mostSections = 65536

/** Upper-address records before a section: none, its own, or one of zero and then its own. */
type Prelude = 0 | 1 | 2

interface Section extends FileSegment {
  readonly prelude: Prelude
}

function preludeOf(uppers: readonly number[]): Prelude | null {
  if (uppers.length > 2 || (uppers.length === 2 && uppers[0] !== 0)) return null
  return uppers.length as Prelude
}

interface OpenSection {
  address: number
  length: number
  readonly prelude: Prelude
  isOpen: boolean
  readonly parts: Uint8Array[]
}

/**
 * The sections, and what stands where one crosses a border of 64 KB: a prelude, plus 3 where records run over the border
 * and the prelude stands before the first that begins behind it. Null when upper addresses are told in another way.
 */
function sectionsOf(
  records: readonly HexRecord[],
  recordBytes: number,
): { readonly sections: OpenSection[]; readonly crossing: number } | null {
  const sections: OpenSection[] = []
  let crossing = 1
  let runsOver = false
  let uppers: number[] = []
  let upper = 0
  for (const record of records) {
    if (record.type === type.segment) return null
    if (record.type === type.linear) {
      upper = (record.data[0] as number) * 256 + (record.data[1] as number)
      uppers.push(upper)
    }
    if (record.type !== type.data) continue
    const address = upper * 65536 + record.offset
    runsOver ||= record.offset + record.data.length > 65536
    const prelude = preludeOf(uppers)
    if (prelude === null) return null
    uppers = []
    const last = sections.at(-1)
    const follows = last?.isOpen === true && last.address + last.length === address
    const isCrossing = follows && prelude === 1 && record.offset < recordBytes
    if (isCrossing) crossing = prelude + (record.offset > 0 ? 3 : 0)
    if (follows && (prelude === 0 || isCrossing)) {
      last.length += record.data.length
      last.parts.push(record.data)
      last.isOpen = record.data.length === recordBytes
    } else {
      const isOpen = record.data.length === recordBytes
      sections.push({ address, length: record.data.length, prelude, isOpen, parts: [record.data] })
      if (sections.length > mostSections) return null
    }
  }
  return { sections, crossing: (crossing % 3) + (runsOver || crossing > 2 ? 3 : 0) }
}

function unwrap(file: Uint8Array): { readonly content: Uint8Array; readonly recipe: Uint8Array } | null {
  if (file[0] !== 0x3a) return null
  const text = fromLatin1(file)
  const records = parseRecords(text)
  if (records === null) return null
  const recordBytes = records.reduce((most, { type: kind, data }) => Math.max(most, kind === 0 ? data.length : 0), 0)
  const found = sectionsOf(records, recordBytes)
  if (found === null || found.sections.length === 0) return null
  const { places, size } = asIslands(found.sections)
  if (size > largestFile) return null
  const data = new Uint8Array(size).fill(0xff)
  for (const [i, { parts }] of found.sections.entries()) data.set(concat(parts), places[i])
  const division = new RecipeWriter()
  let next = 0
  for (const { address, length, prelude } of found.sections) {
    const gap = address - next
    division.number((gap < 0 ? -gap * 2 - 1 : gap * 2) * 3 + prelude)
    division.number(length)
    next = address + length
  }
  const behind = division.take()
  const start = records.find(({ type: kind }) => kind === type.startSegment || kind === type.startLinear)
  const recipe = new RecipeWriter()
  const isLower = /^:.*[a-f]/m.test(text)
  recipe.number(
    (text.includes("\r\n") ? flag.carriageReturn : 0) |
      (isLower ? flag.lowerCase : 0) |
      (text.endsWith("\n") ? flag.finalNewline : 0) |
      (isLower && /:00000001FF\s*$/.test(text) ? flag.upperCaseEnd : 0),
  )
  for (const value of [recordBytes, found.crossing, behind.length, start?.type ?? 0]) recipe.number(value)
  if (start !== undefined) recipe.number(new DataView(start.data.buffer).getUint32(0))
  return { content: concat([data, behind]), recipe: recipe.take() }
}

/** What stands behind the data. */
function readDivision(bytes: Uint8Array): Section[] {
  const reader = new RecipeReader(bytes)
  const sections: Section[] = []
  let next = 0
  while (reader.left > 0) {
    const value = reader.number()
    const gap = Math.floor(value / 3)
    const address = next + (gap % 2 === 1 ? -(gap + 1) / 2 : gap / 2)
    const length = reader.number()
    next = address + length
    if (address < 0 || next > 2 ** 32 || sections.length === mostSections)
      throw new DeltaError("bad-header", "a division of the wrapped file that makes no sense")
    sections.push({ address, length, prelude: (value % 3) as Prelude })
  }
  return sections
}

function wrap(content: Uint8Array, recipe: Uint8Array): Uint8Array {
  const reader = new RecipeReader(recipe)
  const flags = reader.number()
  const recordBytes = reader.number()
  const crossing = reader.number()
  const behind = reader.number()
  const startType = reader.number()
  const start = startType === 0 ? 0 : reader.number()
  if (recordBytes < 1 || recordBytes > 255 || crossing > 5 || behind > content.length)
    throw new DeltaError("bad-header", "a wrapping that no HEX file has")
  const data = content.subarray(0, content.length - behind)
  const sections = readDivision(content.subarray(content.length - behind))
  const size = sections.reduce((sum, { length }) => sum + 50 + 2 * length + 16 * Math.ceil(length / recordBytes), 100)
  if (size > largestFile) throw new DeltaError("bad-header", "the wrapped file would be too large")
  const { places } = asIslands(sections)
  const lines: string[] = []
  for (const [i, section] of sections.entries()) {
    const from = places[i] as number
    if (from < 0 || from + section.length > data.length)
      throw new DeltaError("bad-header", "a section of the wrapped file lies outside the image")
    writeSection(lines, data.subarray(from, from + section.length), { section, recordBytes, crossing })
  }
  if (startType !== 0)
    lines.push(
      recordText({ offset: 0, type: startType, data: Uint8Array.of(start / 2 ** 24, start >> 16, start >> 8, start) }),
    )
  const text = (flags & flag.lowerCase) === 0 ? lines : lines.map((line) => line.toLowerCase())
  const end = recordText({ offset: 0, type: type.end, data: new Uint8Array(0) })
  text.push((flags & (flag.lowerCase | flag.upperCaseEnd)) === flag.lowerCase ? end.toLowerCase() : end)
  const newline = (flags & flag.carriageReturn) === 0 ? "\n" : "\r\n"
  return latin1(text.join(newline) + ((flags & flag.finalNewline) === 0 ? "" : newline))
}

function writeSection(
  lines: string[],
  bytes: Uint8Array,
  {
    section,
    recordBytes,
    crossing,
  }: { readonly section: Section; readonly recordBytes: number; readonly crossing: number },
): void {
  const upperAddress = (value: number, count: number): void => {
    for (const upper of [0, value].slice(2 - count))
      lines.push(recordText({ offset: 0, type: type.linear, data: Uint8Array.of(upper >> 8, upper & 255) }))
  }
  let upper = Math.floor(section.address / 65536)
  upperAddress(upper, section.prelude)
  for (let at = 0; at < bytes.length; ) {
    const here = section.address + at
    const upperNow = Math.floor(here / 65536)
    if (upperNow !== upper) upperAddress(upperNow, crossing % 3)
    upper = upperNow
    const length = Math.min(recordBytes, bytes.length - at, crossing > 2 ? recordBytes : 65536 - (here % 65536))
    lines.push(recordText({ offset: here % 65536, type: type.data, data: bytes.subarray(at, at + length) }))
    at += length
  }
}
