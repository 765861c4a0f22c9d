import { rolloutById } from "./find-rollout.ts"
import { freshMarks } from "../../core/domain/marks.ts"
import { type RolloutPlan, simplePlan } from "../../core/domain/plan.ts"
import type { Rollout } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { Enrolment, joinAtOnce } from "./enrol-devices.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isOver } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"
import { makeOffers } from "./make-offers.ts"
import { chooseMembers, type RolloutMember, type RolloutWish } from "./plan-rollout.ts"
import { membersOf, type ShownPlan } from "./shown-plans.ts"
import { demandRehearsal } from "./rehearsed-models.ts"
import { demandTakeOver } from "./take-over.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText"> & OnBehalf

export interface RolloutOrder extends RolloutWish {
  /** A device silent for longer than this becomes `no-show`, ms. */
  readonly silenceTimeoutMs: number
}

/** Starts a rollout without a plan: one phase, everybody at once. */
export async function startRollout(needs: Needs, order: RolloutOrder): Promise<LiveRollout> {
  const { releaseIds: releases, group, silenceTimeoutMs: silenceMs } = order
  const plan = simplePlan({ releases: [...new Set(releases)], group, silenceMs })
  return startWith(needs, { plan, members: await chooseMembers(needs, order), again: order.again === true })
}

/** How a plan is started. */
export interface StartWish {
  /** Offers the release also to devices that are believed to run it. */
  readonly again?: boolean
  /** false = refuses to take devices from other rollouts. */
  readonly mayTakeOver?: boolean
  /** It waits for a second person, whatever the plan says. */
  readonly mustBeApproved?: boolean
  /** The id that it gets; absent = a new one. */
  readonly id?: string | undefined
}

/** Starts the rollout that a plan describes, and resolves when it has begun whole. Refuses what `beginPlan` refuses. */
export async function startPlan(needs: Needs, plan: RolloutPlan, wish: StartWish = {}): Promise<LiveRollout> {
  const { live, done } = await beginPlan(needs, plan, wish)
  await done
  return live
}

/**
 * Begins the rollout that a plan describes; it goes on by itself. Refuses what `chooseMembers` refuses, `not-rehearsed`, and
 * `take-over` where that is not allowed.
 */
export async function beginPlan(
  needs: Needs,
  given: RolloutPlan,
  { again, mayTakeOver = true, mustBeApproved = false, id }: StartWish = {},
): Promise<BegunRollout> {
  const plan = mustBeApproved ? { ...given, approval: true } : given
  const prediction = needs.live.predictions.get(JSON.stringify(given)) ?? null
  const members = await chooseMembers(needs, { releaseIds: plan.releases, group: plan.group, again })
  await demandRehearsal(needs, members)
  if (!mayTakeOver) demandTakeOver(needs, members, plan.priority)
  return beginWith(needs, { id, plan, members, prediction, again: again === true })
}

/** Starts a plan that was shown, for just the devices that were shown. Refuses what `membersOf` refuses, and `not-rehearsed`. */
export async function beginShown(
  needs: Needs,
  shown: ShownPlan,
  { mustBeApproved = false, id }: Pick<StartWish, "mustBeApproved" | "id"> = {},
): Promise<BegunRollout> {
  const plan = mustBeApproved ? { ...shown.plan, approval: true } : shown.plan
  const members = membersOf(needs, shown)
  await demandRehearsal(needs, members)
  const prediction = needs.live.predictions.get(JSON.stringify(shown.plan)) ?? null
  return beginWith(needs, { id, plan, members, prediction, again: shown.again })
}

/** Devices with their releases, and how they are brought there. */
export interface RolloutStart {
  readonly id?: string | undefined
  readonly plan: RolloutPlan
  readonly members: readonly RolloutMember[]
  readonly rollbackOf?: string
  /** Offers the release also to devices that are believed to run it. */
  readonly again?: boolean
  readonly prediction?: JsonObject | null
}

/** A rollout that has begun, and what is still to come of its beginning. */
export interface BegunRollout {
  readonly live: LiveRollout
  /** Resolves when every device has joined it and what may be offered at once is offered. */
  readonly done: Promise<void>
  /** Whether that takes a while. */
  readonly isLong: boolean
}

/** Starts a rollout, and resolves when it has begun whole. */
export async function startWith(needs: Needs, start: RolloutStart): Promise<LiveRollout> {
  const { live, done } = await beginWith(needs, start)
  await done
  return live
}

/**
 * Begins a rollout: it and its first devices are durable when this resolves, the others join it after that; then the engine
 * begins. Devices that another rollout is updating are taken over from it, unless that one has a higher priority.
 */
export async function beginWith(needs: Needs, start: RolloutStart): Promise<BegunRollout> {
  const members = start.members.filter(({ device }) => !isKept(needs, device.id, start.plan.priority))
  if (members.length === 0)
    throw new Refusal("empty-rollout", { detail: "rollouts of a higher priority have them all" })
  const rollout = newRollout(needs, start, members.length)
  const enrolment = new Enrolment(needs, rollout, members)
  await enrolment.begin()
  const live = rolloutById(needs, rollout.id)
  const done = enrolment.end(live).then(() => makeOffers(needs, live))
  return { live, done, isLong: members.length > joinAtOnce }
}

function newRollout(needs: Needs, { plan, ...start }: RolloutStart, devices: number): Rollout {
  const now = needs.clock.now()
  const number = needs.live.nextRolloutNumber()
  // Spread over the whole range by a multiplier that no small number divides.
  const rankMultiplier = 1 + ((number * 1_103_515_245) % (2 ** 31 - 2))
  const isOpen = !plan.approval && plan.startsAt === null && plan.phases[0]?.gate === "automatic"
  const marks = freshMarks(plan, { rankMultiplier, openedAt: isOpen ? now : null })
  const enrolling = { devices, again: start.again === true, takenFrom: [] }
  return {
    id: start.id ?? `o-${needs.randomText(8)}`,
    number,
    releaseIds: [...plan.releases],
    group: plan.group,
    state: "running",
    silenceTimeoutMs: plan.silence.defaultMs,
    plan,
    marks: { ...marks, rollbackOf: start.rollbackOf ?? null, prediction: start.prediction ?? null, enrolling },
    startedAt: now,
    endedAt: null,
  }
}

/** Whether a rollout of a higher priority keeps the device. */
export function isKept({ live }: Pick<Needs, "live">, deviceId: string, priority: number): boolean {
  const update = live.devices.get(deviceId)?.update ?? null
  if (update === null || isOver(update)) return false
  return (live.rollouts.get(update.rolloutId)?.rollout.plan.priority ?? 0) > priority
}
