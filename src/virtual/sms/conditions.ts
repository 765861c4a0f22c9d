import { seededRandom } from "./seeded-random.ts"

/** How a mobile network treats short messages. Rates are parts of one. */
export interface SmsConditions {
  readonly seed: number
  /** Every message takes at least `min` and at most `max` ms. */
  readonly delayMs: { readonly min: number; readonly max: number }
  /** Messages that never arrive, and of which nobody hears. */
  readonly lossRate: number
  /** Messages that arrive twice. */
  readonly duplicateRate: number
  /** Messages held back for `reorderMs`, so that later ones arrive before them. */
  readonly reorderRate: number
  readonly reorderMs: number
  /** In thousandths of the operator's currency, whether the message arrives or not. */
  readonly costPerMessage: number
}

export const calmConditions: SmsConditions = {
  seed: 1,
  delayMs: { min: 0, max: 0 },
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  reorderMs: 0,
  costPerMessage: 0,
}

/** What happens to the n-th message, n from 1: the delay of each copy that arrives. Depends on nothing but seed and n. */
export function fateOf(conditions: SmsConditions, n: number): readonly number[] {
  const random = seededRandom(conditions.seed * 7919 + n)
  const { min, max } = conditions.delayMs
  const delay = (): number => {
    const heldMs = random() < conditions.reorderRate ? conditions.reorderMs : 0
    return min + Math.floor(random() * (max - min + 1)) + heldMs
  }
  const isLost = random() < conditions.lossRate
  const isDoubled = random() < conditions.duplicateRate
  const first = delay()
  if (isLost) return []
  return isDoubled ? [first, delay()] : [first]
}
