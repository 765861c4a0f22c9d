import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Cadence Xtensa, little-endian, with narrow instructions: CALL, J, branches, L32R. */
export function predictXtensa(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  // Lengths of two and three bytes: a decoder that starts anywhere falls into step within a few instructions.
  let at = (window.oldStart & ~3) - 24
  while (at < end) {
    const operation = window.byte(at) & 15
    if (operation >= 8 && operation <= 13) {
      if (at + 2 > window.oldStart) predictNarrow(window, translation, at)
      at += 2
    } else {
      if (at + 3 > window.oldStart) predictWide(window, translation, at)
      at += 3
    }
  }
}

function predictNarrow(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  if ((code & 0x8f) === 0x8c) {
    const target = at + 4 + ((code & 0x30) | (code >> 12)) // BEQZ.N, BNEZ.N
    const distance = translation.relative(at, target) - at - window.shift - 4
    const value = distance >= 0 && distance < 64 ? (code & 0x0fcf) | (distance & 0x30) | ((distance & 15) << 12) : code
    window.put(at, 2, value, { kind: Kind.short, unit: code, target })
  } else window.put(at, 2, code, { kind: Kind.half, unit: code, target: 0 })
}

function predictWide(window: Window, translation: Translation, at: number): void {
  const code = window.word(at) & 0xffffff
  const operation = code & 15
  const here = at + window.shift
  if (operation === 5) {
    const target = (at & ~3) + 4 + ((code << 8) >> 14) * 4
    const distance = (translation.relative(at, target) - (here & ~3) - 4) >> 2
    window.put(at, 3, (code & 0x3f) | ((distance & 0x3ffff) << 6), { kind: Kind.branch, unit: code & 0x3f, target })
  } else if (operation === 1) {
    const target = ((at + 3) & ~3) + ((code >> 8) | ~0xffff) * 4
    const distance = (translation.relative(at, target) - ((here + 3) & ~3)) >> 2
    window.put(at, 3, (code & 0xff) | ((distance & 0xffff) << 8), { kind: Kind.pointer, unit: code & 0xff, target })
  } else if (operation === 6 || operation === 7) predictBranch(window, translation, at)
  else window.put(at, 3, code, { kind: Kind.word, unit: code, target: 0 })
}

/** J has 18 bits of distance, BEQZ … BGEZ 12, the others 8; BEQI and the loops share the format and are left as they are if they do not fit. */
function predictBranch(window: Window, translation: Translation, at: number): void {
  const code = window.word(at) & 0xffffff
  const form = (code >> 4) & 3
  const bits = (code & 15) === 7 ? 8 : form === 0 ? 18 : form === 1 ? 12 : 8
  const isEntry = (code & 0xff) === 0x36
  if (isEntry) return window.put(at, 3, code, { kind: Kind.word, unit: code, target: 0 })
  const target = at + 4 + ((code << 8) >> (32 - bits))
  const distance = translation.relative(at, target) - at - window.shift - 4
  const keep = (1 << (24 - bits)) - 1
  const value = (code & keep) | ((distance << (24 - bits)) & 0xffffff)
  window.put(at, 3, value, { kind: Kind.wideShort, unit: code & keep, target })
}

/** The same in big-endian order, as in the processors of Qualcomm Atheros: fields are in the same order from the other end. */
export function predictXtensaBig(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = (window.oldStart & ~3) - 24
  while (at < end) {
    const operation = window.byte(at) >> 4
    if (operation >= 8 && operation <= 13) {
      if (at + 2 > window.oldStart) predictNarrowBig(window, translation, at)
      at += 2
    } else {
      if (at + 3 > window.oldStart) predictWideBig(window, translation, at)
      at += 3
    }
  }
}

const turned = (code: number): number => ((code & 0xff) << 16) | (code & 0xff00) | ((code >> 16) & 0xff)

function predictNarrowBig(window: Window, translation: Translation, at: number): void {
  const code = (window.byte(at) << 8) | window.byte(at + 1)
  const put = (value: number, kind: number, target: number): void =>
    window.put(at, 2, (value >> 8) | ((value & 0xff) << 8), { kind, unit: code, target })
  if ((code & 0xf800) !== 0xc800) return put(code, Kind.half, 0)
  const target = at + 4 + (((code >> 4) & 0x30) | (code & 15)) // BEQZ.N, BNEZ.N
  const distance = translation.relative(at, target) - at - window.shift - 4
  const fits = distance >= 0 && distance < 64
  put(fits ? (code & 0xfcf0) | ((distance & 0x30) << 4) | (distance & 15) : code, Kind.short, target)
}

/** Distances are the lowest bits, as many as in `predictWide` and `predictBranch`. */
function predictWideBig(window: Window, translation: Translation, at: number): void {
  const code = turned(window.word(at))
  const here = at + window.shift
  const operation = code >>> 20
  const form = (code >> 18) & 3
  const put = (bits: number, distance: number, note: { readonly kind: number; readonly target: number }): void => {
    const mask = (1 << bits) - 1
    const value = (code & ~mask) | (distance & mask)
    window.put(at, 3, turned(value), { ...note, unit: code & ~mask })
  }
  if (operation === 5) {
    const target = (at & ~3) + 4 + ((code << 14) >> 14) * 4
    put(18, (translation.relative(at, target) - (here & ~3) - 4) >> 2, { kind: Kind.branch, target })
  } else if (operation === 1) {
    const target = ((at + 3) & ~3) + ((code & 0xffff) | ~0xffff) * 4
    put(16, (translation.relative(at, target) - ((here + 3) & ~3)) >> 2, { kind: Kind.pointer, target })
  } else if ((operation === 6 || operation === 7) && code >>> 16 !== 0x6c) {
    const bits = operation === 7 ? 8 : form === 0 ? 18 : form === 1 ? 12 : 8
    const target = at + 4 + ((code << (32 - bits)) >> (32 - bits))
    put(bits, translation.relative(at, target) - here - 4, { kind: Kind.wideShort, target })
  } else window.put(at, 3, turned(code), { kind: Kind.word, unit: code, target: 0 })
}
