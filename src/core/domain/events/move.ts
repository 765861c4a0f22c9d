import type { MoveEvent, WaftEvent } from "./table.ts"

/** Whether an event tells of one update's move. Apart from the table, so that a browser need not load its schemas. */
export function isMove(event: WaftEvent): event is MoveEvent {
  return event.kind.startsWith("update.")
}
