import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Where the value map keeps data addresses of a Harvard machine, apart from its code. */
export const dataSpace = 0x800000

/** Microchip AVR (DS40002198): code in 16-bit words, code addresses count words. */
export function predictAvr(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  let at = window.oldStart & ~1
  if (isTwoWords(window.half(at - 2)) && !isTwoWords(window.half(at - 4))) at -= 2
  while (at < end) {
    const code = window.half(at)
    if (isTwoWords(code)) {
      predictTwoWords(window, translation, at)
      at += 4
    } else {
      predictOneWord(window, translation, at)
      at += 2
    }
  }
}

/** CALL, JMP, LDS, STS. */
function isTwoWords(code: number): boolean {
  return (code & 0xfe0c) === 0x940c || (code & 0xfc0f) === 0x9000
}

function predictTwoWords(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  const operand = window.half(at + 2)
  if ((code & 0xfc0f) === 0x9000) {
    const moved = translation.address(dataSpace + operand)
    const value = moved < 0 ? operand : moved & 0xffff
    window.put(at, 4, code | (value << 16), { kind: Kind.value, unit: code | (operand << 16), target: operand })
    return
  }
  const target = ((((code >> 3) & 0x3e) | (code & 1)) * 65536 + operand) * 2
  const moved = translation.relative(at, target) >> 1
  const high = moved >> 16
  const first = (code & 0xfe0e) | ((high & 0x3e) << 3) | (high & 1)
  window.put(at, 4, first | ((moved & 0xffff) << 16), { kind: Kind.branch, unit: code, target })
}

function predictOneWord(window: Window, translation: Translation, at: number): void {
  const code = window.half(at)
  let value = code
  let target = 0
  if ((code & 0xe000) === 0xc000) {
    target = at + 2 + ((code << 20) >> 19) // RJMP, RCALL
    const distance = translation.relative(at, target) - (at + window.shift) - 2
    value = (code & 0xf000) | ((distance >> 1) & 0xfff)
  } else if ((code & 0xf800) === 0xf000) {
    target = at + 2 + ((code << 22) >> 25) * 2 // BRBS, BRBC
    const distance = translation.relative(at, target) - (at + window.shift) - 2
    value = (code & 0xfc07) | (((distance >> 1) & 0x7f) << 3)
  } else if (isLoadPair(window, at)) {
    return predictLoadPair(window, translation, at)
  } else if (isLoadPair(window, at - 2)) {
    return predictLoadPair(window, translation, at - 2)
  }
  window.put(at, 2, value, { kind: target === 0 ? Kind.half : Kind.short, unit: code, target })
}

/** LDI of a register pair, low byte first. */
function isLoadPair(window: Window, at: number): boolean {
  const low = window.half(at)
  const high = window.half(at + 2)
  return (low & 0xf010) === 0xe000 && (high & 0xf000) === 0xe000 && (high & 0xf0) === (low & 0xf0) + 0x10
}

const loaded = (code: number): number => ((code >> 4) & 0xf0) | (code & 0x0f)
const withLoaded = (code: number, byte: number): number => (code & 0xf0f0) | ((byte & 0xf0) << 4) | (byte & 0x0f)

function predictLoadPair(window: Window, translation: Translation, at: number): void {
  const low = window.half(at)
  const high = window.half(at + 2)
  const target = loaded(low) | (loaded(high) << 8)
  const moved = translation.address(dataSpace + target)
  const value = moved < 0 ? target : moved & 0xffff
  const whole = withLoaded(low, value & 0xff) | (withLoaded(high, value >> 8) << 16)
  window.put(at, 4, whole, { kind: Kind.pair, unit: low | (high << 16), target })
}
