import type { BinaryCoder } from "../code/binary-coder.ts"
import { NumberModel } from "../code/number.ts"
import { DeltaError } from "../delta-error.ts"
import { SectorSet } from "./sector-set.ts"

/**
 * The order in which sectors are written in place. Runs of neighbours, because a list would cost a byte for each
 * sector: `length` sectors from `start` on, upwards or downwards. Before its first sector a run may have that
 * sector's old bytes kept in a slot of the preserve area.
 */
export interface Run {
  readonly start: number
  readonly length: number
  readonly step: 1 | -1
  /** 0: nothing is kept; n: slot n - 1. */
  readonly keep: number
}

export interface OrderLimits {
  readonly sectors: number
  readonly runCap: number
  readonly slots: number
}

/** Codes the runs. The decoder checks that they name every sector once. */
export function codeOrder(coder: BinaryCoder, given: readonly Run[], limits: OrderLimits): Run[] {
  const starts = new NumberModel()
  const lengths = new NumberModel()
  const keeps = new NumberModel()
  const count = lengths.unsigned(coder, given.length)
  if (count > limits.runCap) throw new DeltaError("bad-payload", `${count} runs of sectors`)
  const seen = new SectorSet(limits.sectors)
  let sectors = 0
  const runs: Run[] = []
  let next = 0
  for (let i = 0; i < count; i++) {
    const run = given[i] ?? { start: 0, length: 1, step: 1, keep: 0 }
    const start = next + starts.signed(coder, run.start - next)
    const length = lengths.unsigned(coder, run.length - 1) + 1
    const step = length > 1 && coder.bit(32768, run.step < 0 ? 1 : 0) === 1 ? -1 : 1
    const keep = keeps.unsigned(coder, run.keep)
    const last = start + (length - 1) * step
    if (Math.min(start, last) < 0 || Math.max(start, last) >= limits.sectors || keep > limits.slots) {
      throw new DeltaError("bad-payload", "a run of sectors leaves the image")
    }
    for (let sector = start; sector !== last + step; sector += step) {
      if (seen.has(sector)) throw new DeltaError("bad-payload", `sector ${sector} is written twice`)
      seen.add(sector)
      sectors++
    }
    runs.push({ start, length, step, keep })
    next = last + step
  }
  if (sectors < limits.sectors) throw new DeltaError("bad-payload", "a sector is not written")
  return runs
}

export interface Step {
  readonly sector: number
  /** The slot that the sector's old bytes go to, plus one; 0: none. */
  readonly keep: number
}

/** The steps in groups that are staged together: as many as there are sectors for staging. */
export function* groupsOf(runs: readonly Run[], staging: number): Generator<readonly Step[]> {
  let group: Step[] = []
  for (const step of stepsOf(runs)) {
    group.push(step)
    if (group.length < staging) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** The sectors in the order of their runs, each with the slot that keeps its old bytes (0 none). */
export function* stepsOf(runs: readonly Run[]): Generator<Step> {
  for (const run of runs) {
    for (let i = 0; i < run.length; i++) yield { sector: run.start + i * run.step, keep: i === 0 ? run.keep : 0 }
  }
}
