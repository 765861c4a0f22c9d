/**
 * Intel HEX as tools write it and editors leave it, before a strict reader sees it (Intel, Hexadecimal Object File Format
 * Specification, 1988). What cannot change a byte's place or value is tolerated; objcopy and srec_cat witness it.
 */

const record = /^:([0-9A-Fa-f]{2})([0-9A-Fa-f]{4})([0-9A-Fa-f]{2})((?:[0-9A-Fa-f]{2})*)([0-9A-Fa-f]{2})$/
/** A byte order mark, as Latin-1 shows it, and blank lines before the first record. */
const before = /^(?:\xef\xbb\xbf)?[\s\0]*/
/** Blanks, and what CP/M, DOS and some serial tools fill a file's end with: Ctrl-Z and NUL. */
const behind = /[\s\0\x1a]+$/

/** Whether the bytes begin as Intel HEX begins; they are given as Latin-1 text of at least the first hundred bytes. */
export function beginsAsHex(text: string): boolean {
  return text.replace(before, "").startsWith(":")
}

/**
 * The same records, one a line, without:
 * - a byte order mark, blank lines, blanks around a line, Ctrl-Z and NUL at the end;
 * - data records of no bytes;
 * - an offset in records that hold no data (old linkers put the start address into the end record);
 * - data records over a 64 KiB border, which linkers write where addresses are linear: they are cut in two.
 *
 * `physical` maps each upper address of a type 04 record, as a number of bytes, to what the reader shall see. Throws an Error
 * that names the first line that is no record, has another length than it says, or a wrong checksum.
 */
export function plainHex(text: string, physical: (address: number) => number = (address) => address): string {
  const lines: string[] = []
  let upper = 0
  let isLinear = true
  for (const [index, line] of text
    .replace(before, "")
    .replace(behind, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    // Records need no line end between them.
    for (const part of line.trim().split(/(?=:)/)) {
      if (part === "") continue
      const { offset, kind, data } = partsOf(part.trimEnd(), index + 1)
      if (kind === 2) isLinear = false
      if (kind === 4 && data.length === 4) {
        isLinear = true
        upper = physical(Number.parseInt(data, 16) * 0x10000) / 0x10000
        lines.push(recordText(0, 4, hexOf(upper, 4)))
      } else if (kind !== 0) lines.push(recordText(0, kind, data))
      else if (data !== "") lines.push(...dataRecords(offset, data, isLinear ? upper : null))
    }
  }
  return lines.map((line) => `${line}\n`).join("")
}

interface Parts {
  readonly offset: number
  readonly kind: number
  /** Hexadecimal. */
  readonly data: string
}

function partsOf(text: string, line: number): Parts {
  const match = record.exec(text)
  const shown = `"${text.slice(0, 40).replaceAll(/[^\x20-\x7e]/g, "?")}${text.length > 40 ? "…" : ""}"`
  if (match === null) throw new Error(`line ${line} is no record: ${shown}`)
  const [, length = "", offset = "", kind = "", data = ""] = match
  const wanted = Number.parseInt(length, 16)
  if (data.length !== 2 * wanted) {
    throw new Error(`line ${line} says ${wanted} data bytes and has ${data.length / 2}: ${shown}`)
  }
  const sum = sumOf(text.slice(1))
  if (sum !== 0) throw new Error(`Checksum failed at line ${line}: ${shown}, off by ${hexOf(sum, 2)}`)
  return { offset: Number.parseInt(offset, 16), kind: Number.parseInt(kind, 16), data }
}

/** `upper` is null where addresses are segmented: there a record over the border wraps, and is left to be refused. */
function dataRecords(offset: number, data: string, upper: number | null): readonly string[] {
  const room = 0x10000 - offset
  if (upper === null || data.length / 2 <= room) return [recordText(offset, 0, data)]
  return [
    recordText(offset, 0, data.slice(0, 2 * room)),
    recordText(0, 4, hexOf((upper + 1) & 0xffff, 4)),
    recordText(0, 0, data.slice(2 * room)),
    recordText(0, 4, hexOf(upper, 4)),
  ]
}

function recordText(offset: number, kind: number, data: string): string {
  const body = `${hexOf(data.length / 2, 2)}${hexOf(offset, 4)}${hexOf(kind, 2)}${data}`
  return `:${body}${hexOf(-sumOf(body) & 0xff, 2)}`
}

function sumOf(digits: string): number {
  let sum = 0
  for (let at = 0; at < digits.length; at += 2) sum += Number.parseInt(digits.slice(at, at + 2), 16)
  return sum & 0xff
}

function hexOf(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0")
}
