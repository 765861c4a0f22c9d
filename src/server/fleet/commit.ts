import type { Actor } from "../../core/domain/actor.ts"
import { type EventKind, newEvent, type WaftEvent } from "../../core/domain/events/table.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { applyChanges } from "./ledger/apply.ts"
import { cleanChanges } from "./ledger/clean-changes.ts"
import { withFieldChanges } from "./ledger/field-changes.ts"
import type { Change } from "./needs.ts"

/**
 * Makes changes durable, cleaned, as the deed of `actor`, then takes the very same changes into memory, then tells the listeners what
 * happened. Whatever fails before they are durable leaves memory as it was.
 */
export async function commit(
  { store, events, live }: Pick<FleetNeeds, "store" | "events" | "live">,
  actor: Actor,
  given: readonly Change[],
): Promise<readonly WaftEvent[]> {
  const changes = cleanChanges(given)
  const told = actor.from === undefined ? changes : withFieldChanges(live, changes)
  const appended = await store.commit(actor, told)
  applyChanges(live, changes)
  for (const event of appended) events.emit(event)
  return appended
}

/** The change that appends an event to the log, with everything that is not said left empty. */
export function eventOf<Kind extends EventKind>(event: Parameters<typeof newEvent<Kind>>[0]): Change {
  return { append: newEvent(event) }
}
