import { type ArchitectureName, architectures } from "../predict/architectures.ts"
import { readerOf } from "../predict/detect.ts"
import { Translation } from "../predict/translate.ts"
import { Window } from "../predict/window.ts"
import { AddressMap } from "./address-map.ts"
import { type Analysis, analyse, analyseAgain } from "./analyse.ts"
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
  plain(architecture: ArchitectureName | "auto"): Analysis {
    const known = this.plainly.get(architecture)
    const found = known ?? analyse(this.oldBytes, this.newBytes, architecture, this.matcher.segments())
    this.plainly.set(architecture, found)
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
    into.set(window.predicted.subarray(0, into.length))
  }
}
