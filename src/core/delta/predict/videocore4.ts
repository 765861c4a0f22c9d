import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Broadcom VideoCore IV scalar code: instructions of 16, 32, 48 and 80 bits; branches and LEA count from their own start. */
export function predictVideocore4(window: Window, translation: Translation): void {
  predict(window, translation, false)
}

/** The same, but what would refer to another region is taken for data: this code calls nothing outside its image. */
export function predictVideocore4Near(window: Window, translation: Translation): void {
  predict(window, translation, true)
}

function predict(window: Window, translation: Translation, isNearOnly: boolean): void {
  const end = window.oldStart + window.length
  // A decoder that starts anywhere falls into step within a few instructions.
  let at = (window.oldStart & ~1) - 24
  while (at < end) {
    const length = lengthOf(window.half(at))
    if (at + length > window.oldStart) predictOne(window, translation, at, { length, isNearOnly })
    at += length
  }
}

function lengthOf(code: number): number {
  if (code < 0x8000) return 2
  if (code < 0xe000) return 4
  return code < 0xf800 ? 6 : 10
}

function predictOne(
  window: Window,
  translation: Translation,
  at: number,
  { length, isNearOnly }: { readonly length: number; readonly isNearOnly: boolean },
): void {
  const code = window.half(at)
  const here = at + window.shift
  if ((code & 0xf800) === 0x1800) {
    const target = at + ((code << 25) >> 24) // B<cond>, 7 bits
    const distance = translation.relative(at, target) - here
    window.put(at, 2, (code & 0xff80) | ((distance >> 1) & 0x7f), { kind: Kind.short, unit: code, target })
  } else if (length === 4 && code >>> 12 === 9) {
    predictBranch(window, translation, at, isNearOnly)
  } else if (length === 6 && (code & 0xffe0) === 0xe500) {
    const distance = window.half(at + 2) | (window.half(at + 4) << 16) | 0 // LEA, 32 bits
    const target = at + distance
    if (isNearOnly && !translation.isNear(at, target)) {
      window.put(at, 2, code, { kind: Kind.half, unit: code, target: 0 })
      window.put(at + 2, 4, distance, { kind: Kind.word, unit: distance, target: 0 })
      return
    }
    const moved = (translation.relative(at, target) - here) | 0
    window.put(at, 2, code, { kind: Kind.half, unit: code, target: 0 })
    window.put(at + 2, 4, moved, { kind: Kind.pointer, unit: distance, target })
  } else {
    for (let i = 0; i < length; i += 4) {
      const size = Math.min(4, length - i)
      const word = size === 2 ? window.half(at + i) : window.half(at + i) | (window.half(at + i + 2) << 16)
      window.put(at + i, size, word, { kind: size === 2 ? Kind.half : Kind.word, unit: word, target: 0 })
    }
  }
}

/** B<cond> with 23 bits of distance, BL with 27; the first half is the upper one. */
function predictBranch(window: Window, translation: Translation, at: number, isNearOnly: boolean): void {
  const first = window.half(at)
  const second = window.half(at + 2)
  const isCall = (first & 0x80) !== 0
  const bits = isCall ? 27 : 23
  const raw = isCall ? (((first >> 8) & 15) << 23) | ((first & 0x7f) << 16) | second : ((first & 0x7f) << 16) | second
  const target = at + ((raw << (32 - bits)) >> (32 - bits)) * 2
  if (isNearOnly && !translation.isNear(at, target)) {
    window.put(at, 4, first | (second << 16), { kind: Kind.word, unit: first | (second << 16), target: 0 })
    return
  }
  const moved = (translation.relative(at, target) - at - window.shift) >> 1
  const high = isCall
    ? (first & 0xf080) | (((moved >> 23) & 15) << 8) | ((moved >> 16) & 0x7f)
    : (first & 0xff80) | ((moved >> 16) & 0x7f)
  window.put(at, 4, high | ((moved & 0xffff) << 16), { kind: Kind.branch, unit: first & 0xff80, target })
}
