import type { AddressMap } from "../match/address-map.ts"
import type { Translation } from "../predict/translate.ts"
import { type Clip, type Predictor, type ReadOld, Window, windowSize } from "../predict/window.ts"
import { DeltaError } from "../delta-error.ts"
import { type BinaryCoder, partAt } from "./binary-coder.ts"
import { Model, type Prior } from "./model.ts"
import { NumberModel } from "./number.ts"
import { largestOffset } from "./relation.ts"
import { firstLiteralSecond, secondWeights, slotLayout, weightLayout } from "./slot-layout.ts"

/** What the target coder needs: the two images' relation and the model's size. */
export interface TargetCoderParts {
  readonly coder: BinaryCoder
  readonly readOld: ReadOld
  readonly translation: Translation
  readonly predictors: readonly Predictor[]
  readonly hashedSlots: number
  /** In place: how far a window may look. */
  readonly clip: Clip | null
  /** Whether to do with fewer contexts. */
  readonly isSmall: boolean
  /** Whether decisions have second weights: from format version 2 on, outside the smallest profile. */
  readonly hasSecond: boolean
  /** Whether contexts take slots sparingly: from format version 3 on. */
  readonly isSparing: boolean
  readonly prior?: Prior | null
}

/** The generator's wishes: at which new offset to leave the predicted shift, and for which. */
export type ShiftAt = (newOffset: number) => number

const partOf = {
  flag: partAt("hits and misses"),
  switch: partAt("switches"),
  alternative: partAt("old bytes"),
  literal: partAt("literals"),
}

const runClass = (run: number): number =>
  run < 4 ? run : Math.min(15, 2 * (31 - Math.clz32(run)) + ((run >> (30 - Math.clz32(run))) & 1))

/** Codes target bytes, in any order of groups; one class for both directions. */
export class TargetCoder {
  readonly model: Model
  private readonly base: ReturnType<typeof slotLayout>
  private readonly weight: ReturnType<typeof weightLayout>
  private readonly switchShift = new NumberModel()
  private readonly parts: TargetCoderParts
  private readonly map: AddressMap
  private readonly window = new Window()
  private readonly kindHistory = new Uint8Array(64)
  private readonly kindDelta = new Uint8Array(64)
  /** How often translating was right of late, by kind: 0 … 7, above 3 it is believed. */
  private readonly trust = new Uint8Array(32)
  /** What was added to the prediction at the last literal, and at the last byte. */
  private lastMiss = 0
  private lastDelta = 0
  private rank = 0
  private shift = 0
  private history = 0
  private run = 0
  private since = 0
  private unitMisses = 0
  /** Whether the unit at hand has shown itself to be as it was. */
  private unitIsRaw = false
  private first = 0
  private second = 0
  private differs = 0
  private c1 = 0
  private c2 = 0
  private c3 = 0

  constructor(parts: TargetCoderParts) {
    this.parts = parts
    this.map = parts.translation.map
    this.base = slotLayout(parts)
    this.weight = weightLayout(parts.isSmall)
    const size = {
      direct: this.base.end,
      hashed: parts.hashedSlots,
      weights: this.weight.end,
      second: parts.hasSecond ? secondWeights : 0,
      isSparing: parts.isSparing,
    }
    this.model = new Model(size, parts.prior ?? null)
    this.reset()
  }

  reset(): void {
    this.parts.translation.forget()
    this.model.reset()
    this.switchShift.reset()
    this.kindHistory.fill(0)
    this.kindDelta.fill(0)
    this.trust.fill(6)
    this.history = 0
    this.run = 0
    this.since = 0
    this.unitMisses = 0
    this.unitIsRaw = false
    this.c1 = 0
    this.c2 = 0
    this.c3 = 0
    this.lastMiss = 0
    this.lastDelta = 0
  }

  /** Goes to a new offset: from here on the map's shift holds. */
  seek(from: number): void {
    this.rank = this.map.rankOfNew(from)
    this.shift = this.rank === 0 ? 0 : this.map.shiftAt(this.rank - 1)
  }

  /**
   * Codes the new bytes `from` … `from + bytes.length`, where the last call ended or `seek` went. The encoder reads
   * `bytes`, the decoder fills it. `wish` is the generator's: the shift it wants at an offset.
   */
  group(bytes: Uint8Array, from: number, wish: ShiftAt | null): void {
    const { coder } = this.parts
    const end = from + bytes.length
    let windowEnd = from
    let windowStart = from
    let justSwitched = false
    let boundary = this.nextBoundary(end)
    for (let at = from; at < end; at++) {
      while (at === boundary) {
        this.shift = this.map.shiftAt(this.rank)
        this.rank++
        boundary = this.nextBoundary(end)
        windowEnd = at
        this.since = 0
      }
      if (at >= windowEnd) {
        windowStart = at
        windowEnd = Math.min(end, boundary, at + windowSize)
        this.load(at - this.shift, windowEnd - at, this.shift)
      }
      const index = at - windowStart
      const given = bytes[at - from] as number
      this.choose(index)
      let found: number
      if (this.flag(index, given === this.first ? 1 : 0) === 1) found = this.first
      else {
        if (!justSwitched) {
          const wished = wish === null ? this.shift : wish(at)
          if (this.decideSwitch(wished !== this.shift ? 1 : 0) === 1) {
            this.shift += this.switchShift.signed(coder, wished - this.shift)
            if (Math.abs(this.shift) > largestOffset) throw new DeltaError("bad-payload", `a shift of ${this.shift}`)
            windowEnd = at
            this.since = 0
            justSwitched = true
            at--
            continue
          }
        }
        if (this.differs === 1 && this.alternative(index, given === this.second ? 1 : 0) === 1) found = this.second
        else found = this.literal(index, given)
      }
      justSwitched = false
      bytes[at - from] = found
      this.settle(index, found)
    }
  }

  private nextBoundary(end: number): number {
    return this.rank < this.map.size ? Math.min(end, this.map.newStartAt(this.rank)) : end
  }

  private load(oldStart: number, length: number, shift: number): void {
    this.window.load(this.parts.readOld, { oldStart, length, shift, clip: this.parts.clip })
    for (const predict of this.parts.predictors) predict(this.window, this.parts.translation)
  }

  /** Codes bytes without any old image: literals only. */
  literals(bytes: Uint8Array): void {
    this.history = 255
    this.window.load((_offset, into) => into.fill(0), { oldStart: 0, length: 1, shift: 0, clip: null })
    for (let at = 0; at < bytes.length; at++) {
      this.first = -1
      const found = this.literal(0, bytes[at] as number)
      bytes[at] = found
      this.c3 = this.c2
      this.c2 = this.c1
      this.c1 = found
    }
  }

  /** Decides which of the translated and the old byte is guessed first. */
  private choose(index: number): void {
    const { window } = this
    if (window.position[index] === 0) {
      this.unitMisses = 0
      this.unitIsRaw = false
    }
    const predicted = window.predicted[index] as number
    const raw = window.raw[index] as number
    const isTrusted = !this.unitIsRaw && (this.trust[window.kind[index] as number] as number) > 3
    this.differs = predicted === raw ? 0 : 1
    this.first = isTrusted ? predicted : raw
    this.second = isTrusted ? raw : predicted
  }

  /** Takes note of a byte that is known now. */
  private settle(index: number, found: number): void {
    const { window } = this
    if (this.differs === 1) {
      const kind = window.kind[index] as number
      const trust = this.trust[kind] as number
      if (found === window.predicted[index]) this.trust[kind] = Math.min(7, trust + 1)
      else if (found === window.raw[index]) {
        this.trust[kind] = Math.max(0, trust - 1)
        this.unitIsRaw = true
      }
    }
    this.lastDelta = (found - (window.predicted[index] as number)) & 255
    this.c3 = this.c2
    this.c2 = this.c1
    this.c1 = found
    this.since++
  }

  private decideSwitch(given: number): number {
    const { model, base } = this
    model.begin()
    model.direct(base.switch + runClass(this.run))
    model.direct(base.switch + 16 + (this.history & 15))
    this.parts.coder.part = partOf.switch
    return model.decide(this.parts.coder, this.weight.switch, given)
  }

  private alternative(index: number, given: number): number {
    const { model, window, base } = this
    const kind = window.kind[index] as number
    model.begin()
    model.direct(base.place + (this.unitMisses & 7) * 4 + ((window.position[index] as number) & 3))
    if (!this.parts.isSmall) model.direct(base.alternative + kind * 8 + (this.trust[kind] as number))
    this.parts.coder.part = partOf.alternative
    return model.decide(this.parts.coder, this.weight.alternative, given)
  }

  private flag(index: number, given: number): number {
    const { model, window, base, first } = this
    const { isSmall, isSparing } = this.parts
    const kind = window.kind[index] as number
    const unit = window.unit[index] as number
    const target = window.target[index] as number
    const run = runClass(this.run)
    const unitHash = Math.imul(unit, 0x9e3779b1) + kind * 0x3c6ef372
    const state = this.differs === 1 ? 8 + (this.trust[kind] as number) : this.unitMisses & 7
    model.begin()
    model.direct(base.kindRun + (isSmall && isSparing ? kind * 8 + (run >> 1) : kind * 16 + run))
    model.direct(base.history + (this.history & 63) * 4 + kindClass(kind))
    model.direct(base.trust + kind * 16 + state)
    model.hashed(unitHash + this.unitMisses * 0x1000193 + 1, true)
    model.hashed((first * 256 + this.c1) * 64 + kind + 0x20000000, true)
    model.hashed(Math.imul(target === 0 ? this.history & 255 : target, 0xc2b2ae35) + kind * 16 + this.unitMisses, true)
    let set = 0
    if (!isSmall) {
      model.direct(base.since + Math.min(15, 32 - Math.clz32(this.since)) * 16 + run)
      model.direct(base.kindHistory + kind * 16 + ((this.kindHistory[kind] as number) & 15))
      model.hashed(
        Math.imul((first * 256 + this.c1) * 256 + this.c2, 0x85ebca6b) + 0x30000000 + Math.min(this.run, 2),
        true,
      )
      set = this.differs * 2 + (this.run < 4 ? 1 : 0)
    }
    this.parts.coder.part = partOf.flag
    const hit = model.decide(
      this.parts.coder,
      this.weight.flag + set * 144,
      given,
      this.parts.hasSecond ? kind * 9 : -1,
    )
    this.history = ((this.history << 1) | (1 - hit)) & 255
    this.kindHistory[kind] = ((this.kindHistory[kind] as number) << 1) | (1 - hit)
    this.unitMisses = ((this.unitMisses << 1) | (1 - hit)) & 255
    this.run = hit === 1 ? Math.min(this.run + 1, 65535) : 0
    return hit
  }

  private literal(index: number, given: number): number {
    const { model, window, base, weight, first } = this
    const { coder, isSmall } = this.parts
    const kind = window.kind[index] as number
    const gap = (this.history & 15) === 15 ? 1 : 0
    const expected = ((window.predicted[index] as number) + (this.kindDelta[kind] as number)) & 255
    const unitHash =
      Math.imul(window.unit[index] as number, 0x9e3779b1) + kind * 0x3c6ef372 + this.unitMisses * 0x1000193
    const expected2 = ((window.predicted[index] as number) + this.lastMiss) & 255
    const order2 = Math.imul(this.c1 * 256 + this.c2, 0x85ebca6b)
    const order3 = order2 + Math.imul(this.c3 + 1, 0x5bd1e995)
    const direct = base.literal + (isSmall ? 0 : kindClass(kind) * 256)
    const second = this.parts.hasSecond ? firstLiteralSecond + kindClass(kind) * 8 : -1
    coder.part = partOf.literal
    let node = 1
    for (let at = 7; at >= 0; at--) {
      if (at === 0 && node === (first | 256) >> 1) {
        node = (node << 1) | (1 - (first & 1))
        break
      }
      const salt = Math.imul(node, 0x27d4eb2f)
      model.begin()
      model.direct(direct + node)
      model.hashed((first * 64 + kind) * 2 + gap + salt + 0x1100000)
      model.hashed(this.c1 * 8 + kindClass(kind) + salt + 0x2200000)
      model.hashed(unitHash + salt)
      model.hashed(expected * 128 + kind + salt + 0x3300000)
      let set = 0
      if (!isSmall) {
        model.hashed(order2 + salt)
        model.hashed(order3 + salt)
        model.hashed(expected2 * 512 + this.lastDelta + salt + 0x4400000)
        set = gap * 3 + (at > 6 ? 0 : at > 3 ? 1 : 2)
      }
      node = (node << 1) | model.decide(coder, weight.literal + set * 128, (given >> at) & 1, second)
    }
    const found = node & 255
    this.lastMiss = (found - (window.predicted[index] as number)) & 255
    this.kindDelta[kind] = (found - (window.predicted[index] as number)) & 255
    return found
  }
}

function kindClass(kind: number): number {
  if (kind < 4) return 0
  if (kind < 10) return 1
  if (kind < 14) return 2
  return 3
}
