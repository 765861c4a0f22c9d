import type { Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

/** The release of that id. Refuses `no-such-release`. */
export function releaseById({ live }: Pick<FleetNeeds, "live">, id: string): Release {
  const release = live.releases.get(id)
  if (release === undefined) throw new Refusal("no-such-release", { release: id })
  return release
}
