import { emptySlot, type Prior } from "./model.ts"
import { slotPrior, smallWeightPrior, weightPrior } from "./prior-table.ts"
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

const slots = Uint16Array.from(bytesOf(slotPrior), slotOf)
const weights = weightsOf(weightPrior)
const smallWeights = weightsOf(smallWeightPrior)

/** The starting tables by their number in the header; 0 stands for none. `directSlots` of them are used. */
export function priors(number: number, isSmall: boolean, directSlots: number): Prior | null {
  if (number === 0) return null
  return { slots: slots.subarray(0, directSlots), weights: isSmall ? smallWeights : weights }
}
