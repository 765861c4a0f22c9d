import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Arm A64 (DDI 0487, C4): branches, literal loads, ADR, ADRP with the instruction that completes its address. */
export function predictArm64(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const code = window.word(at)
    const field = relativeFields.find((row) => (code & row.mask) >>> 0 === row.value)
    if (field !== undefined) {
      const target = at + ((code << (32 - field.low - field.bits)) >> (32 - field.bits)) * 4
      const distance = (translation.relative(at, target) - (at + window.shift)) >> 2
      const mask = ((1 << field.bits) - 1) << field.low
      const value = (code & ~mask) | ((distance << field.low) & mask)
      window.put(at, 4, value, { kind: field.kind, unit: code & ~mask, target })
    } else if ((code & 0x9f000000) >>> 0 === 0x90000000) predictPage(window, translation, at)
    else if (!predictPageOffset(window, translation, at)) {
      window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
    }
  }
}

/** Instructions with a distance in words: how to know them and where it stands. */
const relativeFields = [
  { mask: 0x7c000000, value: 0x14000000, low: 0, bits: 26, kind: Kind.branch }, // B, BL
  { mask: 0xff000010, value: 0x54000000, low: 5, bits: 19, kind: Kind.wideShort }, // B.cond
  { mask: 0x7e000000, value: 0x34000000, low: 5, bits: 19, kind: Kind.wideShort }, // CBZ, CBNZ
  { mask: 0x7e000000, value: 0x36000000, low: 5, bits: 14, kind: Kind.wideShort }, // TBZ, TBNZ
  { mask: 0x3b000000, value: 0x18000000, low: 5, bits: 19, kind: Kind.wideShort }, // LDR literal
] as const

/** The distance of ADRP in bytes. */
function pageDistance(code: number): number {
  return ((((code << 8) >> 13) << 2) | ((code >>> 29) & 3)) * 4096
}

/** Scale of the 12-bit offset of ADD (immediate), LDR and STR (unsigned offset); -1 for anything else. */
function offsetScale(code: number): number {
  if ((code & 0x7fc00000) >>> 0 === 0x11000000) return 0
  if ((code & 0x3b000000) >>> 0 !== 0x39000000) return -1
  const isVector = (code & 0x04000000) !== 0 && (code & 0x00800000) !== 0 && code >>> 30 === 0
  return isVector ? 4 : code >>> 30
}

function predictPage(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  for (let step = 4; step <= 12; step += 4) {
    const user = window.word(at + step)
    const scale = offsetScale(user)
    if (scale < 0 || ((user >>> 5) & 31) !== (code & 31)) continue
    const target = (at & ~0xfff) + pageDistance(code) + (((user >>> 10) & 0xfff) << scale)
    const here = at + window.shift
    const pages = (Math.floor(translation.relative(at, target) / 4096) - Math.floor(here / 4096)) | 0
    const value = (code & 0x9f00001f) | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5)
    window.put(at, 4, value, { kind: Kind.pair, unit: code, target })
    return
  }
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

function predictPageOffset(window: Window, translation: Translation, at: number): boolean {
  const code = window.word(at)
  const scale = offsetScale(code)
  if (scale < 0) return false
  for (let step = 4; step <= 32; step += 4) {
    const page = window.word(at - step)
    if ((page & 0x9f00001f) >>> 0 !== (0x90000000 | ((code >>> 5) & 31)) >>> 0) continue
    const target = ((at - step) & ~0xfff) + pageDistance(page) + (((code >>> 10) & 0xfff) << scale)
    const moved = translation.relative(at, target)
    const value = (code & ~0x3ffc00) | (((moved & 0xfff) >> scale) << 10)
    window.put(at, 4, value, { kind: Kind.value, unit: code, target })
    return true
  }
  return false
}
