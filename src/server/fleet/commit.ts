import type { NewEvent, WaftEvent } from "../../core/domain/records.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { Change } from "./needs.ts"

/** Makes changes durable, lets `apply` take them into memory, then tells the listeners what happened. */
export async function commit(
  { store, events }: Pick<FleetNeeds, "store" | "events">,
  changes: readonly Change[],
  apply: () => void = () => undefined,
): Promise<readonly WaftEvent[]> {
  const appended = await store.commit(changes)
  apply()
  for (const event of appended) events.emit(event)
  return appended
}

/** An event with everything that is not said left empty. */
export function eventOf(event: Pick<NewEvent, "at" | "kind" | "sentence"> & Partial<NewEvent>): Change {
  return {
    append: { deviceId: null, rolloutId: null, releaseId: null, basis: null, data: {}, ...event },
  }
}
