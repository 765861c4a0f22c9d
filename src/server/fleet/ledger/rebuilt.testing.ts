import { expect } from "vitest"
import type { FleetNeeds } from "../fleet-needs.ts"
import { isLive, type LiveFleet, tally } from "../live-fleet.ts"
import { loadFleet } from "../load-fleet.ts"
import { LiveRollout } from "../live-rollout.ts"

/**
 * Memory says what the store says: it is compared with one that is built anew from what is committed. What a device read or
 * fetches (`pull`) may be newer in memory: it is saved with the next thing that counts.
 */
export async function expectRebuilt({
  live,
  store,
  clock,
}: Pick<FleetNeeds, "live" | "store" | "clock">): Promise<void> {
  expect(pictureOf(live)).toEqual(pictureOf(await loadFleet(store, clock)))
  expectCounted(live)
  const counters = await store.counters()
  for (const { rollout, book } of live.rollouts.values()) {
    const stored = new LiveRollout(rollout)
    stored.takeCounts(counters.filter(({ rolloutId }) => rolloutId === rollout.id))
    expect(countersOf(stored.book)).toEqual(countersOf(book))
  }
}

/** What the counters say of a rollout; money is a sum of fractions. */
function countersOf({ phases, offered, spent }: LiveRollout["book"]) {
  return {
    phases: phases.map(({ counts }) => Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))),
    offered,
    bytes: spent.bytes,
    sms: spent.sms,
    money: Math.round(spent.money * 1e6),
  }
}

/** The counters say what a look at every device says. */
export function expectCounted({ devices, deviceIds, census }: LiveFleet): void {
  const cells = new Map<string, number>()
  const labels: Record<string, Record<string, number>> = {}
  const attention: string[] = []
  for (const live of devices.values()) {
    const standing = JSON.stringify(census.standing(live))
    cells.set(standing, (cells.get(standing) ?? 0) + 1)
    if (census.standing(live).reason !== null) attention.push(live.device.id)
    for (const [label, value] of Object.entries(live.device.labels)) {
      const values = (labels[label] ??= {})
      values[value] = (values[value] ?? 0) + 1
    }
  }
  const counted = [...census.cells()].map(
    ({ devices: count, ...standing }) => [JSON.stringify(standing), count] as const,
  )
  expect(new Map(counted)).toEqual(cells)
  expect([...census.attention.after(null)]).toEqual(attention.sort())
  expect(
    Object.fromEntries([...census.labels()].map(([label, values]) => [label, Object.fromEntries(values)])),
  ).toEqual(labels)
  expect([...deviceIds.after(null)]).toEqual([...devices.keys()].sort())
}

function pictureOf(fleet: LiveFleet) {
  const sorted = <Value>(entries: Iterable<readonly [string, Value]>) =>
    Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
  const owner = (login: { readonly kind: string; readonly device?: object; readonly channel?: object }): unknown =>
    login.device ?? login.channel
  return {
    devices: sorted([...fleet.devices].map(([id, { device }]) => [id, device])),
    updates: sorted(
      [...fleet.devices].map(([id, { update }]) => {
        if (update === null) return [id, null]
        const { pull: _, ...rest } = update
        return [id, rest]
      }),
    ),
    troubles: sorted([...fleet.devices].map(([id, { update, trouble }]) => [id, update === null ? trouble : null])),
    logins: sorted([...fleet.logins].map(([user, login]) => [user, owner(login)])),
    tickets: sorted([...fleet.tickets].map(([user, { device }]) => [user, device.id])),
    releases: sorted(fleet.releases),
    channels: sorted([...fleet.channels].map(([name, { channel }]) => [name, channel])),
    enrolments: sorted(fleet.enrolments),
    tokens: sorted(fleet.tokens),
    users: sorted(fleet.users),
    sessions: sorted(fleet.sessions),
    webhooks: sorted(fleet.webhooks),
    standings: sorted(fleet.standings),
    groups: sorted(fleet.groups),
    deltas: sorted(fleet.deltas),
    rollouts: sorted([...fleet.rollouts].map(([id, { rollout }]) => [id, rollout])),
    states: sorted(
      [...fleet.rollouts.values()]
        .filter(({ rollout }) => isLive(rollout.state))
        .map((rollout) => [rollout.rollout.id, { states: sorted(rollout.states), counts: tally(rollout) }]),
    ),
  }
}
