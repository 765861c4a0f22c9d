import { dataSpace } from "./avr.ts"
import type { Translation } from "./translate.ts"
import { Kind, type Window } from "./window.ts"

/** Microchip PIC24 and dsPIC (DS70157): 24-bit instructions in four bytes, the program counter counts two for each. */
export function predictPic24(window: Window, translation: Translation): void {
  predict(window, translation, false)
}

/** The same with the addresses of data: MOV of a literal, MOV from and to a file register. Code addresses are those of the region. */
export function predictPic24Data(window: Window, translation: Translation): void {
  predict(window, translation, true)
}

function predict(window: Window, translation: Translation, hasData: boolean): void {
  const end = window.oldStart + window.length
  let at = window.oldStart & ~3
  if (isFar(window.word(at - 4))) at -= 4
  while (at < end) {
    const code = window.word(at)
    if (isFar(code)) {
      predictFar(window, translation, at, hasData ? (translation.regions[0]?.oldAddress ?? 0) : 0)
      at += 8
    } else {
      if (hasData && isMove(code)) predictMove(window, translation, at)
      else predictNear(window, translation, at)
      at += 4
    }
  }
}

/** CALL and GOTO with a literal: the upper seven bits follow in the next word. */
const isFar = (code: number): boolean => code >>> 16 === 0x02 || code >>> 16 === 0x04

function predictFar(window: Window, translation: Translation, at: number, base: number): void {
  const code = window.word(at)
  const next = window.word(at + 4)
  const target = ((code & 0xfffe) | ((next & 0x7f) << 16)) * 2 - base
  const moved = (translation.relative(at, target) + base) >> 1
  const note = { kind: Kind.branch, unit: code >>> 16, target }
  window.put(at, 4, (code & 0xffff0001) | (moved & 0xfffe), note)
  window.put(at + 4, 4, (next & ~0x7f) | ((moved >> 16) & 0x7f), { kind: Kind.pair, unit: code >>> 16, target })
}

/** MOV #lit16 (0x2), MOV f to a register and back (0x8). */
const isMove = (code: number): boolean => code >>> 20 === 2 || code >>> 20 === 8

function predictMove(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const isLiteral = code >>> 20 === 2
  const target = isLiteral ? (code >>> 4) & 0xffff : (code >>> 3) & 0xfffe
  const moved = translation.outside(dataSpace + target)
  const value = moved < 0 ? target : moved & 0xffff
  const field = isLiteral ? value << 4 : (value & 0xfffe) << 3
  const kept = code & (isLiteral ? 0xfff0000f : 0xfff8000f)
  window.put(at, 4, kept | field, { kind: isLiteral ? Kind.pointer : Kind.value, unit: code, target })
}

/** RCALL, BRA and the conditional branches: 16 bits of distance in instructions. */
function predictNear(window: Window, translation: Translation, at: number): void {
  const code = window.word(at)
  const operation = code >>> 16
  if (operation !== 0x07 && (operation < 0x30 || operation > 0x3f) && (operation < 0x0c || operation > 0x0f)) {
    return window.put(at, 4, code, { kind: Kind.word, unit: code, target: 0 })
  }
  const target = at + 4 + ((code << 16) >> 14)
  const distance = (translation.relative(at, target) - at - window.shift - 4) >> 2
  window.put(at, 4, (code & 0xffff0000) | (distance & 0xffff), { kind: Kind.wideShort, unit: operation, target })
}
