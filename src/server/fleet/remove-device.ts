import type { Device } from "../../core/domain/records.ts"
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

/** Refuses `changed-meanwhile` where a device has another version than the one that was read; null = any will do. */
export function demandVersion({ id, version = 1 }: Device, expected: number | null): void {
  if (expected !== null && expected !== version) throw new Refusal("changed-meanwhile", { what: id })
}

/** Forgets a device; its history stays in the event log. Refuses while an update of it is under way. */
export async function removeDevice(
  needs: Pick<FleetNeeds, "clock" | "store" | "live" | "events"> & OnBehalf,
  id: string,
  expected: number | null = null,
): Promise<void> {
  const live = deviceById(needs, id)
  await withLock(needs, live, async () => {
    if (needs.live.devices.get(id) !== live) throw new Refusal("no-such-device", { device: id })
    demandVersion(live.device, expected)
    if (live.update !== null && !isOver(live.update)) {
      throw new Refusal("device-in-rollout", { device: id, rollout: live.update.rolloutId })
    }
    const sentence = `${id} was removed.`
    const event = eventOf({ at: needs.clock.now(), kind: "device.removed", deviceId: id, sentence })
    await commit(needs, needs.actor, [{ remove: "device", id }, event])
  })
}
