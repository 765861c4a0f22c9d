/** A package that leads a device from exactly one version to exactly one other. */
export interface Hop {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly sizeBytes: number
}

interface Reached {
  readonly hops: readonly Hop[]
  readonly bytes: number
}

/**
 * The cheapest way from one version to another over known packages: fewest bytes, then fewest hops, then the ids in order,
 * so that the same packages give the same way. Empty when from = to; null when there is none. Versions are compared as
 * exact texts.
 */
export function findChain(packages: readonly Hop[], from: string, to: string): readonly Hop[] | null {
  const leaving = byStart(packages)
  const best = new Map<string, Reached>([[from, { hops: [], bytes: 0 }]])
  const settled = new Set<string>()
  for (;;) {
    const next = nearest(best, settled)
    if (next === null) return null
    const [version, reached] = next
    if (version === to) return reached.hops
    settled.add(version)
    for (const hop of leaving.get(version) ?? []) {
      const there: Reached = { hops: [...reached.hops, hop], bytes: reached.bytes + hop.sizeBytes }
      const known = best.get(hop.to)
      if (!settled.has(hop.to) && (known === undefined || compare(there, known) < 0)) best.set(hop.to, there)
    }
  }
}

function byStart(packages: readonly Hop[]): ReadonlyMap<string, readonly Hop[]> {
  const groups = new Map<string, Hop[]>()
  for (const hop of packages) groups.set(hop.from, [...(groups.get(hop.from) ?? []), hop])
  return groups
}

function nearest(best: ReadonlyMap<string, Reached>, settled: ReadonlySet<string>): [string, Reached] | null {
  let found: [string, Reached] | null = null
  for (const entry of best) {
    if (settled.has(entry[0])) continue
    if (found === null || compare(entry[1], found[1]) < 0) found = entry
  }
  return found
}

function compare(a: Reached, b: Reached): number {
  if (a.bytes !== b.bytes) return a.bytes - b.bytes
  if (a.hops.length !== b.hops.length) return a.hops.length - b.hops.length
  const [left, right] = [a, b].map(({ hops }) => hops.map(({ id }) => id).join(" ")) as [string, string]
  return left < right ? -1 : left > right ? 1 : 0
}
