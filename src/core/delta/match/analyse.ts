import type { Relation } from "../code/relation.ts"
import { type ArchitectureName, architectures } from "../predict/architectures.ts"
import { repairs } from "../predict/detect.ts"
import { Translation } from "../predict/translate.ts"
import { AddressMap } from "./address-map.ts"
import { mapEntries } from "./build-map.ts"
import { findRegions, findValueShifts, wordPairs } from "./find-addresses.ts"
import { pruneValues } from "./prune-values.ts"
import { findSegments, type Segment } from "./segments.ts"

/** Where the words of an image begin: so many bytes are thought before its first, to make its alignment even. */
export interface Phase {
  readonly old: number
  readonly new: number
}

/**
 * What the generator found out about a pair of images. All offsets are in the coder's space: an image's own offset
 * plus its phase. The padded images have their offsets in that space.
 */
export interface Analysis extends Relation {
  readonly phase: Phase
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  readonly segments: readonly Segment[]
  readonly architecture: ArchitectureName
  /** Other instruction sets that are worth a try, when none stands out. */
  readonly rivals: readonly ArchitectureName[]
}

/** Matches the images and finds their instruction set (unless given), alignment, addresses and shifts. */
export function analyse(oldBytes: Uint8Array, newBytes: Uint8Array, given: ArchitectureName | "auto"): Analysis {
  const segments = findSegments(oldBytes, newBytes)
  const images = { oldBytes, newBytes, segments }
  let best = analysePhase(images, { old: 0, new: 0 }, { given, windows: manyWindows })
  const misses = countMisses(oldBytes, newBytes, segments)
  if (misses < 64 || best.score > misses / 3) return pruned(best.analysis)
  const odd = mostlyOdd(segments, newBytes.length)
  for (const phase of otherPhases(odd)) {
    // A look at a few windows first: nearly always an alignment is worth no more than that.
    const hint = analysePhase(images, phase, { given, windows: fewWindows })
    if (hint.score <= best.score) continue
    const next = analysePhase(images, phase, { given, windows: manyWindows })
    if (next.score > best.score * 1.2 + 64) best = next
  }
  return pruned(best.analysis)
}

function pruned(analysis: Analysis): Analysis {
  return { ...analysis, values: pruneValues(analysis) }
}

/** Windows on which instruction sets are tried. */
const manyWindows = 8192
const fewWindows = 1024

function otherPhases(odd: boolean): Phase[] {
  const phases: Phase[] = []
  for (let old = 0; old < 4; old++) {
    for (const phase of odd ? [old, (old + 1) & 3, (old + 3) & 3] : [old])
      if (old + phase > 0) phases.push({ old, new: phase })
  }
  return phases
}

interface Images {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  readonly segments: readonly Segment[]
}

function padded(bytes: Uint8Array, front: number): Uint8Array {
  if (front === 0) return bytes
  const whole = new Uint8Array(bytes.length + front)
  whole.set(bytes, front)
  return whole
}

function analysePhase(
  images: Images,
  phase: Phase,
  { given, windows }: { readonly given: ArchitectureName | "auto"; readonly windows: number },
): { score: number; analysis: Analysis } {
  const oldBytes = padded(images.oldBytes, phase.old)
  const newBytes = padded(images.newBytes, phase.new)
  const change = phase.new - phase.old
  const segments = images.segments.map(({ newStart, shift }) => ({
    newStart: newStart + phase.new,
    shift: shift + change,
  }))
  const entries = mapEntries(oldBytes, newBytes, segments)
  const map = new AddressMap(entries)
  const pairs = wordPairs(oldBytes, newBytes, segments)
  const regions = findRegions({ oldBytes, newBytes, phase }, pairs, map)
  const values = findValueShifts(pairs, new Translation(map, regions, []))
  const evidence = { oldBytes, newBytes, segments, translation: new Translation(map, regions, values) }
  const found = architectures
    .filter(({ name }) => given === "auto" || name === given)
    .map(({ name, predictors }) => {
      const { score, repaired } = repairs(evidence, predictors, windows)
      return {
        name,
        score: score - (name === "none" ? 0 : 16),
        repaired,
        readsPointers: predictors.length > 1 || name === "none",
      }
    })
  const best = found.reduce((most, next) => (next.score > most.score ? next : most))
  const standsOut =
    best.name !== "none" && best.score > 256 && best.score > countMisses(oldBytes, newBytes, segments) / 4
  // What a predictor repairs beyond the pointers that it shares with "none".
  const shared = found.find((row) => row.name === "none")?.repaired ?? 0
  const own = (row: { readonly readsPointers: boolean; readonly repaired: number }): number =>
    row.readsPointers ? row.repaired - shared : row.repaired
  const rivals = standsOut
    ? []
    : found
        .filter((row) => row !== best && own(row) > 16)
        .sort((a, b) => own(b) - own(a))
        .slice(0, 2)
        .map((row) => row.name)
  const { score, name: architecture } = best
  return { score, analysis: { phase, oldBytes, newBytes, segments, entries, regions, values, architecture, rivals } }
}

function countMisses(oldBytes: Uint8Array, newBytes: Uint8Array, segments: readonly Segment[]): number {
  let misses = 0
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = segments[index + 1]?.newStart ?? newBytes.length
    for (let at = newStart; at < end; at++) if (oldBytes[at - shift] !== newBytes[at]) misses++
  }
  return misses
}

function mostlyOdd(segments: readonly Segment[], newLength: number): boolean {
  let odd = 0
  for (const [index, { newStart, shift }] of segments.entries()) {
    if ((shift & 1) === 1) odd += (segments[index + 1]?.newStart ?? newLength) - newStart
  }
  return odd > newLength / 2
}
