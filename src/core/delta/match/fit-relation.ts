import type { Relation, RelationLimits } from "../code/relation.ts"
import { architectures } from "../predict/architectures.ts"
import { eachWindow } from "../predict/detect.ts"
import { noShift, Translation, type ValueShift } from "../predict/translate.ts"
import { AddressMap, type MapEntry } from "./address-map.ts"
import type { Analysis } from "./analyse.ts"

/** The analysis' relation cut down to what a profile can hold: the pieces that are asked for most stay. */
export function fitRelation(analysis: Analysis, limits: RelationLimits): Relation {
  const entries = fitEntries(analysis, limits.mapCap)
  return {
    regions: analysis.regions.slice(0, limits.regionCap),
    entries,
    values: fitValues(analysis.values, limits.valueCap),
  }
}

function fitEntries(analysis: Analysis, cap: number): readonly MapEntry[] {
  const { entries, regions, values, architecture } = analysis
  if (entries.length <= cap) return entries
  const map = new AddressMap(entries)
  map.uses = new Int32Array(map.size)
  const predictors = architectures.find((row) => row.name === architecture)?.predictors ?? []
  eachWindow(
    { ...analysis, translation: new Translation(map, regions, values) },
    predictors,
    { every: 1 },
    () => undefined,
  )
  const { uses } = map
  const byUse = [...uses.keys()].sort((a, b) => (uses[b] as number) - (uses[a] as number) || a - b)
  let least = cap
  let most = byUse.length
  while (least < most) {
    const middle = (least + most + 1) >> 1
    if (withoutRepeats(map, byUse.slice(0, middle)).length <= cap) least = middle
    else most = middle - 1
  }
  return withoutRepeats(map, byUse.slice(0, least))
}

/** The pieces that were kept; where those between them are gone, one may say what the one before it says. */
function withoutRepeats(map: AddressMap, kept: readonly number[]): readonly MapEntry[] {
  const pieces = [...kept].sort((a, b) => a - b)
  const entries = pieces.map((i) => ({ oldStart: map.oldStarts[i] as number, shift: map.shifts[i] as number }))
  return entries.filter((entry, i) => entry.shift !== entries[i - 1]?.shift)
}

/** Drops the shortest pieces first: they are likely to hold the fewest values. */
function fitValues(values: readonly ValueShift[], cap: number): readonly ValueShift[] {
  let kept = [...values]
  while (kept.length > cap) {
    let least = 1
    const length = (i: number): number => (kept[i + 1] as ValueShift).start - (kept[i] as ValueShift).start
    for (let i = 1; i + 1 < kept.length; i++) if (length(i) < length(least)) least = i
    kept.splice(least, 1)
    kept = kept.filter((value, i) => i === 0 || value.shift !== (kept[i - 1] as ValueShift).shift)
  }
  const last = kept.at(-1)
  if (last !== undefined && last.shift !== noShift) kept[kept.length - 1] = { start: last.start, shift: noShift }
  return kept
}
