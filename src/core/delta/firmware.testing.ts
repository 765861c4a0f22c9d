import { crc32 } from "./checksum.ts"
import { readCompact } from "./compact-header.ts"
/** Firmware of our own making for tests: Thumb-2 functions that call each other and load from literal pools. */

/** A small deterministic generator of numbers 0 … 2^32 - 1. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state ^ (state >>> 15)) >>> 0
  }
}

export interface Recipe {
  readonly functions: number
  /** Functions whose bodies differ from those of the same recipe without changes. */
  readonly changed?: readonly number[]
  /** Functions that are longer by so many halfwords. */
  readonly grown?: Readonly<Record<number, number>>
  readonly base?: number
  readonly seed?: number
}

/** Links `functions` functions into an image at `base`. Bodies depend on the seed and the function's number alone. */
export function firmware(recipe: Recipe): Uint8Array {
  const base = recipe.base ?? 0x08000000
  const sizes = Array.from({ length: recipe.functions }, (_, i) => {
    const next = numbers((recipe.seed ?? 1) * 7919 + i)
    return 24 + (next() % 40) * 2 + 2 * (recipe.grown?.[i] ?? 0)
  })
  const starts: number[] = []
  let at = 64
  for (const size of sizes) {
    starts.push(at)
    at += size * 2 + 8
    at = (at + 3) & ~3
  }
  const image = new Uint8Array(at)
  const view = new DataView(image.buffer)
  for (let i = 0; i < 16; i++) view.setUint32(4 * i, base + (starts[i % recipe.functions] as number) + 1, true)
  for (let i = 0; i < recipe.functions; i++) {
    const isChanged = recipe.changed?.includes(i) === true
    writeFunction({
      view,
      starts,
      index: i,
      halves: sizes[i] as number,
      base,
      next: numbers((recipe.seed ?? 1) * 104729 + i),
      isChanged,
    })
  }
  return image
}

function writeFunction(parts: {
  readonly view: DataView
  readonly starts: readonly number[]
  readonly index: number
  readonly halves: number
  readonly base: number
  readonly next: () => number
  readonly isChanged: boolean
}): void {
  const { view, starts, index, halves, base, next, isChanged } = parts
  const start = starts[index] as number
  let at = start
  const end = start + halves * 2
  while (at + 4 <= end) {
    const dice = next() % 10
    if (dice < 2) {
      const target = starts[next() % starts.length] as number
      const distance = target - at - 4
      const sign = distance < 0 ? 1 : 0
      const j1 = ((distance >> 23) & 1) ^ sign ^ 1
      const j2 = ((distance >> 22) & 1) ^ sign ^ 1
      view.setUint16(at, 0xf000 | (sign << 10) | ((distance >> 12) & 0x3ff), true)
      view.setUint16(at + 2, 0xd000 | (j1 << 13) | (j2 << 11) | ((distance >> 1) & 0x7ff), true)
      at += 4
    } else {
      view.setUint16(at, ((next() % 0xe0) << 8) | (next() & 255), true)
      at += 2
    }
  }
  if (isChanged) for (let i = 0; i < 6; i++) view.setUint8(start + 8 + i, next() & 255)
  view.setUint32(end + ((end & 2) === 0 ? 0 : 2), base + (starts[next() % starts.length] as number) + 1, true)
}

/** A pair of versions: a function changed, two grown, so that everything behind them moves. */
export function firmwarePair(
  functions = 60,
  seed = 1,
): { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array } {
  return {
    oldBytes: firmware({ functions, seed }),
    newBytes: firmware({ functions, seed, changed: [3], grown: { 5: 4, [functions >> 1]: 10 } }),
  }
}

/** Makes the checksums of a changed patch, of any format version, right again, as an attacker would. */
export function sealAgain(patch: Uint8Array): Uint8Array {
  const view = new DataView(patch.buffer, patch.byteOffset, patch.length)
  const { crcAt, payloadCrcAt, headerSize } = checksumsOf(patch, view)
  const payloadAt = headerSize < crcAt + 4 || headerSize > patch.length ? crcAt + 4 : headerSize
  view.setUint32(payloadCrcAt, crc32(patch.subarray(payloadAt)), true)
  view.setUint32(crcAt, crc32(patch.subarray(crcAt + 4, payloadAt), crc32(patch.subarray(0, crcAt))), true)
  return patch
}

function checksumsOf(patch: Uint8Array, view: DataView) {
  if (patch[4] === 1) return { crcAt: 104, payloadCrcAt: 36, headerSize: view.getUint16(6, true) }
  try {
    const { header, end } = readCompact(patch, patch[4] === 2 ? 2 : patch[4] === 4 ? 4 : 3)
    return { crcAt: end, payloadCrcAt: end - 44, headerSize: header.headerSize }
  } catch {
    return { crcAt: 60, payloadCrcAt: 16, headerSize: 64 }
  }
}
