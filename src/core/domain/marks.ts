import type { RolloutPlan } from "./plan.ts"
import type { Progress } from "./update.ts"
import type { ReleaseRules, RolloutMarks, UpdatePlace } from "./records.ts"

/** A release that demands nothing. */
export const noRules: ReleaseRules = { floor: null, forbidden: [], security: null, mustBeRehearsed: false }

/** The marks of a rollout that begins. `openedAt` not null: its first phase is open from the beginning. */
export function freshMarks(
  plan: Pick<RolloutPlan, "phases">,
  { rankMultiplier, openedAt }: { readonly rankMultiplier: number; readonly openedAt: number | null },
): RolloutMarks {
  return {
    reason: null,
    approvedAt: null,
    phases: plan.phases.map((_, index) => ({
      openedAt: index === 0 ? openedAt : null,
      enoughAt: null,
      gateOpenedAt: null,
      pardoned: { failed: 0, noShow: 0 },
    })),
    paceFrom: openedAt === null ? null : { at: openedAt, offered: 0 },
    rankMultiplier,
    rollbackOf: null,
    prediction: null,
  }
}

/** The progress of an update that a rollout has not come to; `since` is for who makes it. */
export const waitingProgress: Progress = {
  state: "waiting",
  attempt: 1,
  basis: "observed",
  since: 0,
  sentence: "The rollout has not come to it yet.",
  code: null,
}

/** The place of a device that the rollout has not come to. */
export const firstPlace: UpdatePlace = {
  phase: 0,
  tryNumber: 1,
  lastEnd: null,
  isHeld: false,
  offers: 0,
  hasBegun: false,
  from: null,
  spentBytes: 0,
  spentSms: 0,
  day: null,
}

/** The place once the device has spent something more. */
export function spentMore(
  place: UpdatePlace,
  { bytes, sms, now }: { readonly bytes: number; readonly sms: number; readonly now: number },
): UpdatePlace {
  const dayMs = 86_400_000
  const { day } = place
  const isToday = day !== null && now >= day.since && now < day.since + dayMs
  const today = isToday ? day : { since: now, bytes: 0, sms: 0 }
  return {
    ...place,
    spentBytes: place.spentBytes + bytes,
    spentSms: place.spentSms + sms,
    day: { since: today.since, bytes: today.bytes + bytes, sms: today.sms + sms },
  }
}
