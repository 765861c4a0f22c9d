import { engine } from "../../core/domain/actor.ts"
import type { Device, Rollout, Update } from "../../core/domain/records.ts"
import { resumedPull } from "../../core/domain/pull-state.ts"
import { parseRhythm } from "../../core/rollout/rhythm.ts"
import { withDueTime } from "./ledger/due-times.ts"
import { type ClaimsOf, isLive, isWatched, LiveFleet } from "./live-fleet.ts"
import { byTry, LiveRollout } from "./live-rollout.ts"
import type { Clock, Count, Store } from "./needs.ts"

/** Fills the memory from the store. */
export async function loadFleet(
  store: Store,
  clock: Clock,
  claimsOf?: ClaimsOf,
  isAstray?: (device: Device) => boolean,
): Promise<LiveFleet> {
  const fleet = new LiveFleet(clock, claimsOf, isAstray)
  fleet.resumeUptime(await store.uptime())
  const [devices, releases, rollouts, channels, enrolments, tokens, groups, deltas, updates, seen, counters] =
    await Promise.all([
      store.devices(),
      store.releases(),
      store.rollouts(),
      store.channels(),
      store.enrolments(),
      store.tokens(),
      store.groups(),
      store.deltas(),
      store.liveUpdates(),
      store.seen(),
      store.counters(),
    ])
  for (const delta of deltas) fleet.deltas.set(delta.key, delta)
  for (const token of tokens) fleet.tokens.set(token.id, token)
  for (const user of await store.users()) fleet.users.set(user.name, user)
  for (const session of await store.sessions()) fleet.sessions.set(session.id, session)
  for (const webhook of await store.webhooks()) fleet.webhooks.set(webhook.name, webhook)
  for (const standing of await store.webhookStandings()) fleet.standings.set(standing.name, standing)
  for (const group of groups) fleet.groups.set(group.name, group)
  for (const release of releases) fleet.releases.set(release.id, release)
  for (const rollout of rollouts) fleet.setRollout(rollout)
  for (const [id, counts] of byRollout(counters)) {
    const live = fleet.rollouts.get(id)
    if (live !== undefined && !isLive(live.rollout.state)) live.takeCounts(counts)
  }
  for (const device of devices) fleet.addDevice(device)
  for (const channel of channels) fleet.setChannel(channel)
  for (const { name, polls } of await store.channelPolls()) {
    const live = fleet.channels.get(name)
    if (live !== undefined) Object.assign(live, { polls, savedPolls: polls })
  }
  for (const enrolment of enrolments) fleet.enrolments.set(enrolment.id, enrolment)
  for (const row of seen) {
    const live = fleet.devices.get(row.deviceId)
    if (live === undefined) continue
    live.seenAt = row.at
    live.rhythm.set(parseRhythm(row.rhythm))
    live.peer = row.peer
    live.quietSince = row.upAt
    fleet.census.count(live, live.device)
  }
  const now = clock.monotonic()
  for (const update of [...updates].sort(byTry)) {
    const state = fleet.rollouts.get(update.rolloutId)?.rollout.state ?? "aborted"
    if (!isLive(state) && (state === "aborted" || !isWatched(update))) continue
    const resumed = { ...update, pull: resumedPull(update.pull, now) }
    // What an earlier version of the server wrote says nothing of silence.
    fleet.setUpdate(resumed.dueAt === undefined ? withDueTime(fleet, resumed) : resumed)
  }
  await forgetOvertaken(store, fleet)
  await countUncounted(store, fleet, new Set(counters.map(({ rolloutId }) => rolloutId)))
  const troubles = new Map((await store.troubledDevices()).map(({ deviceId, state }) => [deviceId, state]))
  for (const live of fleet.devices.values()) {
    const trouble = troubles.get(live.device.id) ?? null
    if (live.update !== null || live.trouble === trouble) continue
    live.trouble = trouble
    fleet.census.count(live, live.device)
  }
  return fleet
}

function byRollout(counters: readonly Count[]): ReadonlyMap<string, readonly Count[]> {
  const found = new Map<string, Count[]>()
  for (const count of counters) {
    const known = found.get(count.rolloutId)
    if (known === undefined) found.set(count.rolloutId, [count])
    else known.push(count)
  }
  return found
}

/** A rollout that is made from its updates once more. */
export function recounted(fleet: LiveFleet, rollout: Rollout, updates: readonly Update[]): LiveRollout {
  const counted = new LiveRollout(rollout)
  for (const update of [...updates].sort(byTry)) {
    counted.setUpdate(update, fleet.factsOf(update))
  }
  return counted
}

/** Rollouts of a version of the server that kept no counters are counted once. */
async function countUncounted(store: Store, fleet: LiveFleet, known: ReadonlySet<string>): Promise<void> {
  for (const live of fleet.rollouts.values()) {
    const { id, state } = live.rollout
    if (known.has(id)) continue
    const counted = isLive(state) ? live : recounted(fleet, live.rollout, await store.updatesOfRollout(id))
    const counts = counted.counts()
    if (counts.length > 0) await store.commit(engine, [{ count: counts }])
    if (counted === live) continue
    const again = new LiveRollout(live.rollout)
    again.takeCounts(counts)
    for (const [deviceId] of live.states) {
      const update = fleet.devices.get(deviceId)?.update
      if (update?.rolloutId === id) again.setUpdate(update, fleet.factsOf(update))
    }
    fleet.rollouts.set(id, again)
  }
}

/** What a device did in an earlier rollout is nothing that it is offered, once a later one has had it. */
async function forgetOvertaken(store: Store, fleet: LiveFleet): Promise<void> {
  const newest = Math.max(0, ...[...fleet.rollouts.values()].map(({ rollout }) => rollout.number))
  const current = new Set([...fleet.devices.values()].flatMap(({ update }) => update?.rolloutId ?? []))
  for (const id of current) {
    if (fleet.rollouts.get(id)?.rollout.number === newest) continue
    for (const deviceId of await store.overtakenDevices(id)) fleet.forgetUpdate(deviceId, id)
  }
}
