import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveRollout } from "./live-rollout.ts"

/** The rollout of that id. Refuses `no-such-rollout`. */
export function rolloutById({ live }: Pick<FleetNeeds, "live">, id: string): LiveRollout {
  const found = live.rollouts.get(id)
  if (found === undefined) throw new Refusal("no-such-rollout", { rollout: id })
  return found
}
