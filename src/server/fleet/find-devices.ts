import type { Group } from "../../core/domain/group-member.ts"
import { Heap } from "../../core/kit/heap.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import type { LiveDevice } from "./live-fleet.ts"

export type FindNeeds = Pick<FleetNeeds, "live" | "families" | "clock">

/** How a list of devices is ordered; those that are equal there, by their ids. */
export type DeviceOrder = "id" | "seen" | "added"

/** Where a page ended: the value by which it is ordered, and the id. */
export interface DevicePlace {
  readonly value: number
  readonly id: string
}

export interface DevicePageQuery {
  /** Group expressions that all must match. */
  readonly groups: readonly string[]
  readonly order: DeviceOrder
  readonly backwards: boolean
  readonly after: DevicePlace | null
  readonly limit: number
}

export interface DevicePage {
  readonly devices: readonly LiveDevice[]
  /** Devices that match, on whichever page they are. */
  readonly total: number
}

/** Devices that are looked at before the others have their turn. */
const atOnce = 500
/** So long a set of devices is handed out once more, ms: to whoever turns its pages, and to others while nothing has changed. */
const keptMs = 2000
const keptSets = 8

const values: Readonly<Record<Exclude<DeviceOrder, "id">, (live: LiveDevice) => number>> = {
  seen: ({ seenAt }) => seenAt,
  added: ({ device }) => device.addedAt,
}

/** Finds devices of the fleet. What has to look at all of them does so in small steps, once for all who ask the same. */
export class DeviceFinder {
  readonly #needs: FindNeeds
  readonly #kept = new Map<string, Kept>()

  constructor(needs: FindNeeds) {
    this.#needs = needs
  }

  /** One page. Refuses `bad-group`. */
  async page({ groups, order, backwards, after, limit }: DevicePageQuery): Promise<DevicePage> {
    if (groups.length === 0 && order === "id") return this.#plainPage({ backwards, after, limit })
    const all = groups.length === 0 ? null : await this.matching(groups, after === null ? "now" : "lately")
    const total = all?.length ?? this.#needs.live.devices.size
    const turn = { backwards, after, limit }
    const devices =
      order === "id"
        ? idPage(all ?? [], turn)
        : await this.#ordered(all ?? this.#needs.live.devices.values(), { order, ...turn })
    return { devices, total }
  }

  /**
   * Every device that all these expressions mean, by id: as they are now, or as they were a moment ago where somebody found
   * them then. Refuses `bad-group`.
   */
  matching(groups: readonly string[], when: "now" | "lately" = "now"): Promise<readonly LiveDevice[]> {
    const key = JSON.stringify(groups)
    const now = this.#needs.clock.monotonic()
    const { changes } = this.#needs.live
    for (const [other, { at }] of this.#kept) if (now - at > keptMs) this.#kept.delete(other)
    const kept = this.#kept.get(key)
    if (kept !== undefined && (when === "lately" || kept.changes === changes)) return kept.found
    const matches = groups.map((group) => fleetGroup(this.#needs, group))
    const found = this.#scan(matches)
    this.#kept.delete(key)
    this.#kept.set(key, { at: now, changes, found })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptSets) break
      this.#kept.delete(oldest)
    }
    return found
  }

  async #scan(groups: readonly Group[]): Promise<readonly LiveDevice[]> {
    const { live, clock } = this.#needs
    const found: LiveDevice[] = []
    let looked = 0
    for (const id of live.deviceIds.after(null)) {
      if (++looked % atOnce === 0) await clock.breathe()
      const device = live.devices.get(id)
      if (device === undefined) continue
      const member = groupMember(device)
      if (groups.every((group) => group(member))) found.push(device)
    }
    return found
  }

  #plainPage({ backwards, after, limit }: Turn): DevicePage {
    const { live } = this.#needs
    const from = after?.id ?? null
    const devices: LiveDevice[] = []
    for (const id of backwards ? live.deviceIds.before(from) : live.deviceIds.after(from)) {
      const device = live.devices.get(id)
      if (device !== undefined) devices.push(device)
      if (devices.length >= limit) break
    }
    return { devices, total: live.devices.size }
  }

  /** The first so many after a place, by one look at all: nothing keeps them in an order that changes with every contact. */
  async #ordered(
    all: Iterable<LiveDevice>,
    { order, backwards, after, limit }: Turn & { readonly order: Exclude<DeviceOrder, "id"> },
  ): Promise<readonly LiveDevice[]> {
    const valueOf = values[order]
    const sign = backwards ? -1 : 1
    const compare = (a: DevicePlace, b: DevicePlace): number =>
      sign * (a.value - b.value || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    // The last of those that are on the page so far leaves first.
    const page = new Heap<DevicePlace & { readonly live: LiveDevice }>((a, b) => compare(a, b) > 0)
    let looked = 0
    for (const live of all) {
      if (++looked % atOnce === 0) await this.#needs.clock.breathe()
      const place = { value: valueOf(live), id: live.device.id, live }
      if (after !== null && compare(place, after) <= 0) continue
      const last = page.peek()
      if (page.size >= limit && last !== undefined && compare(place, last) > 0) continue
      page.push(place)
      if (page.size > limit) page.pop()
    }
    const rows: LiveDevice[] = []
    for (let next = page.pop(); next !== undefined; next = page.pop()) rows.push(next.live)
    return rows.reverse()
  }
}

interface Kept {
  readonly at: number
  /** The fleet's count of changes when it was found. */
  readonly changes: number
  readonly found: Promise<readonly LiveDevice[]>
}

/** So long what was counted is told once more, ms. */
const countedMs = 1000

/** Keeps what was found for a second: however many ask, it is looked for once in that time. */
export function keptLately<Found>({
  monotonic,
}: Pick<FleetNeeds["clock"], "monotonic">): (key: string, find: () => Promise<Found>) => Promise<Found> {
  const kept = new Map<string, { readonly at: number; readonly found: Promise<Found> }>()
  return (key, find) => {
    const now = monotonic()
    for (const [other, { at }] of kept) if (now - at >= countedMs || kept.size > 4 * keptSets) kept.delete(other)
    const known = kept.get(key)
    if (known !== undefined) return known.found
    const found = find()
    kept.set(key, { at: now, found })
    found.catch(() => kept.delete(key))
    return found
  }
}

type Turn = Pick<DevicePageQuery, "backwards" | "after" | "limit">

/** The place of a device in an order. */
export function placeOf(live: LiveDevice, order: DeviceOrder): DevicePlace {
  return { value: order === "id" ? 0 : values[order](live), id: live.device.id }
}

/** A page of devices that are in order. */
function idPage(all: readonly LiveDevice[], { backwards, after, limit }: Turn): readonly LiveDevice[] {
  if (!backwards) {
    const from = after === null ? 0 : firstFrom(all, ({ device }) => device.id > after.id)
    return all.slice(from, from + limit)
  }
  const to = after === null ? all.length : firstFrom(all, ({ device }) => device.id >= after.id)
  return all.slice(Math.max(0, to - limit), to).reverse()
}

function firstFrom<Row>(rows: readonly Row[], isPast: (row: Row) => boolean): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row !== undefined && !isPast(row)) low = middle + 1
    else high = middle
  }
  return low
}
