import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** MIPS32, little-endian (MD00086): J and JAL, branches, and LUI with the instruction that completes its address. */
export function predictMips32(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const code = window.word(at)
    const operation = code >>> 26
    if (operation === 2 || operation === 3) predictJump(window, translation, at)
    else if (operation === 1 || (operation >= 4 && operation <= 7) || (operation >= 20 && operation <= 23)) {
      predictBranch(window, translation, at)
    } else if (operation === 15) predictUpper(window, translation, at)
    else if (
      operation === 9 ||
      operation === 13 ||
      (operation >= 32 && operation <= 46) ||
      operation === 49 ||
      operation === 53
    ) {
      predictLower(window, translation, at)
    } else window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
  }
}

/** The target keeps the upper four bits of the program counter. */
function predictJump(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const base = translation.regions[0]?.oldAddress ?? 0
  const target = (((code & 0x3ffffff) << 2) >>> 0) + Math.floor(base / 0x10000000) * 0x10000000
  const moved = translation.address(target)
  const value = moved < 0 ? code : (code & 0xfc000000) | ((moved >>> 2) & 0x3ffffff)
  window.put(at, 4, value, { kind: Kind.branch, unit: code >>> 26, target: target | 0 })
}

function predictBranch(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const target = at + 4 + ((code << 16) >> 14)
  const distance = translation.relative(at, target) - (at + window.shift) - 4
  const value = (code & 0xffff0000) | ((distance >> 2) & 0xffff)
  window.put(at, 4, value, { kind: Kind.wideShort, unit: code >>> 16, target })
}

const farthestPair = 32
const completes = (code: number, register: number): boolean => {
  const operation = code >>> 26
  return (
    ((code >>> 21) & 31) === register && (operation === 9 || operation === 13 || (operation >= 32 && operation <= 53))
  )
}

function predictUpper(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const register = (code >>> 16) & 31
  for (let step = 4; step <= 12; step += 4) {
    const lower = window.word(at + step)
    if (!completes(lower, register)) continue
    const isOr = lower >>> 26 === 13
    const moved = pairTarget(translation, code, lower)
    const upper = isOr ? moved >>> 16 : (moved + 0x8000) >>> 16
    window.put(at, 4, (code & 0xffff0000) | (upper & 0xffff), { kind: Kind.pair, unit: code, target: moved | 0 })
    return
  }
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

function predictLower(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const register = (code >>> 21) & 31
  for (let step = 4; step <= farthestPair; step += 4) {
    const upper = window.word(at - step)
    if (register !== 0 && upper >>> 26 === 15 && ((upper >>> 16) & 31) === register) {
      const moved = pairTarget(translation, upper, code)
      window.put(at, 4, (code & 0xffff0000) | (moved & 0xffff), { kind: Kind.value, unit: code, target: moved | 0 })
      return
    }
  }
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}

/** The new address of what LUI and its partner load. */
function pairTarget(translation: Translation, upper: number, lower: number): number {
  const low = lower >>> 26 === 13 ? lower & 0xffff : (lower << 16) >> 16
  const target = ((upper << 16) + low) >>> 0
  const moved = translation.address(target)
  return moved < 0 ? target : moved
}
