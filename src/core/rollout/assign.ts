import type { RolloutPlan } from "../domain/plan.ts"

/** A device as the phases see it. */
export interface Candidate {
  readonly id: string
  /** Family and model in one text. */
  readonly kind: string
}

export interface Assignment {
  /** For each device, in the order in which they came: the index of its phase. */
  readonly phases: readonly number[]
  /** Kinds of device of which a phase that should cover every model has none. */
  readonly uncovered: readonly { readonly phase: string; readonly kinds: readonly string[] }[]
}

/**
 * Deals the devices, which stand in the order of their ranks, to the plan's phases. A phase that covers models takes one
 * device of each kind first, the most numerous kinds before the others.
 */
export function assignPhases<Device extends Candidate>(
  { phases }: Pick<RolloutPlan, "phases">,
  devices: readonly Device[],
  matches: (expression: string) => (device: Device) => boolean,
): Assignment {
  const assigned = devices.map(() => -1)
  const uncovered: { phase: string; kinds: string[] }[] = []
  for (const [index, { name, size, coversModels }] of phases.entries()) {
    const fits = size.kind === "group" ? matches(size.group) : () => true
    const free = devices.flatMap((device, at) => (assigned[at] === -1 && fits(device) ? [at] : []))
    const limit = limitOf(size, devices.length)
    const first = coversModels ? oneOfEach(devices, free) : []
    const chosen = [...first.slice(0, limit), ...free.filter((at) => !first.includes(at))].slice(0, limit)
    for (const at of chosen) assigned[at] = index
    const missing = first.slice(limit).map((at) => devices[at]?.kind ?? "")
    if (missing.length > 0) uncovered.push({ phase: name, kinds: missing.sort() })
  }
  // Without a phase for the rest, whoever is left belongs to the last.
  return { phases: assigned.map((phase) => (phase === -1 ? phases.length - 1 : phase)), uncovered }
}

function limitOf(size: RolloutPlan["phases"][number]["size"], total: number): number {
  if (size.kind === "count") return size.count
  if (size.kind === "percent") return Math.ceil((total * size.percent) / 100 - 1e-9)
  return Infinity
}

/** The first device of each kind, the most numerous kinds first. */
function oneOfEach(devices: readonly Candidate[], free: readonly number[]): readonly number[] {
  const kinds = new Map<string, { readonly first: number; count: number }>()
  for (const at of free) {
    const kind = devices[at]?.kind ?? ""
    const known = kinds.get(kind)
    if (known === undefined) kinds.set(kind, { first: at, count: 1 })
    else known.count++
  }
  return [...kinds.values()].sort((a, b) => b.count - a.count || a.first - b.first).map(({ first }) => first)
}

/** A prime, the modulus of ranks. */
const rankModulus = 2 ** 31 - 1

/** A device's number for all rollouts, 0 to 2^31 - 2: a stable hash of its id (FNV-1a). */
export function bucketOf(deviceId: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < deviceId.length; i++) hash = Math.imul(hash ^ deviceId.charCodeAt(i), 0x01000193)
  // Mixed once more: ids that differ in their last character alone would stay neighbours.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) % rankModulus
}

/** A device's place in one rollout's order: the same multiplier (from 1) gives the same order. */
export function rankOf(bucket: number, multiplier: number): number {
  // Both are below 2^31 and a number holds 53 bits: half of the bucket at a time.
  const high = ((bucket >>> 16) * multiplier) % rankModulus
  return (high * 65_536 + (bucket & 0xffff) * multiplier) % rankModulus
}
