import { emptySlot, type Prior } from "./model.ts"
import { oldSlotPrior, oldSmallWeightPrior, oldWeightPrior } from "./old-prior-table.ts"
import { slotPrior, smallSlotPrior, smallWeightPrior, weightPrior } from "./prior-table.ts"
import { slotLayout } from "./slot-layout.ts"
import { squash } from "./tables.ts"

/** Counts that a trained slot may begin with. */
export const priorCounts = [0, 1, 2, 3, 4, 6, 8, 12] as const
/** Distance of two trained logits, in 1/256. */
export const priorLogitStep = 140
/** A weight of the table is this many of the model's. */
export const priorWeightStep = 128

/** A slot from its byte: three bits for the count, five for the logit. */
export function slotOf(byte: number): number {
  const count = priorCounts[byte >> 5] as number
  if (count === 0) return emptySlot
  return (squash((byte & 31) * priorLogitStep - 2170) & 0xfff0) | count
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

function weightsOf(base64: string): Int16Array {
  return Int16Array.from(new Int8Array(bytesOf(base64).buffer), (weight) => weight * priorWeightStep)
}

/** Starting tables of one size of model. */
function tables(slots: string, weights: string): Prior {
  return { slots: Uint16Array.from(bytesOf(slots), slotOf), weights: weightsOf(weights) }
}

const newest = { large: tables(slotPrior, weightPrior), small: tables(smallSlotPrior, smallWeightPrior) }
const old = tables(oldSlotPrior, oldWeightPrior)
/** Up to format version 2 the smallest profile begins with the large one's first slots. */
const oldSmall: Prior = {
  slots: old.slots.subarray(0, slotLayout({ isSmall: true, isSparing: false }).end),
  weights: weightsOf(oldSmallWeightPrior),
}

/** What the slots and weights of a model begin with, for sparing ones (format version 3) and those before. */
export function prior(isSmall: boolean, isSparing: boolean): Prior {
  if (isSparing) return isSmall ? newest.small : newest.large
  return isSmall ? oldSmall : old
}
