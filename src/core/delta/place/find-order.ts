import type { Segment } from "../match/segments.ts"
import type { Run } from "./order.ts"

export interface OrderQuestion {
  readonly segments: readonly Segment[]
  readonly sourceSize: number
  readonly targetSize: number
  readonly sectorSize: number
  readonly slots: number
  readonly runCap: number
}

/**
 * An order in which few old bytes are overwritten before they are read. A sector goes when nothing reads its old bytes
 * any more; in a cycle, the one that fewest still read goes first, kept in a free slot when there is one. What is lost
 * then is read as zeros, and costs literals.
 */
export function findOrder(question: OrderQuestion): Run[] {
  const sectors = Math.ceil(question.targetSize / question.sectorSize)
  const reads = readsOf(question, sectors)
  const steps = topological(reads, sectors, question.slots)
  const runs = toRuns(steps)
  if (runs.length <= question.runCap) return runs
  return [cheapestSweep(reads, sectors)]
}

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

/** One sweep over all sectors, in the direction that loses fewer old bytes. */
function cheapestSweep(reads: readonly Map<number, number>[], sectors: number): Run {
  let lostUpwards = 0
  let lostDownwards = 0
  for (const [sector, row] of reads.entries()) {
    for (const [old, bytes] of row) {
      if (old < sector) lostUpwards += bytes
      else lostDownwards += bytes
    }
  }
  return lostUpwards <= lostDownwards
    ? { start: 0, length: sectors, step: 1, keep: 0 }
    : { start: sectors - 1, length: sectors, step: -1, keep: 0 }
}

interface Step {
  readonly sector: number
  readonly keep: number
}

function topological(reads: readonly Map<number, number>[], sectors: number, slots: number): Step[] {
  const readers = Array.from({ length: sectors }, () => new Map<number, number>())
  for (const [sector, row] of reads.entries())
    for (const [old, bytes] of row) (readers[old] as Map<number, number>).set(sector, bytes)
  const done = new Uint8Array(sectors)
  const kept = new Map<number, number>()
  const free = Array.from({ length: slots }, (_, i) => slots - i)
  const ready = new Set<number>()
  for (let sector = 0; sector < sectors; sector++)
    if ((readers[sector] as Map<number, number>).size === 0) ready.add(sector)
  const steps: Step[] = []
  let last = -1
  let direction = 1
  while (steps.length < sectors) {
    let sector = [last + direction, last - direction].find((next) => ready.has(next)) ?? nearest(ready, last)
    let keep = 0
    if (sector === undefined) {
      sector = leastMissed(readers, done)
      keep = free.pop() ?? 0
      if (keep > 0) kept.set(sector, keep)
    }
    if (sector === last + 1) direction = 1
    else if (sector === last - 1) direction = -1
    steps.push({ sector, keep })
    done[sector] = 1
    ready.delete(sector)
    last = sector
    for (const old of (reads[sector] as Map<number, number>).keys()) {
      const row = readers[old] as Map<number, number>
      row.delete(sector)
      if (row.size > 0) continue
      const slot = kept.get(old)
      if (slot !== undefined) free.push(slot)
      kept.delete(old)
      if (done[old] === 0) ready.add(old)
    }
  }
  return steps
}

function nearest(ready: ReadonlySet<number>, last: number): number | undefined {
  let best: number | undefined
  for (const sector of ready) {
    if (best === undefined || Math.abs(sector - last) < Math.abs(best - last)) best = sector
  }
  return best
}

function leastMissed(readers: readonly Map<number, number>[], done: Uint8Array): number {
  let best = -1
  let fewest = Number.POSITIVE_INFINITY
  for (const [sector, row] of readers.entries()) {
    if (done[sector] === 1) continue
    let bytes = 0
    for (const count of row.values()) bytes += count
    if (bytes < fewest) {
      fewest = bytes
      best = sector
    }
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
