import { engine } from "../../core/domain/actor.ts"
import { pullFacts } from "../../core/domain/pull.ts"
import { commit } from "./commit.ts"
import { familyOf } from "./families.ts"
import { silenceLimitMs } from "../../core/domain/plan.ts"
import { rhythmOf } from "../../core/rollout/rhythm.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { moveUpdate, mayRunOther, runsUnknown } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { pullContext, recordFact } from "./record-fact.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families">

/** Settles the devices that read an offer and did not fetch in their time. Called about once a second. */
export async function settleUndecided(needs: Needs): Promise<void> {
  const at = needs.clock.monotonic()
  const facts = [...needs.live.undecided].flatMap((live) => {
    const { update } = live
    if (update === null || update.offer === null || update.image === null) return []
    const { contact } = update.pull
    const { settleMs } = familyOf(needs.families, live.device.family).pull.contact(live.device.model)
    if (contact === null || at < contact.lastAt + settleMs / needs.live.deviceSpeed) return []
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
      const limitMs = silenceLimitMs(rollout.rollout.plan, {
        state,
        family,
        rhythmMs: rhythmOf(live.rhythm)?.medianMs ?? null,
      })
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
