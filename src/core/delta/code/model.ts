import type { BinaryCoder } from "./binary-coder.ts"
import { rateTable, squash, stretchTable } from "./tables.ts"

/** Most inputs that one decision mixes. */
export const maxInputs = 9
const confidences = 16

export interface ModelSize {
  /** Slots that are addressed directly; they begin as the prior says. */
  readonly direct: number
  /** Slots that are addressed by hash; at most 65536. */
  readonly hashed: number
  /** Mixing weights: 16 for each input of each set. */
  readonly weights: number
  /** Second weights (from format version 2 on): one for each input of each set; 0: none. */
  readonly second: number
  /**
   * From format version 3 on: a hash leads to either of two slots, and contexts that have seen only hits take none. Else every
   * context takes the one slot that its hash leads to.
   */
  readonly isSparing: boolean
}

/** What a model knows before the first bit. */
export interface Prior {
  readonly slots: Uint16Array
  readonly weights: Int16Array
}

/** A slot that has seen nothing: one half, count 0. */
export const emptySlot = 0x8000

/**
 * Adaptive probabilities ("slots") and the mixer that makes one of several. A slot is a probability (upper 12 bits) and
 * a count of what it has seen (lower 4); the count says how fast it still learns and, through the choice of the weight,
 * how far it is believed.
 */
export class Model {
  readonly slots: Uint16Array
  /** 16384 stands for 1. */
  readonly weights: Int16Array
  private readonly checks: Uint8Array
  private readonly size: ModelSize
  private readonly prior: Prior | null
  private readonly chosen: Int32Array = new Int32Array(maxInputs)
  private readonly logits: Int32Array = new Int32Array(maxInputs)
  private readonly used: Int32Array = new Int32Array(maxInputs)
  /** For each input the check of a context that takes its slot if the bit is 0; -1: none. */
  private readonly claims: Int16Array = new Int16Array(maxInputs)
  private inputs = 0
  /** What is added to the weights, by another context than they are chosen by. */
  private readonly second: Int16Array
  /** Training looks at every bit that a directly addressed slot learns. */
  observer: ((slot: number, bit: number) => void) | null = null

  constructor(size: ModelSize, prior: Prior | null) {
    this.size = size
    this.prior = prior
    this.slots = new Uint16Array(size.direct + size.hashed)
    this.checks = new Uint8Array(size.hashed)
    this.weights = new Int16Array(size.weights)
    this.second = new Int16Array(size.second)
    this.reset()
  }

  reset(): void {
    this.slots.fill(emptySlot)
    this.checks.fill(0)
    this.weights.fill(initialWeight)
    this.second.fill(0)
    if (this.prior === null) return
    this.slots.set(this.prior.slots)
    this.weights.set(this.prior.weights)
  }

  /** Begins a new decision. */
  begin(): void {
    this.inputs = 0
  }

  /** Adds a directly addressed slot to the decision. */
  direct(index: number): void {
    this.claims[this.inputs] = -1
    this.chosen[this.inputs++] = index
  }

  /**
   * Adds the slot that a hash leads to. One that another context used is taken over: at once, or, where `waits` and the
   * model is sparing, when the bit turns out to be 0, and counts as empty until then.
   */
  hashed(hash: number, waits = false): void {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    const h = mixed ^ (mixed >>> 13)
    const check = h >>> 24
    const first = (((h >>> 8) & 0xffff) * this.size.hashed) >>> 16
    const index = this.size.isSparing ? this.eitherOf(first, check) : first
    const isOwn = this.checks[index] === check
    if (!isOwn && !(waits && this.size.isSparing)) this.claim(index, check)
    this.claims[this.inputs] = isOwn || !waits || !this.size.isSparing ? -1 : check
    this.chosen[this.inputs++] = this.size.direct + index
  }

  /** Of the two slots the one with the check, else the one that has seen less, the first if both have seen as much. */
  private eitherOf(first: number, check: number): number {
    const other = first ^ 1
    if (this.checks[first] === check) return first
    if (this.checks[other] === check) return other
    return this.seen(other) < this.seen(first) ? other : first
  }

  private seen(index: number): number {
    return (this.slots[this.size.direct + index] as number) & 15
  }

  /** Gives a hashed slot to another context; its neighbour, which was spared, has seen one bit less from now on. */
  private claim(index: number, check: number): void {
    this.checks[index] = check
    this.slots[this.size.direct + index] = emptySlot
    if (!this.size.isSparing) return
    const neighbour = this.size.direct + (index ^ 1)
    if (this.seen(index ^ 1) > 1) this.slots[neighbour] = (this.slots[neighbour] as number) - 1
  }

  /**
   * Codes one bit with the slots added since `begin`, mixed by the weights that start at `firstWeight`; to each the
   * second weight from `firstSecond` on is added, -1 for none.
   */
  decide(coder: BinaryCoder, firstWeight: number, given: number, firstSecond = -1): number {
    const { slots, weights, second, chosen, claims, logits, used, inputs } = this
    let sum = 0
    for (let i = 0; i < inputs; i++) {
      const slot = (claims[i] as number) < 0 ? (slots[chosen[i] as number] as number) : emptySlot
      const count = slot & 15
      const logit = count === 0 ? 0 : (stretchTable[slot >> 4] as number)
      const at = firstWeight + i * confidences + count
      logits[i] = logit
      used[i] = at
      const weight = (weights[at] as number) + (firstSecond < 0 ? 0 : (second[firstSecond + i] as number))
      sum += (weight * logit) >> 10
    }
    const mixed = squash(sum >> 4)
    const bit = coder.bit(mixed, given)
    if (firstSecond >= 0) this.learnSecond(firstSecond, bit, mixed)
    this.learn(bit, mixed)
    return bit
  }

  private learnSecond(first: number, bit: number, mixed: number): void {
    const { second, logits, inputs } = this
    const error = ((bit << 16) - mixed) >> 2
    for (let i = 0; i < inputs; i++) {
      const moved =
        (second[first + i] as number) + (((logits[i] as number) * error * secondLearningRate + 131072) >> 18)
      second[first + i] = moved > 32767 ? 32767 : moved < -32767 ? -32767 : moved
    }
  }

  private learn(bit: number, mixed: number): void {
    const { slots, weights, chosen, claims, logits, used, inputs } = this
    const rates = this.size.isSparing ? slowRates : rateTable
    const target = bit === 1 ? 65535 : 0
    const error = ((bit << 16) - mixed) >> 2
    for (let i = 0; i < inputs; i++) {
      const at = used[i] as number
      const moved = (weights[at] as number) + (((logits[i] as number) * error * learningRate + 131072) >> 18)
      weights[at] = moved > 32767 ? 32767 : moved < -32767 ? -32767 : moved
      const index = chosen[i] as number
      if (this.observer !== null && index < this.size.direct) this.observer(index, bit)
      if ((claims[i] as number) >= 0) {
        if (bit === 1) continue
        this.claim(index - this.size.direct, claims[i] as number)
      }
      const slot = slots[index] as number
      const count = slot & 15
      const from = count === 0 ? mixed : slot & 0xfff0
      const next = (from + (((target - from) * (rates[count] as number)) >> 15)) & 0xfff0
      slots[index] = next | (count < 15 ? count + 1 : 15)
    }
  }
}
/** From format version 3 on a slot that has seen most moves as one that has seen 25. */
const slowRates: Uint16Array = Uint16Array.from(rateTable.subarray(0, 16), (rate, count) =>
  count < 15 ? rate : (rateTable[25] as number),
)
const initialWeight = 3500
const learningRate = 8
const secondLearningRate = 6
