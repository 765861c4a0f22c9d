import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Telink TC32: the formats of Thumb-1 under other operation codes. */
export function predictTc32(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = window.oldStart & ~1
  if (isCall(window, at - 2)) at -= 2
  while (at < end) {
    if (isCall(window, at)) {
      predictCall(window, translation, at)
      at += 4
    } else {
      predictHalf(window, translation, at)
      at += 2
    }
  }
}

/** TJL: two halves with 11 bits of distance each. */
function isCall(window: Window, at: number): boolean {
  return (window.half(at) & 0xf800) === 0x9000 && (window.half(at + 2) & 0xf800) === 0x9800
}

function predictCall(window: Window, translation: Translation, at: number): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const target = at + 4 + (((first << 21) >> 9) | ((second & 0x7ff) << 1))
  const distance = translation.relative(at, target) - at - window.shift - 4
  const value = 0x9000 | ((distance >> 12) & 0x7ff) | ((0x9800 | ((distance >> 1) & 0x7ff)) << 16)
  window.put(at, 4, value, { kind: Kind.branch, unit: 0x9800, target })
}

function predictHalf(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  const here = at + window.shift
  let value = code
  let target = 0
  if ((code & 0xf800) === 0x0800) {
    target = ((at + 4) & ~3) + (code & 0xff) * 4 // TLOADR from the literal pool
    const distance = translation.relative(at, target) - ((here + 4) & ~3)
    if (distance >= 0 && distance < 1024 && (distance & 3) === 0) value = (code & 0xff00) | (distance >> 2)
  } else if ((code & 0xf000) === 0xc000) {
    target = at + 4 + ((code << 24) >> 23) // TJ with a condition
    value = (code & 0xff00) | (((translation.relative(at, target) - here - 4) >> 1) & 0xff)
  } else if ((code & 0xf800) === 0x8000) {
    target = at + 4 + ((code << 21) >> 20) // TJ
    value = (code & 0xf800) | (((translation.relative(at, target) - here - 4) >> 1) & 0x7ff)
  }
  window.put(at, 2, value, { kind: target === 0 ? Kind.half : Kind.short, unit: code, target })
}
