import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Arm A32, little-endian (DDI 0406, A5 and A8): B and BL, literal loads, MOVW with MOVT. */
export function predictArm32(window: Window, translation: Translation): void {
  const end = window.oldStart + window.length
  for (let at = window.oldStart & ~3; at < end; at += 4) {
    const code = window.word(at)
    if ((code & 0x0e000000) === 0x0a000000) {
      const target = at + 8 + ((code << 8) >> 6)
      const distance = translation.relative(at, target) - (at + window.shift) - 8
      const value = (code & 0xff000000) | ((distance >> 2) & 0xffffff)
      window.put(at, 4, value, { kind: Kind.branch, unit: code >>> 24, target })
    } else if ((code & 0x0f3f0000) === 0x051f0000) predictLiteral(window, translation, at)
    else if ((code & 0x0fb00000) === 0x03000000) predictMove(window, translation, at)
    else window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
  }
}

function predictLiteral(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const size = code & 0xfff
  const target = at + 8 + ((code & 0x800000) !== 0 ? size : -size)
  const distance = translation.relative(at, target) - (at + window.shift) - 8
  let value = code
  if (Math.abs(distance) < 4096) value = (code & 0xff7ff000) | (distance >= 0 ? 0x800000 : 0) | Math.abs(distance)
  window.put(at, 4, value, { kind: Kind.wideShort, unit: code >>> 12, target })
}

const immediate = (code: number): number => ((code >> 4) & 0xf000) | (code & 0xfff)
const withImmediate = (code: number, value: number): number =>
  (code & 0xfff0f000) | ((value & 0xf000) << 4) | (value & 0xfff)

/** MOVW (0x30) or MOVT (0x34): the other half of the address within two instructions. */
function predictMove(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const isHigh = (code & 0x00400000) !== 0
  for (const step of isHigh ? [-4, -8, 4] : [4, 8, -4]) {
    const other = window.word(at + step)
    if ((other & 0x0ff00000) !== ((code & 0x0ff00000) ^ 0x00400000) || ((other ^ code) & 0xf000) !== 0) continue
    const target = isHigh ? (immediate(code) << 16) | immediate(other) : (immediate(other) << 16) | immediate(code)
    const moved = translation.address(target >>> 0)
    if (moved < 0) break
    const value = withImmediate(code, isHigh ? moved >>> 16 : moved & 0xffff)
    window.put(at, 4, value, { kind: Kind.pair, unit: code, target })
    return
  }
  window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
}
