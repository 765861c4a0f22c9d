import type { Relation } from "../code/relation.ts"
import { type FormatVersion, newestVersion } from "../container.ts"
import { type ArchitectureName, architectures, architecturesOf } from "../predict/architectures.ts"
import { type Evidence, repairs } from "../predict/detect.ts"
import { Translation } from "../predict/translate.ts"
import { AddressMap } from "./address-map.ts"
import { mapEntries } from "./build-map.ts"
import { findLoadBase, findRegions, findValueShifts, wordPairs } from "./find-addresses.ts"
import { pruneValues } from "./prune-values.ts"
import { hasReferences, referencePairs } from "./references.ts"
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

interface Begin {
  readonly segments?: readonly Segment[]
  /** Instruction sets that decoders of this format version do not know are not tried. */
  readonly version?: FormatVersion
}

/** Matches the images and finds their instruction set (unless given), alignment, addresses and shifts. */
export function analyse(
  oldBytes: Uint8Array,
  newBytes: Uint8Array,
  given: ArchitectureName | "auto",
  { segments = findSegments(oldBytes, newBytes), version = newestVersion }: Begin = {},
): Analysis {
  const images = { oldBytes, newBytes, segments, version }
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

/** The same for segments found otherwise: alignment and instruction set are those of `known`. */
export function analyseAgain(
  images: Images,
  { phase, architecture }: Pick<Analysis, "phase" | "architecture">,
): Analysis {
  return pruned(analysePhase(images, phase, { given: architecture, windows: manyWindows }).analysis)
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

export interface Images {
  readonly oldBytes: Uint8Array
  readonly newBytes: Uint8Array
  readonly segments: readonly Segment[]
  readonly version?: FormatVersion
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
  // The look of a few windows does without the value map: finding it takes longest.
  const values = windows === fewWindows ? [] : findValueShifts(pairs, new Translation(map, regions, []))
  const usual = { regions, values }
  const padding = { oldBytes, newBytes, segments }
  const knownAddresses = new Map<ArchitectureName, Addresses>()
  const addresses = (name: ArchitectureName): Addresses => {
    const found = knownAddresses.get(name) ?? (windows === fewWindows ? usual : ownAddresses(name, padding, map, usual))
    knownAddresses.set(name, found)
    return found
  }
  const rated = (rows: readonly Architecture[], most: number): Rated[] =>
    rows.map((row) => {
      const found = addresses(row.name)
      return rate(row, { ...padding, translation: new Translation(map, found.regions, found.values) }, most)
    })
  const known = given === "auto" ? architecturesOf(images.version ?? newestVersion) : architectures
  const possible = known.filter(({ name }) => given === "auto" || name === given)
  // A look at a few windows tells which are worth more.
  const promising = windows === fewWindows ? possible : mostPromising(rated(possible, fewWindows))
  const found = rated(promising, windows)
  const best = found.reduce((most, next) => (next.score > most.score ? next : most))
  const standsOut =
    best.name !== "none" && best.score > 256 && best.score > countMisses(oldBytes, newBytes, segments) / 4
  const own = ownRepairs(found)
  const rivals = standsOut
    ? []
    : found
        .filter((row) => row !== best && own(row) > 16)
        .sort((a, b) => own(b) - own(a))
        .slice(0, 2)
        .map((row) => row.name)
  const { score, name: architecture } = best
  return { score, analysis: { phase, ...padding, entries, ...addresses(architecture), architecture, rivals } }
}

type Addresses = Pick<Relation, "regions" | "values">

/** Load address and shifts of data by what the instructions refer to, where those of an instruction set tell more than aligned words. */
function ownAddresses(
  name: ArchitectureName,
  images: { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array; readonly segments: readonly Segment[] },
  map: AddressMap,
  usual: Addresses,
): Addresses {
  const length = images.oldBytes.length
  const base = hasReferences(name, "code") ? findLoadBase(referencePairs(name, "code", images), map, length) : null
  const whole = { oldOffset: 0, oldLength: length, newOffset: 0 }
  const regions = hasReferences(name, "code")
    ? base === null
      ? []
      : [{ ...whole, oldAddress: base, newAddress: base }]
    : usual.regions
  if (!hasReferences(name, "data")) return { regions, values: usual.values }
  return { regions, values: findValueShifts(referencePairs(name, "data", images), new Translation(map, regions, [])) }
}

type Architecture = (typeof architectures)[number]

interface Rated {
  readonly row: Architecture
  readonly name: ArchitectureName
  readonly score: number
  readonly repaired: number
}

function rate(row: Architecture, evidence: Evidence, windows: number): Rated {
  const { score, repaired } = repairs(evidence, row.predictors, windows)
  return { row, name: row.name, score: score - (row.name === "none" ? 0 : 16), repaired }
}

/** What a predictor repairs beyond the pointers that it shares with "none". */
function ownRepairs(found: readonly Rated[]): (rated: Rated) => number {
  const shared = found.find(({ name }) => name === "none")?.repaired ?? 0
  return ({ row, repaired }) => (row.predictors.length > 1 || row.name === "none" ? repaired - shared : repaired)
}

/** "none", against which the others are held, and the best four by score and by what they repair. */
function mostPromising(found: readonly Rated[]): Architecture[] {
  const own = ownRepairs(found)
  const best = (value: (rated: Rated) => number): Rated[] => [...found].sort((a, b) => value(b) - value(a)).slice(0, 4)
  const kept = new Set([...best(({ score }) => score), ...best(own)])
  return found.filter((rated) => rated.name === "none" || kept.has(rated)).map(({ row }) => row)
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
