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
  /** Second weights (format version 2): one for each input of each set; 0: none. */
  readonly second: number
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
    this.chosen[this.inputs++] = index
  }

  /** Adds the slot that a hash leads to; one that another context used is taken over. */
  hashed(hash: number): void {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    const h = mixed ^ (mixed >>> 13)
    const index = (((h >>> 8) & 0xffff) * this.size.hashed) >>> 16
    const check = h >>> 24
    if (this.checks[index] !== check) {
      this.checks[index] = check
      this.slots[this.size.direct + index] = emptySlot
    }
    this.chosen[this.inputs++] = this.size.direct + index
  }

  /**
   * Codes one bit with the slots added since `begin`, mixed by the weights that start at `firstWeight`; to each the
   * second weight from `firstSecond` on is added, -1 for none.
   */
  decide(coder: BinaryCoder, firstWeight: number, given: number, firstSecond = -1): number {
    const { slots, weights, second, chosen, logits, used, inputs } = this
    let sum = 0
    for (let i = 0; i < inputs; i++) {
      const slot = slots[chosen[i] as number] as number
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
    const { slots, weights, chosen, logits, used, inputs } = this
    const target = bit === 1 ? 65535 : 0
    const error = ((bit << 16) - mixed) >> 2
    for (let i = 0; i < inputs; i++) {
      const at = used[i] as number
      const moved = (weights[at] as number) + (((logits[i] as number) * error * learningRate + 131072) >> 18)
      weights[at] = moved > 32767 ? 32767 : moved < -32767 ? -32767 : moved
      const index = chosen[i] as number
      if (this.observer !== null && index < this.size.direct) this.observer(index, bit)
      const slot = slots[index] as number
      const count = slot & 15
      const from = count === 0 ? mixed : slot & 0xfff0
      const next = (from + (((target - from) * (rateTable[count] as number)) >> 15)) & 0xfff0
      slots[index] = next | (count < 15 ? count + 1 : 15)
    }
  }
}
const initialWeight = 3500
const learningRate = 8
const secondLearningRate = 6
