import type { RolloutState } from "../records.ts"
import { type UpdateState, updateStates } from "../update.ts"
import { isMove } from "./move.ts"
import type { WaftEvent } from "./table.ts"

/** How a rollout stands, as whoever follows the event log sees it. */
export interface RolloutSummary {
  readonly id: string
  readonly state: RolloutState
  readonly devices: number
  /** Updates by state. */
  readonly counts: Readonly<Partial<Record<UpdateState, number>>>
}

/** Takes one event into a rollout's summary; the same object = nothing changed. Events of other rollouts change nothing. */
export function foldRollout(summary: RolloutSummary, event: WaftEvent): RolloutSummary {
  if (event.rolloutId !== summary.id) return summary
  if (isMove(event)) {
    const { from, to } = event.data
    return from === to ? summary : { ...summary, counts: move(summary.counts, from, to) }
  }
  switch (event.kind) {
    case "rollout.started":
      return { ...summary, state: "running", devices: event.data.devices }
    case "rollout.enrolled":
    case "rollout.updates-cancelled":
    case "rollout.devices-taken":
      return { ...summary, counts: event.data.counts }
    case "rollout.paused":
      return { ...summary, state: "paused" }
    case "rollout.resumed":
    case "rollout.reopened":
      return { ...summary, state: "running" }
    case "rollout.succeeded":
    case "rollout.failed":
    case "rollout.aborted":
    case "rollout.superseded":
      return { ...summary, state: endings[event.kind], counts: event.data.counts }
    default:
      return summary
  }
}

const endings = {
  "rollout.succeeded": "succeeded",
  "rollout.failed": "failed",
  "rollout.aborted": "aborted",
  "rollout.superseded": "superseded",
} as const

function move(counts: RolloutSummary["counts"], from: UpdateState, to: UpdateState): RolloutSummary["counts"] {
  const after = { ...counts, [to]: (counts[to] ?? 0) + 1 }
  const left = (counts[from] ?? 0) - 1
  if (left > 0) after[from] = left
  else delete after[from]
  return after
}

/** How many of a rollout's updates are over. */
export function countOver({ counts }: Pick<RolloutSummary, "counts">): number {
  return Object.entries(updateStates).reduce(
    (sum, [state, { over }]) => sum + (over ? (counts[state as UpdateState] ?? 0) : 0),
    0,
  )
}

/** Whether a rollout has come to an end. */
export function isEnded({ state }: Pick<RolloutSummary, "state">): boolean {
  return state !== "running" && state !== "paused"
}
