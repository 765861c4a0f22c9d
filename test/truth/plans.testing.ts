import type { ModelScripts } from "./scripts.testing.ts"
import { numbersFrom, runTruth, type TruthRun } from "./run.testing.ts"

/** What many runs came to. */
export interface TruthTally {
  runs: number
  falseSuccess: number
  falseFailure: number
  falseDecline: number
  otherMissed: number
  undecided: number
  uncorrected: number
  /** Contacts after the install until the server had decided, of the runs in which it had. */
  contacts: number[]
}

export function freshTally(): TruthTally {
  return {
    runs: 0,
    falseSuccess: 0,
    falseFailure: 0,
    falseDecline: 0,
    otherMissed: 0,
    undecided: 0,
    uncorrected: 0,
    contacts: [],
  }
}

/** Every sequence of one and of two faults, then sampled sequences of three, again and again with other seeds. */
export function faultsOf(names: readonly string[], seed: number): readonly string[] {
  const count = names.length
  const inRound = count + count * count
  const at = seed % (2 * inRound)
  const name = (index: number): string => names[index] ?? "none"
  if (at < count) return [name(at)]
  if (at < inRound) return [name(Math.floor((at - count) / count)), name((at - count) % count)]
  const random = numbersFrom(seed ^ 0x5bd1e995)
  return [0, 1, 2].map(() => name(Math.floor(random() * count)))
}

/** Runs of one model, by their seeds; `onLie` gets each run in which the server said what was not true. */
export function tallyRuns(
  scripts: ModelScripts,
  {
    from,
    count,
    tally = freshTally(),
    onLie,
  }: {
    readonly from: number
    readonly count: number
    readonly tally?: TruthTally
    readonly onLie?: (seed: number, run: TruthRun) => void
  },
): TruthTally {
  const names = scripts.old.map(({ fault }) => fault)
  for (let seed = from; seed < from + count; seed++) {
    const run = runTruth({ scripts, faults: faultsOf(names, seed), seed })
    tally.runs++
    if (run.falseSuccess) tally.falseSuccess++
    if (run.falseFailure) tally.falseFailure++
    if (run.falseDecline) tally.falseDecline++
    if (run.otherMissed) tally.otherMissed++
    if (run.end === "undecided") tally.undecided++
    if (!run.isCorrected) tally.uncorrected++
    if (run.contacts !== null) tally.contacts[run.contacts] = (tally.contacts[run.contacts] ?? 0) + 1
    if (run.falseSuccess || run.falseFailure || run.falseDecline || !run.isCorrected) onLie?.(seed, run)
  }
  return tally
}

/** The median of contacts until decided. */
export function medianContacts({ contacts }: TruthTally): number {
  const all = contacts.reduce((sum, count) => sum + count, 0)
  let passed = 0
  for (const [needed, count = 0] of contacts.entries()) {
    passed += count
    if (passed * 2 >= all) return needed
  }
  return 0
}
