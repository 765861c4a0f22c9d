import { chanceAt, type PackedModel, longestCopy, type Step } from "../code/packed.ts"
import { Repeats } from "./repeats.ts"
import { StepPrices } from "./step-prices.ts"

/** Places that are weighed at a time; of the way found the last part is weighed again with what follows. */
const span = 4096
const overlap = 320
const dear = 0x3fffffff

/** Chooses the cheapest steps for the text from a place on, as the model stands when it is asked (a shortest path). */
export class StepParser {
  private readonly text: Uint8Array
  private readonly start: number
  private readonly model: PackedModel
  private readonly prices: StepPrices
  private readonly repeats: Repeats
  /** The next place to enter into `repeats`, and what was found at those before it, from `from` on. */
  private entered = 0
  private from = 0
  private matches: Int32Array[] = []
  private readonly cost = new Int32Array(span + longestCopy + 2)
  /** How each place is reached: from which other, by which copy (length 0: none), and then by a literal and so many bytes from the same distance. */
  private readonly origin = new Int32Array(span + longestCopy + 2)
  private readonly length = new Int32Array(span + longestCopy + 2)
  private readonly distance = new Int32Array(span + longestCopy + 2)
  private readonly tail = new Int32Array(span + longestCopy + 2)
  private readonly state = new Uint8Array(span + 1)
  private readonly distances = new Int32Array(4 * (span + 1))

  /** `start`: where in the text the new image begins; what is before may be copied. */
  constructor(text: Uint8Array, start: number, model: PackedModel) {
    this.text = text
    this.start = start
    this.model = model
    this.prices = new StepPrices(model)
    this.repeats = new Repeats(text)
    for (; this.entered < start; this.entered++) this.repeats.enter(this.entered)
  }

  /** The steps from `at` on, some thousands of bytes; the model has taken all those before. */
  next(at: number): Step[] {
    this.prices.renew()
    const most = Math.min(span, this.text.length - at)
    this.find(at, at + most)
    this.cost.fill(dear)
    this.cost[0] = 0
    this.state[0] = this.model.state
    this.distances.set(this.model.distances)
    for (let i = 0; i < most; i++) {
      if (i > 0) this.settle(i)
      this.expand(i, at, most)
    }
    return this.way(most, at + most === this.text.length ? most : most - overlap)
  }

  private find(from: number, to: number): void {
    this.matches.splice(0, from - this.from)
    this.from = from
    for (; this.entered < to; this.entered++) this.matches.push(Int32Array.from(this.repeats.enter(this.entered)))
  }

  /** State and last distances at a place that is reached as cheaply as can be. */
  private settle(i: number): void {
    const from = this.origin[i] as number
    const length = this.length[i] as number
    let state = this.state[from] as number
    const known = this.distances.subarray(4 * from, 4 * from + 4)
    const own = this.distances.subarray(4 * i, 4 * i + 4)
    own.set(known)
    if (length > 0) {
      const distance = this.distance[i] as number
      const which = known.indexOf(distance)
      state = stateAfter(state, length, which)
      own.copyWithin(1, 0, which < 0 ? 3 : which)
      own[0] = distance
    }
    const tail = this.tail[i] as number
    if (length === 0 || tail > 0) state = afterLiteral(state)
    if (tail > 0) state = stateAfter(state, tail, 0)
    this.state[i] = state
  }

  private reach(
    to: number,
    cost: number,
    by: { readonly from: number; readonly length: number; readonly distance: number; readonly tail: number },
  ): void {
    if (cost >= (this.cost[to] as number)) return
    this.cost[to] = cost
    this.origin[to] = by.from
    this.length[to] = by.length
    this.distance[to] = by.distance
    this.tail[to] = by.tail
  }

  private expand(i: number, at: number, most: number): void {
    const { text, prices } = this
    const here = at + i
    const place = (here - this.start) & 3
    const state = this.state[i] as number
    const cost = this.cost[i] as number
    const longest = Math.min(longestCopy, most - i)
    const last = this.distances[4 * i] as number
    const copied = here >= last ? (text[here - last] as number) : 0
    const byte = text[here] as number
    const isCopy = chanceAt.isCopy + state * 4 + place
    const literal = cost + prices.bit(isCopy, 0) + prices.literal(state, byte, this.byteBefore(here), copied)
    this.reach(i + 1, literal, { from: i, length: 0, distance: 0, tail: 0 })
    if (byte !== copied) this.literalAndCopy(i, here, { cost: literal, state, distance: last, longest })
    const copy = cost + prices.bit(isCopy, 1)
    const repeat = copy + prices.bit(chanceAt.isRepeat + state, 1)
    if (byte === copied && here >= last) {
      const one = repeat + prices.bit(chanceAt.isOlder + state, 0) + prices.bit(chanceAt.isLong + state * 4 + place, 0)
      this.reach(i + 1, one, { from: i, length: 1, distance: last, tail: 0 })
    }
    if (longest < 2) return
    for (let which = 0; which < 4; which++) {
      const distance = this.distances[4 * i + which] as number
      const length = this.commonLength(here, distance, longest)
      if (length < 2) continue
      const begun = repeat + this.whichPrice(state, place, which)
      for (let n = 2; n <= length; n++) {
        this.reach(i + n, begun + prices.repeatedLength(place, n), { from: i, length: n, distance, tail: 0 })
      }
      const after = begun + prices.repeatedLength(place, length)
      this.copyAndCopy(i, here, { cost: after, state: stateAfter(state, length, which), distance, length, most })
    }
    const fresh = copy + prices.bit(chanceAt.isRepeat + state, 0)
    const matches = this.matches[here - this.from] as Int32Array
    let n = 2
    for (let m = 0; m < matches.length; m += 2) {
      const length = Math.min(longest, matches[m] as number)
      const distance = matches[m + 1] as number
      for (; n <= length; n++) {
        const price = fresh + prices.freshLength(place, n) + prices.distance(n, distance)
        this.reach(i + n, price, { from: i, length: n, distance, tail: 0 })
      }
      if (length < 2) continue
      const after = fresh + prices.freshLength(place, length) + prices.distance(length, distance)
      this.copyAndCopy(i, here, { cost: after, state: stateAfter(state, length, -1), distance, length, most })
    }
  }

  private byteBefore(here: number): number {
    return here > this.start ? (this.text[here - 1] as number) : 0
  }

  private whichPrice(state: number, place: number, which: number): number {
    const { prices } = this
    if (which === 0) return prices.bit(chanceAt.isOlder + state, 0) + prices.bit(chanceAt.isLong + state * 4 + place, 1)
    const older = prices.bit(chanceAt.isOlder + state, 1)
    if (which === 1) return older + prices.bit(chanceAt.isThird + state, 0)
    return older + prices.bit(chanceAt.isThird + state, 1) + prices.bit(chanceAt.isFourth + state, which - 2)
  }

  private commonLength(here: number, distance: number, most: number): number {
    if (distance > here) return 0
    const { text } = this
    let length = 0
    while (length < most && text[here + length] === text[here + length - distance]) length++
    return length
  }

  /** A literal, and then on from the last distance. `cost`: with the literal. */
  private literalAndCopy(
    i: number,
    here: number,
    {
      cost,
      state,
      distance,
      longest,
    }: { readonly cost: number; readonly state: number; readonly distance: number; readonly longest: number },
  ): void {
    const length = this.commonLength(here + 1, distance, longest - 1)
    if (length < 2) return
    const price = cost + this.tailPrice(afterLiteral(state), here + 1, length)
    this.reach(i + 1 + length, price, { from: i, length: 0, distance: 0, tail: length })
  }

  /** A copy, a literal, and then on from the same distance. `cost` and `state`: after the copy. */
  private copyAndCopy(
    i: number,
    here: number,
    {
      cost,
      state,
      distance,
      length,
      most,
    }: {
      readonly cost: number
      readonly state: number
      readonly distance: number
      readonly length: number
      readonly most: number
    },
  ): void {
    const literalAt = here + length
    const longest = Math.min(longestCopy, most - i - length - 1)
    if (longest < 2) return
    const tail = this.commonLength(literalAt + 1, distance, longest)
    if (tail < 2) return
    const { text, prices } = this
    const isCopy = chanceAt.isCopy + state * 4 + ((literalAt - this.start) & 3)
    const literal =
      prices.bit(isCopy, 0) +
      prices.literal(
        state,
        text[literalAt] as number,
        text[literalAt - 1] as number,
        text[literalAt - distance] as number,
      )
    const price = cost + literal + this.tailPrice(afterLiteral(state), literalAt + 1, tail)
    this.reach(i + length + 1 + tail, price, { from: i, length, distance, tail })
  }

  private tailPrice(state: number, here: number, length: number): number {
    const { prices } = this
    const place = (here - this.start) & 3
    const begin = prices.bit(chanceAt.isCopy + state * 4 + place, 1) + prices.bit(chanceAt.isRepeat + state, 1)
    return begin + this.whichPrice(state, place, 0) + prices.repeatedLength(place, length)
  }

  /** The steps to `end`, as far as they begin before `limit`. */
  private way(end: number, limit: number): Step[] {
    const places: number[] = []
    for (let i = end; i > 0; i = this.origin[i] as number) places.push(i)
    const steps: Step[] = []
    for (const i of places.reverse()) {
      if ((this.origin[i] as number) >= limit) break
      const length = this.length[i] as number
      const tail = this.tail[i] as number
      if (length > 0) steps.push({ length, distance: this.distance[i] as number })
      if (length === 0 || tail > 0) steps.push({ length: 0, distance: 0 })
      const last = length > 0 ? this.distance[i] : this.distances[4 * (this.origin[i] as number)]
      if (tail > 0) steps.push({ length: tail, distance: last as number })
    }
    return steps
  }
}

const afterLiteral = (state: number): number => (state < 4 ? 0 : state < 10 ? state - 3 : state - 6)

/** After a copy: `which` of the last distances it had, -1 for another. */
function stateAfter(state: number, length: number, which: number): number {
  if (which < 0) return state < 7 ? 7 : 10
  if (which === 0 && length === 1) return state < 7 ? 9 : 11
  return state < 7 ? 8 : 11
}
