import type { WaftEvent } from "../../../core/domain/events/table.ts"
import { eventView } from "../views.ts"

/** An event as every stream tells it: written down once, whoever reads it. */
export interface Told {
  readonly event: WaftEvent
  readonly bytes: Buffer
}

export function toldEvent(event: WaftEvent): Told {
  const text = `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventView(event))}\n\n`
  return { event, bytes: Buffer.from(text) }
}

/** Still here, and told everything up to that number. The log's own kinds all have a dot in their names. */
export function heartbeatText(at: number, seq: number): string {
  return `id: ${seq}\nevent: heartbeat\ndata: ${JSON.stringify({ at, seq })}\n\n`
}

/** The last thing that a reader is told who does not keep up. */
export function behindText(seq: number): string {
  return `event: behind\ndata: ${JSON.stringify({ seq })}\n\n`
}
