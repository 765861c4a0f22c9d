import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/**
 * Qualcomm Hexagon (V5 and later; "Hexagon Programmer's Reference Manual", 80-N2040): words in packets of up to four, whose
 * branches count from the packet's start: call, jump, conditional jump, and constants of 32 bits in two words.
 */
export function predictHexagon(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const code = window.word(at)
    const bits = branchBits(code)
    if (bits > 0) predictBranch(window, translation, at, bits)
    else if (isExtender(code) && isMove(window.word(at + 4))) predictConstant(window, translation, at)
    else if (isMove(code) && isExtender(window.word(at - 4))) predictConstant(window, translation, at - 4)
    else window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
  }
}

/** Bits of the distance, in words: 22 of jump and call, 15 of conditional ones, 0 for what is no branch. */
function branchBits(code: number): number {
  const kind = code >>> 25
  if (kind === 0x2c || kind === 0x2d) return 22
  return code >>> 24 === 0x5c || code >>> 24 === 0x5d ? 15 : 0
}

/** Where the packet of the word at `at` begins: behind the last word that ends one, by bits 14 and 15. */
function packetStart(window: Window, at: number): number {
  let start = at
  for (let i = 0; i < 3; i++) {
    const parse = (window.word(start - 4) >>> 14) & 3
    if (parse === 3 || parse === 0) break
    start -= 4
  }
  return start
}

function distanceOf(code: number, bits: number): number {
  const raw =
    bits === 22
      ? (((code >>> 16) & 0x1ff) << 13) | ((code >>> 1) & 0x1fff)
      : (((code >>> 22) & 3) << 13) | (((code >>> 16) & 31) << 8) | (((code >>> 13) & 1) << 7) | ((code >>> 1) & 0x7f)
  return ((raw << (32 - bits)) >> (32 - bits)) * 4
}

function withDistance(code: number, bits: number, distance: number): number {
  const d = distance >> 2
  if (bits === 22) return (code & 0xfe00c001) | (((d >> 13) & 0x1ff) << 16) | ((d & 0x1fff) << 1)
  return (
    (code & 0xff20df01) | (((d >> 13) & 3) << 22) | (((d >> 8) & 31) << 16) | (((d >> 7) & 1) << 13) | ((d & 0x7f) << 1)
  )
}

function predictBranch(window: Window, translation: Translation, at: number, bits: number): void {
  const code = window.word(at)
  const start = packetStart(window, at)
  const target = start + distanceOf(code, bits)
  const moved = withDistance(code, bits, translation.relative(at, target) - start - window.shift)
  window.put(at, 4, moved, {
    kind: bits === 22 ? Kind.branch : Kind.wideShort,
    unit: withDistance(code, bits, 0),
    target,
  })
}

/** Upper 26 bits of a constant. */
const isExtender = (code: number): boolean => code >>> 28 === 0
/** Rd = #s16, which takes its lowest six bits from behind an extender. */
const isMove = (code: number): boolean => code >>> 24 === 0x78

function predictConstant(window: Window, translation: Translation, at: number): void {
  const upper = window.word(at)
  const lower = window.word(at + 4)
  const value = ((((upper >>> 16) & 0xfff) << 20) | ((upper & 0x3fff) << 6) | ((lower >>> 5) & 63)) >>> 0
  const known = translation.address(value)
  const moved = known < 0 ? value : known
  const note = { kind: Kind.pair, unit: lower & 0xffffc01f, target: value | 0 }
  window.put(at, 4, (upper & 0xf000c000) | (((moved >>> 20) & 0xfff) << 16) | ((moved >>> 6) & 0x3fff), note)
  window.put(at + 4, 4, (lower & ~(63 << 5)) | ((moved & 63) << 5), note)
}
