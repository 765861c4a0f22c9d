import { type FormatVersion, newestVersion } from "../container.ts"
import { type ArchitectureName, architectures } from "../predict/architectures.ts"
import { readerOf } from "../predict/detect.ts"
import { Translation } from "../predict/translate.ts"
import { Window } from "../predict/window.ts"
import type { RelationLimits } from "../code/relation.ts"
import { AddressMap } from "./address-map.ts"
import { type Analysis, analyse, analyseAgain } from "./analyse.ts"
import { fitRelation } from "./fit-relation.ts"
import { type Expect, Matcher, type Prices, prices } from "./segments.ts"

interface Look {
  readonly price: Partial<Prices>
  /** Whether hits are counted against what the decoder would predict, by what is known already, or against the old bytes. */
  readonly isTranslated: boolean
}

/** Other ways to look for segments, those that help most first. */
const looks = {
  short: { price: { enter: 24 * 16, shortestSeed: 3, dense: true }, isTranslated: true },
  long: { price: { enter: 24 * 16, shortestSeed: 6 }, isTranslated: true },
  plain: { price: { shortestSeed: 6 }, isTranslated: false },
} as const satisfies Record<string, Look>

export type Variant = keyof typeof looks
export const variants = Object.keys(looks) as readonly Variant[]

/** What was found out about two images, kept for who asks again: a second profile, another way of looking. */
export class Study {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  private readonly matcher: Matcher
  private readonly plainly = new Map<string, Analysis>()
  private readonly otherwise = new Map<Analysis, Map<Variant, Analysis>>()

  constructor(oldBytes: Uint8Array, newBytes: Uint8Array) {
    this.oldBytes = oldBytes
    this.newBytes = newBytes
    this.matcher = new Matcher(oldBytes, newBytes)
  }

  /** Instruction set (unless given), alignment, addresses and shifts. */
  plain(architecture: ArchitectureName | "auto", version: FormatVersion = newestVersion): Analysis {
    const key = `${architecture} ${version}`
    const segments = this.matcher.segments()
    const found = this.plainly.get(key) ?? analyse(this.oldBytes, this.newBytes, architecture, { segments, version })
    this.plainly.set(key, found)
    return found
  }

  /** The same with segments that are looked for otherwise, starting from what is `known`. */
  varied(known: Analysis, variant: Variant): Analysis {
    const row = this.otherwise.get(known) ?? new Map<Variant, Analysis>()
    this.otherwise.set(known, row)
    const found = row.get(variant) ?? this.look(known, looks[variant])
    row.set(variant, found)
    return found
  }

  /**
   * The same with the segments that are cheapest by what the decoder will know, cut down to a profile: where it goes over to
   * another shift by itself, and what it predicts.
   */
  settled(known: Analysis, limits: RelationLimits, enter: number): Analysis {
    const { phase } = known
    const { entries, regions, values } = fitRelation(known, limits)
    const fitted = { ...known, entries, regions, values }
    const map = new AddressMap(entries)
    const resets = Array.from({ length: map.size }, (_, rank) => ({
      newStart: map.newStartAt(rank) - phase.new,
      shift: map.shiftAt(rank) - phase.new + phase.old,
    }))
    const price = { ...prices, ...looks.short.price, enter: enter * 16 }
    const segments = this.matcher.segments(price, translated(fitted), resets)
    const change = phase.new - phase.old
    return {
      ...fitted,
      segments: segments.map(({ newStart, shift }) => ({ newStart: newStart + phase.new, shift: shift + change })),
    }
  }

  private look(known: Analysis, { price, isTranslated }: Look): Analysis {
    const segments = this.matcher.segments({ ...prices, ...price }, isTranslated ? translated(known) : null)
    return analyseAgain({ oldBytes: this.oldBytes, newBytes: this.newBytes, segments }, known)
  }
}

/** What the decoder would predict on each diagonal, by a relation that is known already. */
function translated(known: Analysis): Expect {
  const { phase, oldBytes, entries, regions, values, architecture } = known
  const translation = new Translation(new AddressMap(entries), regions, values)
  const predictors = architectures.find(({ name }) => name === architecture)?.predictors ?? []
  const read = readerOf(oldBytes)
  const window = new Window()
  return (at, shift, into) => {
    const place = {
      oldStart: at - shift + phase.old,
      length: into.length,
      shift: shift + phase.new - phase.old,
      clip: null,
    }
    window.load(read, place)
    for (const predict of predictors) predict(window, translation)
    const { newBytes } = known
    for (let i = 0; i < into.length; i++) {
      const raw = window.raw[i] as number
      into[i] = newBytes[at + phase.new + i] === raw ? raw : (window.predicted[i] as number)
    }
  }
}
