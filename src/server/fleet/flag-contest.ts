import { engine } from "../../core/domain/actor.ts"
import { contestedPull } from "../../core/domain/pull-state.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** One event says what happened in so long; the next one tells how often it did. */
const quietMs = 3_600_000

/** What came to a device's data connections since the last event about them. */
const counts = new WeakMap<LiveDevice, { readonly at: number; more: number }>()

/**
 * Somebody at the device's own address came to its data connection. Who got the file cannot be told, so nothing is
 * concluded from its transfers so far; an operator is told, once an hour.
 */
export async function flagContest(needs: Needs, live: LiveDevice, peer: string): Promise<void> {
  await withLock(needs, live, () => {
    if (live.update !== null) needs.live.setUpdate({ ...live.update, pull: contestedPull(live.update.pull) })
    return Promise.resolve()
  })
  const now = needs.clock.monotonic()
  const told = counts.get(live)
  if (told !== undefined && now - told.at < quietMs) {
    told.more++
    return
  }
  counts.set(live, { at: now, more: 0 })
  const before =
    told === undefined || told.more === 0 ? "" : ` It happened ${told.more} more times since the last such event.`
  const event = eventOf({
    at: needs.clock.now(),
    kind: "device.data-contested",
    deviceId: live.device.id,
    rolloutId: live.update?.rolloutId ?? null,
    basis: "observed",
    sentence: `Two peers at ${peer} came to a data connection that only this device knew of: its file may have gone to the other. Nothing is concluded from that transfer; FTP with TLS, or PORT, prevents it.${before}`,
    data: { peer },
  })
  await commit(needs, engine, [event])
}
