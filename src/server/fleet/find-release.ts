import type { Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { FleetNeeds } from "./fleet-needs.ts"

/** The release of that id. Refuses `no-such-release`. */
export function releaseById({ live }: Pick<FleetNeeds, "live">, id: string): Release {
  const release = live.releases.get(id)
  if (release === undefined) throw new Refusal("no-such-release", { release: id })
  return release
}

/** The release of that id, where it may be offered. Refuses `no-such-release`, `release-withdrawn`, `release-unapproved`, `release-unsigned`. */
export function usableRelease(needs: Pick<FleetNeeds, "live">, id: string): Release {
  const release = releaseById(needs, id)
  if (release.state === "withdrawn") throw new Refusal("release-withdrawn", { release: id })
  if (release.state === "unapproved") throw new Refusal("release-unapproved", { release: id })
  return signedRelease(needs, id)
}

/** The release of that id, where it is signed as it has to be. Refuses `no-such-release` and `release-unsigned`. */
export function signedRelease(needs: Pick<FleetNeeds, "live">, id: string): Release {
  const release = releaseById(needs, id)
  const detail = needs.live.whyNotOffered(release)
  if (detail !== null) throw new Refusal("release-unsigned", { release: id, detail })
  return release
}
