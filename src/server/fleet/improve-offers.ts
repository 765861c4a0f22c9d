import { engine } from "../../core/domain/actor.ts"
import { isUntouched } from "../../core/domain/pull-state.ts"
import type { Release, Update } from "../../core/domain/records.ts"
import { commit } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice } from "./live-fleet.ts"
import { OfferPlanner, offerTarget } from "./plan-offer.ts"
import { withLocks } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families">

/** Devices whose offers are looked at in one turn. */
const chunkSize = 500

/**
 * Plans a release's offers again for devices that have not begun to fetch: a patch may be ready since. What a device has read
 * of the earlier offer stays fetchable for it.
 */
export async function improveOffers(needs: Needs, release: Release): Promise<void> {
  const planner = new OfferPlanner(needs)
  const untouched = [...needs.live.devices.values()].filter((live) => mayImprove(live, release))
  for (let from = 0; from < untouched.length; from += chunkSize) {
    const chunk = untouched.slice(from, from + chunkSize)
    await withLocks(needs, chunk, () => improve(needs, planner, release, chunk))
  }
}

function mayImprove({ update }: LiveDevice, release: Release): boolean {
  if (update === null || update.releaseId !== release.id || update.progress.state !== "offered") return false
  return isUntouched(update.pull)
}

async function improve(
  needs: Needs,
  planner: OfferPlanner,
  release: Release,
  chunk: readonly LiveDevice[],
): Promise<void> {
  const planned = await Promise.all(
    chunk.map(async (live): Promise<Update | null> => {
      const { update } = live
      if (update === null || !mayImprove(live, release)) return null
      const allowsDowngrade = needs.live.rollouts.get(update.rolloutId)?.rollout.plan.allowsDowngrade
      const plan = await planner.plan(release, offerTarget(live.device), { allowsDowngrade })
      if (!plan.ok || JSON.stringify(plan.offer) === JSON.stringify(update.offer)) return null
      return { ...update, offer: plan.offer, image: plan.image, offerReason: plan.reason }
    }),
  )
  const updates = planned.filter((update) => update !== null)
  if (updates.length === 0) return
  await commit(
    needs,
    engine,
    updates.map((update) => ({ put: "update", update })),
  )
}
