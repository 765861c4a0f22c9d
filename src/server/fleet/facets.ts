import { clausesOf } from "../../core/domain/group-clauses.ts"
import type { Group, GroupMember } from "../../core/domain/group-member.ts"
import { type FindNeeds, keptLately } from "./find-devices.ts"
import { Tally } from "./fleet-summary.ts"
import { fleetGroup, groupMember } from "./group-context.ts"

/** How many devices there would be with each value, if nothing were asked of that key. */
export interface Facet {
  /** As a group expression names it: `family`, `model`, `running`, `state`, or a label. */
  readonly key: string
  readonly isLabel: boolean
  readonly values: readonly { readonly value: string; readonly devices: number }[]
}

export interface Facets {
  /** Devices that match all. */
  readonly devices: number
  readonly facets: readonly Facet[]
}

interface Compiled {
  readonly key: string | null
  readonly group: Group
}

/** Devices that are looked at before the others have their turn. */
const atOnce = 500
const shownValues = 50
/** Labels that most devices have. */
const shownLabels = 8
const named = ["family", "model", "running", "state"] as const

/** Counts the devices that match by what they are, each key without its own clauses. Many who ask the same are answered by one look. */
export class FacetFinder {
  readonly #needs: FindNeeds
  readonly #kept: (key: string, find: () => Promise<Facets>) => Promise<Facets>

  constructor(needs: FindNeeds) {
    this.#needs = needs
    this.#kept = keptLately(needs.clock)
  }

  /** `within`: what the caller may see; null = all. Refuses `bad-group`. */
  find(within: string | null, expression: string): Promise<Facets> {
    const clauses: Compiled[] = (expression === "" ? [] : clausesOf(expression)).map(({ key, text }) => ({
      key,
      group: fleetGroup(this.#needs, text),
    }))
    if (within !== null) clauses.push({ key: null, group: fleetGroup(this.#needs, within) })
    return this.#kept(JSON.stringify([within, expression]), () => this.#count(clauses))
  }

  async #count(clauses: readonly Compiled[]): Promise<Facets> {
    const { live, clock } = this.#needs
    const labels = labelsOf(live.census.labels())
    const tallies = new Map([...named, ...labels].map((key) => [key, new Tally<string>()]))
    let devices = 0
    let looked = 0
    for (const device of live.devices.values()) {
      if (++looked % atOnce === 0) await clock.breathe()
      const member = groupMember(device)
      const missed = missedKey(clauses, member)
      if (missed === undefined) continue
      if (missed === null) devices++
      for (const [key, tally] of tallies) {
        if (missed !== null && missed !== key) continue
        const value = valueOf(member, key)
        if (value !== null) tally.add(value, 1)
      }
    }
    const facets = [...tallies].map(([key, tally]) => ({
      key,
      isLabel: labels.includes(key),
      values: tally.most(shownValues),
    }))
    return { devices, facets }
  }
}

/** The one key whose clauses alone a device misses; null = it misses none, undefined = it misses more. */
function missedKey(clauses: readonly Compiled[], member: GroupMember): string | null | undefined {
  let missed: string | null = null
  for (const { key, group } of clauses) {
    if (group(member)) continue
    if (key === null || (missed !== null && missed !== key)) return undefined
    missed = key
  }
  return missed
}

function labelsOf(labels: ReadonlyMap<string, ReadonlyMap<string, number>>): readonly string[] {
  return [...labels]
    .map(([key, values]) => ({ key, devices: [...values.values()].reduce((sum, count) => sum + count, 0) }))
    .filter(({ key }) => !(named as readonly string[]).includes(key))
    .sort((a, b) => b.devices - a.devices || a.key.localeCompare(b.key))
    .slice(0, shownLabels)
    .map(({ key }) => key)
}

function valueOf(member: GroupMember, key: string): string | null {
  const own = named.find((one) => one === key)
  if (own !== undefined) return member[own] ?? null
  return Object.hasOwn(member.labels, key) ? (member.labels[key] ?? null) : null
}
