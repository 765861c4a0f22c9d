import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** RISC-V RV32 with the C extension: JAL, branches, AUIPC and LUI pairs, C.J, C.JAL, C.BEQZ, C.BNEZ. */
export function predictRiscv(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = firstUnit(window)
  while (at < end) {
    if ((window.half(at) & 3) === 3) {
      predictWide(window, translation, at)
      at += 4
    } else {
      predictCompressed(window, translation, at)
      at += 2
    }
  }
}

/** As for Thumb: second halves follow an odd number of possible first halves. */
function firstUnit(window: Window): number {
  const start = window.oldStart & ~1
  let before = 0
  while (before < 14 && (window.half(start - 2 - 2 * before) & 3) === 3) before++
  return (before & 1) === 1 ? start - 2 : start
}

function predictCompressed(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  const operation = code & 0xe003
  let value = code
  let target = 0
  if (operation === 0xa001 || operation === 0x2001) {
    target = at + jumpDistance(code)
    value = (code & 0xe003) | jumpField(translation.relative(at, target) - at - window.shift)
  } else if (operation === 0xc001 || operation === 0xe001) {
    target = at + branchDistance(code)
    value = (code & 0xe383) | branchField(translation.relative(at, target) - at - window.shift)
  }
  window.put(at, 2, value, { kind: target === 0 ? Kind.half : Kind.short, unit: code, target })
}

const bit = (value: number, from: number, to: number): number => ((value >> from) & 1) << to

/** imm[11|4|9:8|10|6|7|3:1|5] in bits 12 … 2. */
function jumpDistance(c: number): number {
  const low = bit(c, 3, 1) | bit(c, 4, 2) | bit(c, 5, 3) | bit(c, 11, 4) | bit(c, 2, 5) | bit(c, 7, 6) | bit(c, 6, 7)
  return low | bit(c, 9, 8) | bit(c, 10, 9) | bit(c, 8, 10) | (-((c >> 12) & 1) << 11)
}

function jumpField(d: number): number {
  const low = bit(d, 1, 3) | bit(d, 2, 4) | bit(d, 3, 5) | bit(d, 4, 11) | bit(d, 5, 2) | bit(d, 6, 7) | bit(d, 7, 6)
  return low | bit(d, 8, 9) | bit(d, 9, 10) | bit(d, 10, 8) | bit(d, 11, 12)
}

/** imm[8|4:3] in bits 12 … 10, imm[7:6|2:1|5] in bits 6 … 2. */
function branchDistance(c: number): number {
  const low = bit(c, 3, 1) | bit(c, 4, 2) | bit(c, 10, 3) | bit(c, 11, 4) | bit(c, 2, 5) | bit(c, 5, 6) | bit(c, 6, 7)
  return low | (-((c >> 12) & 1) << 8)
}

function branchField(d: number): number {
  const low = bit(d, 1, 3) | bit(d, 2, 4) | bit(d, 3, 10) | bit(d, 4, 11) | bit(d, 5, 2) | bit(d, 6, 5) | bit(d, 7, 6)
  return low | bit(d, 8, 12)
}

function predictWide(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const operation = code & 0x7f
  const here = at + window.shift
  if (operation === 0x6f) {
    const distance =
      ((code >> 31) << 20) | (code & 0xff000) | (((code >> 20) & 1) << 11) | (((code >> 21) & 0x3ff) << 1)
    const d = translation.relative(at, at + distance) - here
    const field = (((d >> 20) & 1) << 31) | (((d >> 1) & 0x3ff) << 21) | (((d >> 11) & 1) << 20) | (d & 0xff000)
    window.put(at, 4, (code & 0xfff) | field, { kind: Kind.branch, unit: code & 0xfff, target: at + distance })
  } else if (operation === 0x63) {
    const distance =
      ((code >> 31) << 12) | (((code >> 7) & 1) << 11) | (((code >> 25) & 0x3f) << 5) | (((code >> 8) & 0xf) << 1)
    const d = translation.relative(at, at + distance) - here
    const field = (((d >> 12) & 1) << 31) | (((d >> 5) & 0x3f) << 25) | (((d >> 1) & 0xf) << 8) | (((d >> 11) & 1) << 7)
    window.put(at, 4, (code & 0x01fff07f) | field, {
      kind: Kind.wideShort,
      unit: code & 0x01fff07f,
      target: at + distance,
    })
  } else if (operation === 0x37 || operation === 0x17) predictUpper(window, translation, at)
  else if (!predictLower(window, translation, at)) window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

/** The signed 12-bit offset of an instruction that may complete an address, or null: ADDI, loads, JALR, stores. */
function lowerOffset(code: number): number | null {
  const operation = code & 0x7f
  if (operation === 0x23 || operation === 0x27) return ((code >> 25) << 5) | ((code >> 7) & 31)
  if (operation === 0x03 || operation === 0x07 || operation === 0x67 || (code & 0x707f) === 0x13) return code >> 20
  return null
}

const baseRegister = (code: number): number => (code >>> 15) & 31
const resultRegister = (code: number): number => (code >>> 7) & 31

function predictUpper(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  for (let step = 4; step <= 12; step += 2) {
    const lower = window.word(at + step)
    if ((lower & 3) !== 3 || baseRegister(lower) !== resultRegister(code)) continue
    const offset = lowerOffset(lower)
    if (offset === null) continue
    const moved = movedPair(window, translation, { at, code, offset })
    const value = (code & 0xfff) | ((moved + 0x800) & 0xfffff000)
    window.put(at, 4, value, { kind: Kind.pair, unit: code, target: moved | 0 })
    return
  }
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

function predictLower(window: Window, translation: Translation, at: number): boolean {
  const code = window.word(at)
  const offset = lowerOffset(code)
  if (offset === null) return false
  for (let step = 2; step <= 28; step += 2) {
    const upper = window.word(at - step)
    const operation = upper & 0x7f
    if ((operation !== 0x37 && operation !== 0x17) || resultRegister(upper) !== baseRegister(code)) continue
    const moved = movedPair(window, translation, { at: at - step, code: upper, offset })
    const isStore = (code & 0x7b) === 0x23
    const value = isStore
      ? (code & 0x01fff07f) | ((moved & 0xfe0) << 20) | ((moved & 0x1f) << 7)
      : (code & 0x000fffff) | (moved << 20)
    window.put(at, 4, value, { kind: Kind.value, unit: code, target: moved | 0 })
    return true
  }
  return false
}

/** What AUIPC (a new distance) or LUI (a new address) and its partner make in the new image. */
function movedPair(
  window: Window,
  translation: Translation,
  pair: { readonly at: number; readonly code: number; readonly offset: number },
): number {
  const sum = (pair.code & 0xfffff000) + pair.offset
  if ((pair.code & 0x7f) === 0x17)
    return (translation.relative(pair.at, pair.at + (sum | 0)) - pair.at - window.shift) | 0
  const moved = translation.address(sum >>> 0)
  return moved < 0 ? sum | 0 : moved | 0
}
