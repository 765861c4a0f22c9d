import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Microchip PIC18 (DS39500, chapter 31): CALL, GOTO, BRA, RCALL, conditional branches. */
export function predictPic18(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = window.oldStart & ~1
  if (isFar(window.half(at - 2)) && window.half(at) >>> 12 === 15) at -= 2
  while (at < end) {
    const code = window.half(at)
    if (isFar(code) && window.half(at + 2) >>> 12 === 15) {
      predictFar(window, translation, at)
      at += 4
    } else {
      predictNear(window, translation, at)
      at += 2
    }
  }
}

const isFar = (code: number): boolean => (code & 0xfe00) === 0xec00 || (code & 0xff00) === 0xef00

function predictFar(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  const address = ((code & 0xff) | ((window.half(at + 2) & 0xfff) << 8)) * 2
  const base = translation.regions[0]?.oldAddress ?? 0
  const target = address - base
  const moved = (translation.relative(at, target) + base) >> 1
  const value = (code & 0xff00) | (moved & 0xff) | ((0xf000 | ((moved >> 8) & 0xfff)) << 16)
  window.put(at, 4, value, { kind: Kind.branch, unit: code >> 8, target })
}

function predictNear(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  const bits = (code & 0xf000) === 0xd000 ? 11 : (code & 0xf800) === 0xe000 ? 8 : 0
  if (bits === 0) return window.put(at, 2, code, { kind: Kind.half, unit: code, target: 0 })
  const mask = (1 << bits) - 1
  const target = at + 2 + ((code << (32 - bits)) >> (32 - bits)) * 2
  const distance = (translation.relative(at, target) - at - window.shift - 2) >> 1
  window.put(at, 2, (code & ~mask) | (distance & mask), { kind: Kind.short, unit: code, target })
}
