import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { withLocks } from "./ledger/device-lock.ts"
import type { Change } from "./needs.ts"
import { releaseById } from "./find-release.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families">

/**
 * Orders every device that may hold a release's image in its store to delete it at its next poll. Returns how many devices
 * were told; 0 also where the family has no such order.
 */
export async function orderErase(needs: Needs & OnBehalf, releaseId: string): Promise<number> {
  const release = releaseById(needs, releaseId)
  const order = familyOf(needs.families, release.family).erase?.order
  if (order === undefined) return 0
  const known = [...needs.live.devices.values()].filter(
    ({ device }) => device.family === release.family && order(device.familyState, release.version) !== null,
  )
  return withLocks(needs, known, async () => {
    const told = known.flatMap((live) => {
      const ordered = order(live.device.familyState, release.version)
      return ordered === null ? [] : [{ live, ...ordered }]
    })
    const at = needs.clock.now()
    const changes = told.flatMap(({ live, familyState, sentence }): Change[] => [
      { put: "device", device: { ...live.device, familyState } },
      eventOf({ at, kind: "device.erase-ordered", deviceId: live.device.id, releaseId, sentence }),
    ])
    if (changes.length === 0) return 0
    await commit(needs, needs.actor, changes)
    return told.length
  })
}
