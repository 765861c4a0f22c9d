import { freshPull } from "../../core/domain/pull.ts"
import type { Rollout, Update } from "../../core/domain/records.ts"
import type { Progress } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import { finishRollout } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveRollout } from "./live-fleet.ts"
import { makeOffers } from "./make-offers.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { chooseMembers, type RolloutMember, type RolloutWish } from "./plan-rollout.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

export interface RolloutOrder extends RolloutWish {
  /** A device silent for longer than this becomes `no-show`, ms. */
  readonly silenceTimeoutMs: number
}

/**
 * Starts a rollout: one phase, everybody at once. The rollout and all its updates become durable together; then the
 * offers are made. Devices that another rollout is updating are taken over from it.
 */
export async function startRollout(needs: Needs, order: RolloutOrder): Promise<LiveRollout> {
  const members = chooseMembers(needs, order)
  const rollout: Rollout = {
    id: `o-${needs.randomText(8)}`,
    number: needs.live.nextRolloutNumber(),
    releaseIds: [...new Set(order.releaseIds)],
    group: order.group,
    state: "running",
    silenceTimeoutMs: order.silenceTimeoutMs,
    startedAt: needs.clock.now(),
    endedAt: null,
  }
  const lives = members.flatMap(({ device }) => needs.live.devices.get(device.id) ?? [])
  const left = await takeTurns(lives, () => enrol(needs, rollout, members))
  for (const id of left) {
    const earlier = needs.live.rollouts.get(id)
    if (earlier !== undefined) await finishRollout(needs, earlier)
  }
  const started = needs.live.setRollout(rollout)
  await makeOffers(needs, started)
  return started
}

/** Makes the rollout and its updates durable; gives the rollouts that devices were taken from. */
async function enrol(needs: Needs, rollout: Rollout, members: readonly RolloutMember[]): Promise<ReadonlySet<string>> {
  const now = rollout.startedAt
  const updates = members.map((member) => newUpdate(rollout, member, now))
  const superseded = members
    .map(({ device }) => supersede(needs, device.id, rollout.id, now))
    .filter((move) => move !== null)
  const changes: Change[] = [
    { put: "rollout", rollout },
    eventOf({
      at: now,
      kind: "rollout.started",
      rolloutId: rollout.id,
      sentence: `The rollout ${rollout.id} started for ${members.length} devices.`,
      data: { releaseIds: rollout.releaseIds, devices: members.length, group: rollout.group },
    }),
    ...[...superseded, ...updates].flatMap((move): Change[] => [
      { put: "update", update: move.update },
      ...move.changes,
    ]),
  ]
  await commit(needs, changes, () => {
    for (const { update } of superseded) needs.live.setUpdate(update)
    needs.live.setRollout(rollout)
    for (const { update } of updates) needs.live.setUpdate(update)
  })
  return new Set(superseded.map(({ update }) => update.rolloutId))
}

function newUpdate(rollout: Rollout, { device, release, isThere }: RolloutMember, now: number) {
  const progress: Progress = {
    state: "waiting",
    attempt: 1,
    basis: "observed",
    since: now,
    sentence: `The rollout has not come to it yet.`,
    code: null,
  }
  const update: Update = {
    id: `${rollout.id}/${device.id}`,
    rolloutId: rollout.id,
    deviceId: device.id,
    releaseId: release.id,
    progress,
    offer: null,
    image: null,
    offerReason: null,
    pull: freshPull,
    packageId: null,
    ticket: null,
  }
  if (!isThere) return { update, changes: [] }
  const sentence = `It ran version ${release.version} already when the rollout started.`
  return moveUpdate(update, [{ kind: "left-alone", basis: "concluded", at: now, sentence }])
}

function supersede({ live }: Needs, deviceId: string, rolloutId: string, now: number) {
  const current = live.devices.get(deviceId)?.update ?? null
  if (current === null || isOver(current)) return null
  const sentence = `The rollout ${rolloutId} took it over while it was ${current.progress.state}.`
  return moveUpdate(current, [{ kind: "superseded", basis: "observed", at: now, sentence }])
}
