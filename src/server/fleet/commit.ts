import type { Actor } from "../../core/domain/actor.ts"
import { type EventKind, newEvent, type WaftEvent } from "../../core/domain/events/table.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { applyChanges } from "./ledger/apply.ts"
import { cleanChanges } from "./ledger/clean-changes.ts"
import { withFieldChanges } from "./ledger/field-changes.ts"
import { withCounts } from "./ledger/count-moves.ts"
import { withDueTimes } from "./ledger/due-times.ts"
import { nextVersions } from "./ledger/next-versions.ts"
import type { Change } from "./needs.ts"

/**
 * Makes changes durable, cleaned, as the deed of `actor`, then takes the very same changes into memory, then tells the listeners what
 * happened. Whatever fails before they are durable leaves memory as it was. What concerns many devices is taken in with breaths in
 * between, while the caller holds their locks.
 */
export async function commit(
  { store, events, live, clock }: Pick<FleetNeeds, "store" | "events" | "live" | "clock">,
  actor: Actor,
  given: readonly Change[],
): Promise<readonly WaftEvent[]> {
  const changes = nextVersions(withDueTimes(live, cleanChanges(given)))
  const counting = withCounts(live, changes)
  let step = counting.next()
  while (step.done !== true) {
    await clock.breathe()
    step = counting.next()
  }
  const counted = step.value
  const told = actor.from === undefined ? counted : withFieldChanges(live, counted)
  const appended = await store.commit(actor, told)
  const tell = live.telling.add(() => {
    for (const event of appended) events.emit(event)
  })
  try {
    const rest = applyChanges(live, changes)
    while (rest.next().done !== true) await clock.breathe()
  } finally {
    tell()
  }
  return appended
}

/** The change that appends an event to the log, with everything that is not said left empty. */
export function eventOf<Kind extends EventKind>(event: Parameters<typeof newEvent<Kind>>[0]): Change {
  return { append: newEvent(event) }
}
