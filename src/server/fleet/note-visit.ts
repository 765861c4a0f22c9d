import { engine } from "../../core/domain/actor.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"

/** A visitor of one network is written down once in this time, monotonic ms: whoever polls must not fill the log. */
const oneEventMs = 3_600_000

export interface Visit {
  readonly network: string
  readonly deed: "read what it is offered" | "fetched the image"
}

/** Writes down that somebody else than the device used its login or URL. Nothing follows from it. */
export async function noteVisit(
  needs: Pick<FleetNeeds, "clock" | "store" | "live" | "events">,
  live: LiveDevice,
  { network, deed }: Visit,
): Promise<void> {
  const now = needs.clock.monotonic()
  const last = live.visit
  if (last !== null && last.network === network && now < last.at + oneEventMs) return
  live.visit = { network, at: now }
  const sentence = `Somebody at ${network}… ${deed} with the login of ${live.device.id}: it does not speak as the device does, so nothing is concluded from it.`
  await commit(needs, engine, [
    eventOf({
      at: needs.clock.now(),
      kind: "device.visited",
      deviceId: live.device.id,
      basis: "observed",
      sentence,
    }),
  ])
}
