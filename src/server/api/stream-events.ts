import type { ServerResponse } from "node:http"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import type { FleetNeeds } from "../fleet/fleet-needs.ts"
import { eventView } from "./views.ts"

const pageSize = 500
/** A reader that is this far behind is cut off; it comes back with `Last-Event-ID` and misses nothing. */
const backlogBytes = 4 << 20

export interface EventReader {
  readonly from: number
  /** Whether an event may be told to this reader. */
  readonly isFor: (event: WaftEvent) => boolean
  /** Whether this reader may still read: rights end while a stream is open. */
  readonly isWelcome: () => boolean
  readonly heartbeat: (beat: () => void) => () => void
}

/**
 * Streams the event log from after `from` as server-sent events, `id` being the running number: first what is in the
 * log, then what happens, without a gap and without a repetition. `heartbeat` calls its argument now and then.
 */
export async function streamEvents(
  { store, events }: Pick<FleetNeeds, "store" | "events">,
  response: ServerResponse,
  { from, isFor, isWelcome, heartbeat }: EventReader,
): Promise<void> {
  let sent = from
  let isCaughtUp = false
  const write = (event: WaftEvent): void => {
    if (event.seq <= sent) return
    sent = event.seq
    if (!isWelcome()) return void response.destroy()
    if (!isFor(event)) return
    response.write(`id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(eventView(event))}\n\n`)
    if (response.writableLength > backlogBytes) response.destroy()
  }
  const missed: WaftEvent[] = []
  const stopListening = events.listen((event) => (isCaughtUp ? write(event) : void missed.push(event)))
  const stopHeartbeat = heartbeat(() => (isWelcome() ? response.write(": still here\n\n") : response.destroy()))
  response.once("close", () => {
    stopListening()
    stopHeartbeat()
  })
  for (;;) {
    const page = await store.events({ after: sent, limit: pageSize })
    for (const event of page) write(event)
    if (page.length < pageSize || response.destroyed) break
    if (response.writableNeedDrain)
      await new Promise((resolve) => response.once("drain", resolve).once("close", resolve))
  }
  for (const event of missed) write(event)
  isCaughtUp = true
}
