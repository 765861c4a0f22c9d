import type { RolloutView } from "../../core/contract/schemas.ts"
import { rebuilt } from "../fleet/explain-rollout.ts"
import { isLive } from "../fleet/live-fleet.ts"
import type { LiveRollout } from "../fleet/live-rollout.ts"
import type { ApiNeeds } from "./api-needs.ts"
import { rolloutView } from "./views.ts"

/** A rollout that ended before this server started has its updates in the store only. */
export async function viewRollout(needs: ApiNeeds, live: LiveRollout): Promise<RolloutView> {
  if (isLive(live.rollout.state) || live.states.size > 0) return rolloutView(needs, live)
  return rolloutView(needs, rebuilt(needs, live, await needs.store.updatesOfRollout(live.rollout.id)))
}
