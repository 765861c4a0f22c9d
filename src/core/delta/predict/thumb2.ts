import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Arm Thumb and Thumb-2 (Armv6-M, v7-M, v8-M), little-endian: DDI 0403, chapters A5 and A7. */
export function predictThumb2(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = firstUnit(window)
  while (at < end) {
    const first = window.half(at)
    if (first >>> 11 >= 0x1d) {
      predictWide(window, translation, at)
      at += 4
    } else {
      predictNarrow(window, translation, at, first)
      at += 2
    }
  }
}

/** A halfword is the second of an instruction when an odd number of possible first halves stands right before it. */
function firstUnit(window: Window): number {
  const start = window.oldStart & ~1
  let before = 0
  while (before < 12 && window.half(start - 2 - 2 * before) >>> 11 >= 0x1d) before++
  return (before & 1) === 1 ? start - 2 : start
}

function predictNarrow(window: Window, translation: Translation, at: number, code: number): void {
  const here = at + window.shift
  let value = code
  let target = 0
  if ((code & 0xf800) === 0x4800 || (code & 0xf800) === 0xa000) {
    target = ((at + 4) & ~3) + (code & 0xff) * 4 // LDR literal, ADR
    const distance = translation.relative(at, target) - ((here + 4) & ~3)
    if (distance >= 0 && distance < 1024 && (distance & 3) === 0) value = (code & 0xff00) | (distance >> 2)
  } else if ((code & 0xf500) === 0xb100) {
    target = at + 4 + (((code >> 3) & 0x1f) << 1) + (((code >> 9) & 1) << 6) // CBZ, CBNZ
    const distance = translation.relative(at, target) - here - 4
    if (distance >= 0 && distance < 128)
      value = (code & ~0x02f8) | (((distance >> 1) & 0x1f) << 3) | (((distance >> 6) & 1) << 9)
  } else if ((code & 0xf000) === 0xd000 && (code & 0x0e00) !== 0x0e00) {
    target = at + 4 + ((code << 24) >> 23) // B<cond>
    const distance = translation.relative(at, target) - here - 4
    if (distance >= -256 && distance < 256) value = (code & 0xff00) | ((distance >> 1) & 0xff)
  } else if ((code & 0xf800) === 0xe000) {
    target = at + 4 + ((code << 21) >> 20) // B
    const distance = translation.relative(at, target) - here - 4
    if (distance >= -2048 && distance < 2048) value = (code & 0xf800) | ((distance >> 1) & 0x7ff)
  }
  window.put(at, 2, value, { kind: target === 0 ? Kind.half : Kind.short, unit: code, target })
}

function predictWide(window: Window, translation: Translation, at: number): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const code = first | (second << 16)
  if ((first & 0xf800) === 0xf000 && (second & 0x8000) !== 0) {
    if ((second & 0x5000) !== 0) return predictLongBranch(window, translation, at)
    if ((first & 0x0380) !== 0x0380) return predictWideConditional(window, translation, at)
  } else if ((first & 0xff7f) === 0xf85f || (first & 0xff3f) === 0xed1f) {
    return predictWideLiteral(window, translation, at)
  } else if ((first & 0xfbf0) === 0xf240 && (second & 0x8000) === 0) {
    if (predictMovePair(window, translation, at)) return
  }
  if (isMovePair(window, at - 4) && predictMovePair(window, translation, at - 4)) return
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

/** BL, BLX and B.W: S:I1:I2:imm10:imm11:0 with I = NOT (J EOR S). */
function predictLongBranch(window: Window, translation: Translation, at: number): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const sign = (first >> 10) & 1
  const i1 = ((second >> 13) & 1) ^ sign ^ 1
  const i2 = ((second >> 11) & 1) ^ sign ^ 1
  const distance = (-sign << 24) | (i1 << 23) | (i2 << 22) | ((first & 0x3ff) << 12) | ((second & 0x7ff) << 1)
  const isExchange = (second & 0x5000) === 0x4000
  const from = isExchange ? (at + 4) & ~3 : at + 4
  const target = from + distance
  const here = at + window.shift
  const moved = translation.relative(at, target) - (isExchange ? (here + 4) & ~3 : here + 4)
  const newSign = (moved >> 24) & 1
  const j1 = ((moved >> 23) & 1) ^ newSign ^ 1
  const j2 = ((moved >> 22) & 1) ^ newSign ^ 1
  const newFirst = 0xf000 | (newSign << 10) | ((moved >> 12) & 0x3ff)
  const newSecond = (second & 0xd000) | (j1 << 13) | (j2 << 11) | ((moved >> 1) & 0x7ff)
  window.put(at, 4, newFirst | (newSecond << 16), { kind: Kind.branch, unit: second & 0xd000, target })
}

/** B<cond>.W: S:J2:J1:imm6:imm11:0. */
function predictWideConditional(window: Window, translation: Translation, at: number): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const distance =
    (-((first >> 10) & 1) << 20) |
    (((second >> 11) & 1) << 19) |
    (((second >> 13) & 1) << 18) |
    ((first & 0x3f) << 12) |
    ((second & 0x7ff) << 1)
  const target = at + 4 + distance
  const moved = translation.relative(at, target) - (at + window.shift + 4)
  const newFirst = (first & ~0x043f) | (((moved >> 20) & 1) << 10) | ((moved >> 12) & 0x3f)
  const newSecond =
    (second & 0xd000) | (((moved >> 19) & 1) << 11) | (((moved >> 18) & 1) << 13) | ((moved >> 1) & 0x7ff)
  window.put(at, 4, newFirst | (newSecond << 16), { kind: Kind.wideShort, unit: first, target })
}

/** LDR.W literal (imm12) and VLDR literal (imm8 words), both with a sign bit for "add". */
function predictWideLiteral(window: Window, translation: Translation, at: number): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const isFloat = (first & 0xff3f) === 0xed1f
  const size = isFloat ? (second & 0xff) * 4 : second & 0xfff
  const isUp = (first & 0x80) !== 0
  const target = ((at + 4) & ~3) + (isUp ? size : -size)
  const moved = translation.relative(at, target) - ((at + window.shift + 4) & ~3)
  const newSize = Math.abs(moved)
  let value = first | (second << 16)
  if (newSize < (isFloat ? 1024 : 4096)) {
    const newFirst = moved === 0 || moved > 0 === isUp ? first : first ^ 0x80
    const newSecond = isFloat ? (second & 0xff00) | (newSize >> 2) : (second & 0xf000) | newSize
    value = newFirst | (newSecond << 16)
  }
  window.put(at, 4, value, { kind: Kind.wideShort, unit: first | (second << 16), target })
}

function moveImmediate(first: number, second: number): number {
  return ((first & 0xf) << 12) | (((first >> 10) & 1) << 11) | (((second >> 12) & 7) << 8) | (second & 0xff)
}

function withImmediate(first: number, second: number, value: number): number {
  const newFirst = (first & ~0x040f) | (value >> 12) | (((value >> 11) & 1) << 10)
  const newSecond = (second & 0x8f00) | (((value >> 8) & 7) << 12) | (value & 0xff)
  return newFirst | (newSecond << 16)
}

function isMovePair(window: Window, at: number): boolean {
  return (
    (window.half(at) & 0xfbf0) === 0xf240 &&
    (window.half(at + 4) & 0xfbf0) === 0xf2c0 &&
    ((window.half(at + 2) ^ window.half(at + 6)) & 0x8f00) === 0
  )
}

/** MOVW and MOVT of one register side by side load an address. */
function predictMovePair(window: Window, translation: Translation, at: number): boolean {
  if (!isMovePair(window, at)) return false
  const low = moveImmediate(window.half(at), window.half(at + 2))
  const high = moveImmediate(window.half(at + 4), window.half(at + 6))
  const target = ((high << 16) | low) >>> 0
  const moved = translation.address(target)
  const value = moved < 0 ? target : moved
  const note = { kind: Kind.pair, unit: window.half(at + 2), target: target | 0 }
  window.put(at, 4, withImmediate(window.half(at), window.half(at + 2), value & 0xffff), note)
  window.put(at + 4, 4, withImmediate(window.half(at + 4), window.half(at + 6), value >>> 16), note)
  return true
}
