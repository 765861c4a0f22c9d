import type { Segment } from "../match/segments.ts"
import { groupsOf, type Run, type Step } from "./order.ts"

export interface OrderQuestion {
  readonly segments: readonly Segment[]
  readonly sourceSize: number
  readonly targetSize: number
  readonly sectorSize: number
  readonly slots: number
  /** Sectors that are staged before any is put in place. */
  readonly staging: number
  readonly runCap: number
}

/**
 * An order in which few old bytes are overwritten before they are read, within `runCap` runs. Several are tried: each
 * sorts the sectors as `sorted` says, with another patience; and a sweep over the whole image in either direction. What
 * costs least, in bytes that are lost and in runs to be told, is taken. What is lost is read as zeros, and costs literals.
 */
export function findOrder(question: OrderQuestion): Run[] {
  const sectors = Math.ceil(question.targetSize / question.sectorSize)
  const reads = readsOf(question, sectors)
  const candidates = [plainSweep(sectors, 1), plainSweep(sectors, -1)]
  const { slots } = question
  for (const patience of sectors > mostForAll ? [0, 1024] : patiences) {
    for (const goesOn of slots > 0 ? [false, true] : [false]) {
      candidates.push(toRuns(sorted(reads, { ...question, sectors, patience, goesOn, sweep: 0 })))
    }
    for (const sweep of slots > 0 ? ([1, -1] as const) : [])
      candidates.push(toRuns(sorted(reads, { ...question, sectors, patience, goesOn: false, sweep })))
  }
  let best: { runs: Run[]; cost: number } | undefined
  for (const runs of candidates) {
    if (runs.length > question.runCap) continue
    const cost = lostBytes(reads, runs, question) * lostByte + runs.length * runInPatch
    if (best === undefined || cost < best.cost) best = { runs, cost }
  }
  return best?.runs ?? []
}

/** Prices in bits, for choosing an order only. */
const lostByte = 7
const runInPatch = 24

/** How many bytes may be lost so that a run goes on. */
const patiences = [0, 16, 64, 256, 1024, 4096]
/** Images of more sectors are sorted with fewer patiences. */
const mostForAll = 4096

/** For each sector of the new image how many bytes it takes from each old sector. */
function readsOf(
  { segments, sourceSize, targetSize, sectorSize }: OrderQuestion,
  sectors: number,
): Map<number, number>[] {
  const reads = Array.from({ length: sectors }, () => new Map<number, number>())
  for (const [index, { newStart, shift }] of segments.entries()) {
    const end = Math.min(segments[index + 1]?.newStart ?? targetSize, sourceSize + shift, targetSize)
    let at = Math.max(newStart, shift)
    while (at < end) {
      const old = Math.floor((at - shift) / sectorSize)
      const into = Math.floor(at / sectorSize)
      const to = Math.min(end, (old + 1) * sectorSize + shift, (into + 1) * sectorSize)
      const row = reads[into] as Map<number, number>
      if (old < sectors && old !== into) row.set(old, (row.get(old) ?? 0) + to - at)
      at = to
    }
  }
  return reads
}

/** One run over all sectors. */
const plainSweep = (sectors: number, step: 1 | -1): Run[] => [
  { start: step > 0 ? 0 : sectors - 1, length: sectors, step, keep: 0 },
]

/** How many old bytes are lost when the sectors are written in the order of `runs`. */
export function lostIn(question: OrderQuestion, runs: readonly Run[]): number {
  return lostBytes(readsOf(question, Math.ceil(question.targetSize / question.sectorSize)), runs, question)
}

/** How many old bytes an order loses: overwritten, and not kept when they are read. */
function lostBytes(
  reads: readonly Map<number, number>[],
  runs: readonly Run[],
  { slots, staging }: Pick<OrderQuestion, "slots" | "staging">,
): number {
  const written = new Uint8Array(reads.length)
  const kept = new Int32Array(slots).fill(-1)
  let lost = 0
  for (const group of groupsOf(runs, staging)) {
    for (const { sector, keep } of group) if (keep > 0) kept[keep - 1] = sector
    for (const { sector } of group) {
      for (const [old, bytes] of reads[sector] as Map<number, number>) {
        if (written[old] === 1 && !kept.includes(old)) lost += bytes
      }
    }
    for (const { sector } of group) written[sector] = 1
  }
  return lost
}

/** What sectors are sorted by. */
interface Sorting {
  readonly sectors: number
  readonly slots: number
  readonly staging: number
  /** How many bytes may be lost so that a run goes on to its neighbour. */
  readonly patience: number
  /** Whether a cycle is broken at the neighbour, as long as a slot is free to keep it. */
  readonly goesOn: boolean
  /** 0: sectors are sorted; else they go by their numbers, and only what is kept is chosen. */
  readonly sweep: 1 | -1 | 0
}

/**
 * A sector goes when nothing reads its old bytes any more, or no more than the patience allows; in a cycle, the one that
 * fewest bytes are still read of goes first. Of each group that is staged together, what is still read afterwards is kept as far as
 * slots are free; a slot is free again with the group after the last that reads it.
 */
function sorted(reads: readonly Map<number, number>[], sorting: Sorting): Step[] {
  const { sectors, slots, staging, patience, goesOn, sweep } = sorting
  /** Bytes of each old sector that are still to be read, and how many sectors read them. */
  const bytesLeft = new Float64Array(sectors)
  const readersLeft = new Int32Array(sectors)
  for (const row of reads) {
    for (const [old, bytes] of row) {
      bytesLeft[old] = (bytesLeft[old] as number) + bytes
      readersLeft[old] = (readersLeft[old] as number) + 1
    }
  }
  const done = new Uint8Array(sectors)
  const keptIn = new Map<number, number>()
  const freed: number[] = []
  const free = Array.from({ length: slots }, (_, i) => slots - i)
  const ready = new Set<number>()
  for (let sector = 0; sector < sectors; sector++) if (readersLeft[sector] === 0) ready.add(sector)
  const steps: { sector: number; keep: number }[] = []
  let last = -1
  let direction = 1
  const endGroup = (): void => {
    const group = steps.slice(steps.length - ((steps.length - 1) % staging) - 1)
    const needed = group.filter(({ sector }) => (bytesLeft[sector] as number) > patience)
    needed.sort((a, b) => (bytesLeft[b.sector] as number) - (bytesLeft[a.sector] as number))
    for (const step of needed) {
      step.keep = free.pop() ?? takenFrom(keptIn, bytesLeft, step.sector)
      if (step.keep > 0) keptIn.set(step.sector, step.keep)
    }
    free.push(...freed.splice(0))
  }
  const isOpen = (sector: number): boolean => sector >= 0 && sector < sectors && done[sector] === 0
  const next = (): number => {
    if (sweep !== 0) return sweep > 0 ? steps.length : sectors - 1 - steps.length
    const neighbours = [last + direction, last - direction].filter(isOpen)
    const cheap = neighbours.find((sector) => (bytesLeft[sector] as number) <= patience)
    return cheap ?? nearest(ready, last) ?? (goesOn && free.length > 0 ? neighbours[0] : undefined) ?? leastRead()
  }
  const leastRead = (): number => {
    let best = -1
    for (let sector = 0; sector < sectors; sector++) {
      if (done[sector] === 1) continue
      if (best < 0 || (bytesLeft[sector] as number) < (bytesLeft[best] as number)) best = sector
    }
    return best
  }
  while (steps.length < sectors) {
    const sector = next()
    if (Math.abs(sector - last) === 1) direction = sector - last
    steps.push({ sector, keep: 0 })
    done[sector] = 1
    ready.delete(sector)
    last = sector
    for (const [old, bytes] of reads[sector] as Map<number, number>) {
      bytesLeft[old] = (bytesLeft[old] as number) - bytes
      readersLeft[old] = (readersLeft[old] as number) - 1
      if (readersLeft[old] !== 0) continue
      const slot = keptIn.get(old)
      if (slot !== undefined) freed.push(slot)
      keptIn.delete(old)
      if (done[old] === 0) ready.add(old)
    }
    if (steps.length % staging === 0 || steps.length === sectors) endGroup()
  }
  return steps
}

/** The slot of the kept sector that fewest bytes are still read of, if they are fewer than those of another; it is given up. 0: none. */
function takenFrom(keptIn: Map<number, number>, bytesLeft: Float64Array, sector: number): number {
  let least = sector
  for (const kept of keptIn.keys()) if ((bytesLeft[kept] as number) < (bytesLeft[least] as number)) least = kept
  const slot = keptIn.get(least) ?? 0
  keptIn.delete(least)
  return slot
}

function nearest(ready: ReadonlySet<number>, last: number): number | undefined {
  let best: number | undefined
  for (const sector of ready) {
    if (best === undefined || Math.abs(sector - last) < Math.abs(best - last)) best = sector
  }
  return best
}

function toRuns(steps: readonly Step[]): Run[] {
  const runs: { start: number; length: number; step: 1 | -1; keep: number }[] = []
  let last: Step | undefined
  for (const step of steps) {
    const run = runs.at(-1)
    const move = last === undefined ? 0 : step.sector - last.sector
    const continues =
      run !== undefined && step.keep === 0 && (run.length === 1 ? Math.abs(move) === 1 : move === run.step)
    if (continues) {
      run.step = move === 1 ? 1 : -1
      run.length++
    } else runs.push({ start: step.sector, length: 1, step: 1, keep: step.keep })
    last = step
  }
  return runs
}
