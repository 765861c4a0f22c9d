import type { Update } from "../../core/domain/records.ts"
import { restsUntil } from "../../core/rollout/budget.ts"
import { explainDevice, explainPhase, explainRollout, phaseState, timeText } from "../../core/rollout/explain.ts"
import { type Counts, sizeOf } from "../../core/rollout/tally.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isEnrolling, type LiveRollout } from "./live-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "live">

/** A rollout as the engine sees it: from the same data that decides. */
export interface RolloutReport {
  readonly explain: string
  readonly phases: readonly {
    readonly name: string
    readonly size: number
    readonly state: ReturnType<typeof phaseState>
    readonly counts: Counts
    readonly explain: string
  }[]
  readonly spent: { readonly bytes: number; readonly sms: number; readonly money: number }
}

export function reportRollout({ clock }: Pick<Needs, "clock">, live: LiveRollout): RolloutReport {
  const { rollout, book } = live
  const now = clock.now()
  return {
    explain: isEnrolling(rollout)
      ? `Its devices are joining it: ${live.size} of ${rollout.marks.enrolling?.devices ?? 0}.`
      : explainRollout(rollout.plan, book, now, { state: rollout.state, reason: rollout.marks.reason }),
    phases: rollout.plan.phases.map(({ name }, index) => {
      const counters = book.phases[index] ?? { counts: {} }
      const counts = Object.fromEntries(Object.entries(counters.counts).filter(([, count]) => count > 0))
      return {
        name,
        size: sizeOf(counters),
        state: phaseState(rollout.plan, book, index, now),
        counts,
        explain: explainPhase(rollout.plan, book, index, now),
      }
    }),
    spent: book.spent,
  }
}

/** Why a device is, or is not, updating: what is known of its update, or what the engine keeps it waiting for. */
export function explainUpdate({ clock, live: fleet }: Needs, update: Update): string {
  const live = fleet.rollouts.get(update.rolloutId)
  const entry = live?.entryOf(update.deviceId) ?? null
  const { sentence } = update.progress
  const rest = live === undefined ? null : whyRests({ clock }, live, update)
  if (rest !== null) return `${sentence} ${rest}`
  if (live === undefined || entry === null || entry.state !== "waiting" || update.place.isHeld) return sentence
  const { phase, zone, retryAt } = entry
  const device = { phase, zone, retryAt, state: entry.state, sentence }
  const why = explainDevice(live.rollout.plan, live.book, device, clock.now())
  return update.progress.state === "waiting" ? why : `${sentence} ${why}`
}

/** What a device took today leaves no room in its own cap: until when it gets nothing. */
function whyRests({ clock }: Pick<Needs, "clock">, { rollout }: LiveRollout, { place, image, progress }: Update) {
  if (progress.state !== "offered") return null
  const { perDeviceAndDay } = rollout.plan.budget
  const until = restsUntil(perDeviceAndDay, place.day, { bytes: image?.sizeBytes ?? 0, sms: 0 }, clock.now())
  if (until === null || place.day === null) return null
  return `It has taken ${place.day.bytes} bytes and ${place.day.sms} messages today, which is what the plan allows it: it gets nothing before ${timeText(until)}.`
}
