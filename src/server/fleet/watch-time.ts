import { engine } from "../../core/domain/actor.ts"
import { pullFacts } from "../../core/domain/pull.ts"
import { commit } from "./commit.ts"
import { speedOf } from "./device-speed.ts"
import { familyOf } from "./families.ts"
import { silenceLimitMs } from "../../core/domain/plan.ts"
import { runsUnknown } from "../../core/domain/running.ts"
import { rhythmOf } from "../../core/rollout/rhythm.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveRollout } from "./live-rollout.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { moveUpdate, mayRunOther } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { pullContext, recordFact } from "./record-fact.ts"
import { withLocks } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families">

/** Settles the devices that read an offer and did not fetch in their time. Called about once a second. */
export async function settleUndecided(needs: Needs): Promise<void> {
  const at = needs.clock.monotonic()
  const facts = [...needs.live.undecided].flatMap((live) => {
    const { update } = live
    if (update === null || update.offer === null || update.image === null) return []
    const { contact } = update.pull
    const { settleMs } = familyOf(needs.families, live.device.family).pull.contact(live.device.model)
    if (contact === null || at < contact.lastAt + settleMs / speedOf(needs.live, live.device)) return []
    const offered = { updateId: update.id, releaseId: update.releaseId, offer: update.offer, image: update.image }
    return [recordFact(needs, { live, offered, fact: { kind: "time-passed", at } })]
  })
  await Promise.all(facts)
}

/** Devices that are looked at in one transaction. */
const silentAtOnce = 500

/**
 * Turns devices that were silent for longer than their rollout allows into `no-show`. Silence is counted by a clock
 * that never jumps and only while a server was up, so that neither a wrong date nor our own outage accuses a device, and no
 * restart forgets it. Only those whose time may have come are looked at.
 */
export async function noticeSilence(needs: Needs): Promise<void> {
  const uptime = needs.live.uptime()
  for (const rollout of needs.live.rollouts.values()) {
    if (rollout.rollout.state !== "running" || (rollout.silentAt ?? Infinity) > uptime) continue
    const silent: LiveDevice[] = []
    for (const deviceId of rollout.takeSilent(uptime)) {
      const live = needs.live.devices.get(deviceId)
      const at = live === undefined ? null : silentAt(live, rollout)
      if (live === undefined || at === null) continue
      if (at < uptime) silent.push(live)
      else rollout.watchSilence(deviceId, at)
    }
    for (let from = 0; from < silent.length; from += silentAtOnce) {
      const chunk = silent.slice(from, from + silentAtOnce)
      try {
        await declareSilent(needs, chunk)
      } finally {
        // Whoever could not be written down is looked at again.
        for (const live of chunk) if (silentAt(live, rollout) !== null) rollout.watchSilence(live.device.id, uptime)
      }
    }
    if (silent.length > 0) await advanceRollout(needs, rollout)
  }
}

/** When a device counts as silent in a rollout, on the clock of uptime; null = nothing is waited for. */
function silentAt({ device, update, quietSince, rhythm }: LiveDevice, { rollout }: LiveRollout): number | null {
  if (update?.rolloutId !== rollout.id || isOver(update) || update.progress.state === "waiting") return null
  const { state } = update.progress
  const limit = silenceLimitMs(rollout.plan, {
    state,
    family: device.family,
    rhythmMs: rhythmOf(rhythm)?.medianMs ?? null,
  })
  return Math.max(update.dueAt ?? 0, quietSince + limit, (rollout.marks.silentFrom ?? 0) + limit)
}

/** Saves for how long servers of this store have been up. Called every few seconds: so much of it is lost at a crash. */
export async function saveUptime({ live, store }: Pick<FleetNeeds, "live" | "store">): Promise<void> {
  await store.saveUptime(Math.round(live.uptime()))
}

function declareSilent(needs: Needs, silent: readonly LiveDevice[]): Promise<void> {
  const thought = silent.map((live) => ({ live, update: live.update }))
  return withLocks(needs, silent, () => {
    // One that has done something meanwhile is not silent.
    const still = thought.flatMap(({ live, update }) => (live.update === update && update !== null ? [live] : []))
    return markSilent(needs, still)
  })
}

async function markSilent(needs: Needs, silent: readonly LiveDevice[]): Promise<void> {
  const at = needs.clock.now()
  const moves = silent.flatMap((live) => {
    const { update } = live
    if (update === null) return []
    const sentence = familyOf(needs.families, live.device.family).pull.words.silent(
      pullFacts(pullContext(needs, live, update), update.pull),
    )
    const move = moveUpdate(update, [{ kind: "silence", basis: "concluded", at, sentence }])
    return [{ ...move, live, device: mayRunOther(update) ? runsUnknown(live.device) : null }]
  })
  const changes = moves.flatMap(({ update, device, changes }): Change[] => [
    { put: "update", update },
    ...(device === null ? [] : [{ put: "device", device } as const]),
    ...changes,
  ])
  await commit(needs, engine, changes)
}

/** Saves what was counted of channels: what a server that is killed loses are the polls of its last seconds. */
export async function savePolls({ live, store }: Pick<FleetNeeds, "live" | "store">): Promise<void> {
  const rows = live.takePolls()
  if (rows.length > 0) await store.saveChannelPolls(rows)
}

/**
 * Saves last contacts, at most `limit` of them: they are read again only when a server starts, so a storm of polls need not
 * become a storm of writes. Who waits is saved later, with the newest contact.
 */
export async function saveContacts(
  { live, store }: Pick<FleetNeeds, "live" | "store">,
  limit = Number.POSITIVE_INFINITY,
): Promise<void> {
  const rows = live.takeContacts(limit)
  if (rows.length > 0) await store.saveSeen(rows)
}
