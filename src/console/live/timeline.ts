import { isMove } from "../../core/domain/events/move.ts"
import { endingsOfMany } from "../../core/domain/events/table.ts"
import type { EventView } from "../../core/contract/schemas.ts"
import type { UpdateState } from "../../core/domain/update.ts"

/** A device's events, by the rollout that they belong to; newest first, inside and outside. */
export interface TimelineGroup {
  readonly rolloutId: string | null
  readonly events: readonly EventView[]
  /** The states in the order in which they were entered, each once in a row. */
  readonly steps: readonly UpdateState[]
}

export function timelineGroups(events: readonly EventView[]): readonly TimelineGroup[] {
  const groups: { rolloutId: string | null; events: EventView[] }[] = []
  for (const event of events) {
    const last = groups.at(-1)
    if (last !== undefined && last.rolloutId === event.rolloutId) last.events.push(event)
    else groups.push({ rolloutId: event.rolloutId, events: [event] })
  }
  return groups.map((group) => ({ ...group, steps: stepsOf(group.events) }))
}

function stepsOf(newestFirst: readonly EventView[]): readonly UpdateState[] {
  const steps: UpdateState[] = []
  for (const event of newestFirst.toReversed()) {
    const to = stateOf(event)
    if (to !== null && steps.at(-1) !== to) steps.push(to)
  }
  return steps
}

/** The state that an event led to, where it moved an update. */
export function stateOf(event: EventView): UpdateState | null {
  if (isMove(event)) return event.data.to
  const { kind } = event
  return Object.hasOwn(endingsOfMany, kind) ? endingsOfMany[kind as keyof typeof endingsOfMany] : null
}
