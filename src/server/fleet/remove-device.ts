import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isOver, type LiveDevice } from "./live-fleet.ts"
import { withLock } from "./ledger/device-lock.ts"

/** The device of that id. Refuses `no-such-device`. */
export function deviceById({ live }: Pick<FleetNeeds, "live">, id: string): LiveDevice {
  const found = live.devices.get(id)
  if (found === undefined) throw new Refusal("no-such-device", { device: id })
  return found
}

/** Forgets a device; its history stays in the event log. Refuses while an update of it is under way. */
export async function removeDevice(
  needs: Pick<FleetNeeds, "clock" | "store" | "live" | "events"> & OnBehalf,
  id: string,
): Promise<void> {
  const live = deviceById(needs, id)
  await withLock(needs, live, async () => {
    if (needs.live.devices.get(id) !== live) throw new Refusal("no-such-device", { device: id })
    if (live.update !== null && !isOver(live.update)) {
      throw new Refusal("device-in-rollout", { device: id, rollout: live.update.rolloutId })
    }
    const sentence = `${id} was removed.`
    const event = eventOf({ at: needs.clock.now(), kind: "device.removed", deviceId: id, sentence })
    await commit(needs, needs.actor, [{ remove: "device", id }, event])
  })
}
