import { reaches } from "../../core/domain/people.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { FleetNeeds, OnBehalf } from "../fleet/fleet-needs.ts"
import type { Caller } from "./caller.ts"
import { callerText } from "./caller.ts"

export interface Revealed {
  /** What was shown, in words: never the secret itself. */
  readonly secret: string
  readonly deviceId?: string
}

/** Puts on record that somebody is about to be shown a secret; only then is it shown. */
export async function tellRevealed(
  needs: Pick<FleetNeeds, "clock" | "store" | "events" | "live"> & OnBehalf,
  { secret, deviceId }: Revealed,
): Promise<void> {
  const of = deviceId === undefined ? "" : ` of ${deviceId}`
  await commit(needs, needs.actor, [
    eventOf({
      at: needs.clock.now(),
      kind: "secret.revealed",
      ...(deviceId === undefined ? {} : { deviceId }),
      sentence: `The ${secret}${of} was shown to ${callerText(needs.actor)}.`,
      data: { secret },
    }),
  ])
}

/** A channel is for whoever comes: its login is no one group's. */
export function maySeeChannelSecrets({ role, group }: Caller): boolean {
  return reaches(role, "operator") && group === null
}
