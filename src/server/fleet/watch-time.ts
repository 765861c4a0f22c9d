import { engine } from "../../core/domain/actor.ts"
import { commit } from "./commit.ts"
import { familyOf } from "./families.ts"
import { silenceLimitMs } from "../../core/domain/plan.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { recordFact } from "./record-fact.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families">

/** Settles the devices that read an offer and did not fetch in their time. Called about once a second. */
export async function settleUndecided(needs: Needs): Promise<void> {
  const at = needs.clock.monotonic()
  const facts = [...needs.live.undecided].flatMap((live) => {
    const { update } = live
    if (update === null || update.offer === null || update.image === null) return []
    const { settleMs } = familyOf(needs.families, live.device.family).pull
    if (update.pull.pending === null || at < update.pull.pending.at + settleMs(live.device.model)) return []
    const offered = { updateId: update.id, releaseId: update.releaseId, offer: update.offer, image: update.image }
    return [recordFact(needs, { live, offered, fact: { kind: "time-passed", at } })]
  })
  await Promise.all(facts)
}

/**
 * Turns devices that were silent for longer than their rollout allows into `no-show`. Silence is counted by a clock
 * that never jumps and only while this server was up, so that neither a wrong date nor our own outage accuses a device.
 */
export async function noticeSilence(needs: Needs): Promise<void> {
  const now = needs.clock.monotonic()
  for (const rollout of needs.live.rollouts.values()) {
    if (rollout.rollout.state !== "running") continue
    const silent: LiveDevice[] = []
    for (const deviceId of rollout.states.keys()) {
      const live = needs.live.devices.get(deviceId)
      if (live?.update?.rolloutId !== rollout.rollout.id || isOver(live.update)) continue
      if (live.update.progress.state === "waiting") continue
      const { state } = live.update.progress
      const { family } = live.device
      const limitMs = silenceLimitMs(rollout.rollout.plan, { state, family, rhythmMs: null })
      if (now - live.quietSince > limitMs) silent.push(live)
    }
    if (silent.length === 0) continue
    await declareSilent(needs, silent)
    await advanceRollout(needs, rollout)
  }
}

function declareSilent(needs: Needs, silent: readonly LiveDevice[]): Promise<void> {
  const thought = silent.map((live) => ({ live, update: live.update }))
  return takeTurns(silent, () => {
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
    const { words } = familyOf(needs.families, live.device.family).pull
    const sentence = words.silent({
      version: needs.live.releases.get(update.releaseId)?.version ?? "",
      model: live.device.model,
      offer: update.offer ?? {},
      sizeBytes: update.image?.sizeBytes ?? 0,
      takenBytes: update.pull.coveredBytes,
      wholeFetches: update.pull.wholeFetches,
      reads: update.pull.idleReads,
    })
    return [moveUpdate(update, [{ kind: "silence", basis: "concluded", at, sentence }])]
  })
  const changes = moves.flatMap((move): Change[] => [{ put: "update", update: move.update }, ...move.changes])
  await commit(needs, engine, changes, () => {
    for (const { update } of moves) needs.live.setUpdate(update)
  })
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
