import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Lengths of the 256 instructions of the MCS-51, two bits each, from operation code 0x00 on. */
const lengths =
  "1231121111111111" +
  "3231121111111111" +
  "3211221111111111" +
  "3211221111111111" +
  "2223221111111111" +
  "2223221111111111" +
  "2223221111111111" +
  "2221232222222222" +
  "2221132222222222" +
  "3221221111111111" +
  "2221112222222222" +
  "2221333333333333" +
  "2221121111111111" +
  "2221131122222222" +
  "1211121111111111" +
  "1211121111111111"

const lengthOf = Uint8Array.from(lengths, Number)
const bankSize = 0x8000

/** MCS-51 with code banks of 32 KB above a common bank: LCALL, LJMP, MOV DPTR, ACALL, AJMP and relative jumps. */
export function predict8051(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = (window.oldStart & ~3) - 24
  while (at < end) {
    const length = lengthOf[window.byte(at)] as number
    if (at + length > window.oldStart) predictOne(window, translation, { at, length })
    at += length
  }
}

/** File offset of a 16-bit code address used at a file offset. */
function bankedOffset(at: number, address: number): number {
  return address < bankSize ? address : Math.max(1, Math.floor(at / bankSize)) * bankSize + (address & (bankSize - 1))
}

function predictOne(window: Window, translation: Translation, unit: { at: number; length: number }): void {
  const { at, length } = unit
  const operation = window.byte(at)
  const here = at + window.shift
  if (operation === 0x12 || operation === 0x02 || operation === 0x90) {
    const address = (window.byte(at + 1) << 8) | window.byte(at + 2)
    const target = bankedOffset(at, address)
    const moved = (address & bankSize) | (translation.relative(at, target) & (bankSize - 1))
    const value = operation | ((moved >> 8) << 8) | ((moved & 0xff) << 16)
    return window.put(at, 3, value, { kind: operation === 0x90 ? Kind.pair : Kind.branch, unit: operation, target })
  }
  const code = window.word(at) & (0xffffff >> (8 * (3 - length)))
  if (isRelative(operation)) {
    const position = length - 1
    const target = at + length + ((window.byte(at + position) << 24) >> 24)
    const distance = (translation.relative(at, target) - here - length) & 0xff
    const value = (code & ~(0xff << (8 * position))) | (distance << (8 * position))
    return window.put(at, length, value, { kind: length === 2 ? Kind.short : Kind.wideShort, unit: operation, target })
  }
  window.put(at, length, code, { kind: length < 3 ? Kind.half : Kind.word, unit: code, target: 0 })
}

/** SJMP, JZ, JNZ, JC, JNC, JB, JNB, JBC, CJNE, DJNZ. */
function isRelative(operation: number): boolean {
  if ([0x80, 0x60, 0x70, 0x40, 0x50, 0x20, 0x30, 0x10, 0xd5].includes(operation)) return true
  return (operation >= 0xb4 && operation <= 0xbf) || (operation >= 0xd8 && operation <= 0xdf)
}
