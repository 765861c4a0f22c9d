import type { Relation } from "../code/relation.ts"
import { type ArchitectureName, architectures } from "../predict/architectures.ts"
import { type Evidence, eachWindow } from "../predict/detect.ts"
import { noShift, Translation, type ValueShift } from "../predict/translate.ts"
import { Window, windowSize } from "../predict/window.ts"
import { AddressMap } from "./address-map.ts"

/** Two images and what has been found out about them. */
type Related = Relation & Omit<Evidence, "translation"> & { readonly architecture: ArchitectureName }

/** Prices in bits, for choosing pieces only: a byte set right, a byte spoiled, a piece in the patch. */
const repairedByte = 5
const spoiledByte = 7
const pieceInPatch = 36

/** Remembers by which piece of the value map the last address was translated. */
class WatchedTranslation extends Translation {
  lastPiece = -1

  override outside(oldAddress: number): number {
    const piece = this.pieceOf(oldAddress)
    if (piece >= 0) this.lastPiece = piece
    return super.outside(oldAddress)
  }
}

/** Remembers which piece of the value map stands behind each byte, -1 for none. */
class WatchedWindow extends Window {
  readonly pieces = new Int32Array(windowSize)
  private readonly translation: WatchedTranslation

  constructor(translation: WatchedTranslation) {
    super()
    this.translation = translation
  }

  override load(...given: Parameters<Window["load"]>): void {
    super.load(...given)
    this.pieces.fill(-1)
    this.translation.lastPiece = -1
  }

  override put(...given: Parameters<Window["put"]>): void {
    const [at, size] = given
    super.put(...given)
    const from = Math.max(0, at - this.oldStart)
    const to = Math.min(this.length, at + size - this.oldStart)
    if (this.translation.lastPiece >= 0 && to > from) this.pieces.fill(this.translation.lastPiece, from, to)
  }
}

/**
 * The pieces of the value map that set more right than they spoil: much looks like an address and is none, and a word that
 * is taken for a pointer loses what its instruction predicts.
 */
export function pruneValues(analysis: Related): readonly ValueShift[] {
  const { values, newBytes } = analysis
  if (values.length === 0) return values
  const gains = new Float64Array(values.length)
  const without = predictedWithout(analysis)
  const translation = new WatchedTranslation(new AddressMap(analysis.entries), analysis.regions, values)
  const window = new WatchedWindow(translation)
  const visit = (_: Window, newStart: number): void => {
    for (let i = 0; i < window.length; i++) {
      const piece = window.pieces[i] as number
      const plain = without[newStart + i]
      if (piece < 0 || plain === window.predicted[i]) continue
      const actual = newBytes[newStart + i]
      if (actual === window.predicted[i]) gains[piece] = (gains[piece] as number) + repairedByte
      else if (actual === plain) gains[piece] = (gains[piece] as number) - spoiledByte
    }
  }
  eachWindow({ ...analysis, translation }, predictorsOf(analysis), { every: 1, window }, visit)
  return withoutRepeats(
    values.map(({ start, shift }, i) => ({ start, shift: (gains[i] as number) < pieceInPatch ? noShift : shift })),
  )
}

const predictorsOf = ({ architecture }: Related) =>
  architectures.find((row) => row.name === architecture)?.predictors ?? []

/** Every byte as it is predicted by the address map alone. */
function predictedWithout(analysis: Related): Uint8Array {
  const predicted = new Uint8Array(analysis.newBytes.length)
  const translation = new Translation(new AddressMap(analysis.entries), analysis.regions, [])
  eachWindow({ ...analysis, translation }, predictorsOf(analysis), { every: 1 }, (window, newStart) =>
    predicted.set(window.predicted.subarray(0, window.length), newStart),
  )
  return predicted
}

function withoutRepeats(values: readonly ValueShift[]): readonly ValueShift[] {
  const kept: ValueShift[] = []
  for (const value of values) {
    if (value.shift !== (kept.at(-1)?.shift ?? noShift)) kept.push(value)
  }
  return kept
}
