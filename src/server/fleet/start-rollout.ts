import { rolloutById } from "./find-rollout.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import { firstPlace, freshMarks } from "../../core/domain/marks.ts"
import { type RolloutPlan, simplePlan } from "../../core/domain/plan.ts"
import type { SharingSign } from "../../core/domain/pull-rules.ts"
import type { Device, Rollout, Update } from "../../core/domain/records.ts"
import type { Progress } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { assignPhases, bucketOf, rankOf } from "../../core/rollout/assign.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"
import { makeOffers } from "./make-offers.ts"
import { mayRunOther, type Move, moveUpdate, runsUnknown } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { chooseMembers, isThere, type RolloutMember, type RolloutWish } from "./plan-rollout.ts"
import { membersOf, type ShownPlan } from "./shown-plans.ts"
import { demandRehearsal } from "./rehearsed-models.ts"
import { demandTakeOver } from "./take-over.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText"> & OnBehalf

export interface RolloutOrder extends RolloutWish {
  /** A device silent for longer than this becomes `no-show`, ms. */
  readonly silenceTimeoutMs: number
}

/** Starts a rollout without a plan: one phase, everybody at once. */
export function startRollout(needs: Needs, order: RolloutOrder): Promise<LiveRollout> {
  const { releaseIds: releases, group, silenceTimeoutMs: silenceMs } = order
  const plan = simplePlan({ releases: [...new Set(releases)], group, silenceMs })
  return startWith(needs, { plan, members: chooseMembers(needs, order), again: order.again === true })
}

/** Starts the rollout that a plan describes. Refuses what `chooseMembers` refuses, `not-rehearsed`, and `take-over` where that is not allowed. */
export async function startPlan(
  needs: Needs,
  given: RolloutPlan,
  {
    mustBeApproved,
    ...more
  }: { readonly again?: boolean; readonly mayTakeOver?: boolean; readonly mustBeApproved?: boolean } = {},
): Promise<LiveRollout> {
  const plan = mustBeApproved === true ? { ...given, approval: true } : given
  const prediction = needs.live.predictions.get(JSON.stringify(given)) ?? null
  const members = chooseMembers(needs, { releaseIds: plan.releases, group: plan.group, again: more.again })
  await demandRehearsal(needs, members)
  if (more.mayTakeOver === false) demandTakeOver(needs, members, plan.priority)
  return startWith(needs, { plan, members, prediction, ...more })
}

/** Starts a plan that was shown, for just the devices that were shown. Refuses what `membersOf` refuses. */
export async function startShown(
  needs: Needs,
  shown: ShownPlan,
  { mustBeApproved = false }: { readonly mustBeApproved?: boolean } = {},
): Promise<LiveRollout> {
  const { again } = shown
  const plan = mustBeApproved ? { ...shown.plan, approval: true } : shown.plan
  const members = membersOf(needs, shown)
  await demandRehearsal(needs, members)
  const prediction = needs.live.predictions.get(JSON.stringify(shown.plan)) ?? null
  return startWith(needs, { plan, members, prediction, again })
}

/** Devices with their releases, and how they are brought there. */
export interface RolloutStart {
  readonly plan: RolloutPlan
  readonly members: readonly RolloutMember[]
  readonly rollbackOf?: string
  /** Offers the release also to devices that are believed to run it. */
  readonly again?: boolean
  readonly prediction?: JsonObject | null
}

/**
 * Starts a rollout: it and all its updates become durable together; then the engine begins. Devices that another rollout is
 * updating are taken over from it, unless that one has a higher priority.
 */
export async function startWith(needs: Needs, start: RolloutStart): Promise<LiveRollout> {
  const { plan } = start
  const now = needs.clock.now()
  const number = needs.live.nextRolloutNumber()
  // Spread over the whole range by a multiplier that no small number divides.
  const rankMultiplier = 1 + ((number * 1_103_515_245) % (2 ** 31 - 2))
  const isOpen = !plan.approval && plan.startsAt === null && plan.phases[0]?.gate === "automatic"
  const marks = freshMarks(plan, { rankMultiplier, openedAt: isOpen ? now : null })
  const rollout: Rollout = {
    id: `o-${needs.randomText(8)}`,
    number,
    releaseIds: [...plan.releases],
    group: plan.group,
    state: "running",
    silenceTimeoutMs: plan.silence.defaultMs,
    plan,
    marks: { ...marks, rollbackOf: start.rollbackOf ?? null, prediction: start.prediction ?? null },
    startedAt: now,
    endedAt: null,
  }
  const members = start.members.filter(({ device }) => !isKept(needs, device.id, plan.priority))
  if (members.length === 0)
    throw new Refusal("empty-rollout", { detail: "rollouts of a higher priority have them all" })
  const lives = members.flatMap(({ device }) => needs.live.devices.get(device.id) ?? [])
  const left = await takeTurns(lives, () => enrol(needs, rollout, members, start.again === true))
  for (const id of left) {
    const earlier = needs.live.rollouts.get(id)
    if (earlier !== undefined) await advanceRollout(needs, earlier)
  }
  const started = rolloutById(needs, rollout.id)
  await makeOffers(needs, started)
  return started
}

/** Whether a rollout of a higher priority keeps the device. */
function isKept({ live }: Needs, deviceId: string, priority: number): boolean {
  const update = live.devices.get(deviceId)?.update ?? null
  if (update === null || isOver(update)) return false
  return (live.rollouts.get(update.rolloutId)?.rollout.plan.priority ?? 0) > priority
}

/** Each device's phase, in the order of the rollout's ranks. */
export function phasesOf(
  needs: Pick<Needs, "live" | "families" | "clock">,
  { plan, rankMultiplier }: { readonly plan: RolloutPlan; readonly rankMultiplier: number },
  members: readonly RolloutMember[],
): ReadonlyMap<string, number> {
  const ranked = members
    .map(({ device }) => ({
      id: device.id,
      kind: `${device.family} ${device.model}`,
      rank: rankOf(bucketOf(device.id), rankMultiplier),
    }))
    .sort((a, b) => a.rank - b.rank)
  const { phases } = assignPhases(plan, ranked, (expression) => {
    const group = fleetGroup(needs, expression)
    return ({ id }) => {
      const live = needs.live.devices.get(id)
      return live !== undefined && group(groupMember(live))
    }
  })
  return new Map(ranked.map(({ id }, at) => [id, phases[at] ?? 0]))
}

/** Makes the rollout and its updates durable; gives the rollouts that devices were taken from. */
async function enrol(
  needs: Needs,
  rollout: Rollout,
  members: readonly RolloutMember[],
  again: boolean,
): Promise<ReadonlySet<string>> {
  const now = rollout.startedAt
  const phases = phasesOf(needs, { plan: rollout.plan, rankMultiplier: rollout.marks.rankMultiplier }, members)
  // What each runs is looked at now: it may have begun to fetch something since the plan was made.
  const updates = members.map((member) => {
    const live = needs.live.devices.get(member.device.id)
    const isAlready = live !== undefined && isThere(live, member.release, { again })
    const sharing = live?.update?.pull.sharing ?? null
    return newUpdate(rollout, { ...member, isThere: isAlready }, { phase: phases.get(member.device.id) ?? 0, sharing })
  })
  const superseded = members
    .map(({ device }) => supersede(needs, device.id, rollout.id, now))
    .filter((move) => move !== null)
  const doubted = again ? members.flatMap((member) => doubtedDevice(needs, member)) : []
  const changes: Change[] = [
    { put: "rollout", rollout },
    eventOf({
      at: now,
      kind: "rollout.started",
      rolloutId: rollout.id,
      sentence: `The rollout ${rollout.id} started for ${members.length} devices.`,
      data: { releaseIds: [...rollout.releaseIds], devices: members.length, group: rollout.group },
    }),
    ...[...superseded, ...updates].flatMap((move): Change[] => [
      { put: "update", update: move.update },
      ...move.changes,
    ]),
  ]
  changes.push(...doubted.map(({ device }): Change => ({ put: "device", device })))
  await commit(needs, needs.actor, changes)
  return new Set(superseded.map(({ update }) => update.rolloutId))
}

function newUpdate(
  rollout: Rollout,
  { device, release, isThere: isAlready, obstacle }: RolloutMember,
  { phase, sharing }: { readonly phase: number; readonly sharing: SharingSign | null },
) {
  const now = rollout.startedAt
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
    pull: { ...freshPull, sharing },
    place: { ...firstPlace, phase },
    packageId: null,
    ticket: null,
  }
  if (obstacle !== null) {
    return moveUpdate(update, [{ kind: "offer-impossible", basis: "concluded", at: now, sentence: obstacle }])
  }
  if (!isAlready) return { update, changes: [] }
  const sentence = `It ran version ${release.version} already when the rollout started.`
  return moveUpdate(update, [{ kind: "left-alone", basis: "concluded", at: now, sentence }])
}

/** Whoever offers a release again to a device that was concluded to run it does not believe that. */
function doubtedDevice({ live: fleet }: Needs, { device: { id }, release }: RolloutMember) {
  const live = fleet.devices.get(id)
  const running = live?.device.running
  if (live === undefined || running?.version !== release.version || running.evidence === "reported") return []
  return [{ live, device: runsUnknown(live.device) }]
}

/** Takes a device away from its rollout; one that may have that one's image runs nobody knows what. */
function supersede({ live: fleet }: Needs, deviceId: string, rolloutId: string, now: number): Superseded | null {
  const live = fleet.devices.get(deviceId)
  if (live === undefined || live.update === null || isOver(live.update)) return null
  const current = live.update
  const mayRun = mayRunOther(current)
  const rest = mayRun ? "; it may or may not run what it fetched" : ""
  const sentence = `The rollout ${rolloutId} took it over while it was ${current.progress.state}${rest}.`
  const move = moveUpdate(current, [{ kind: "superseded", basis: "observed", at: now, sentence }])
  const device = mayRun ? runsUnknown(live.device) : live.device
  return {
    ...move,
    live,
    device,
    changes: device === live.device ? move.changes : [{ put: "device", device }, ...move.changes],
  }
}

interface Superseded extends Move {
  readonly live: LiveDevice
  readonly device: Device
}
