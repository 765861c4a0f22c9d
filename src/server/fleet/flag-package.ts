import { engine } from "../../core/domain/actor.ts"
import type { Update } from "../../core/domain/records.ts"
import { updateStates } from "../../core/domain/update.ts"
import type { ReportMeaning } from "../../core/families/report-meaning.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { pauseRollout } from "./steer-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/** A package that does not fit would fail on every further device: nothing new is begun until an operator has looked. */
export async function flagPackage(needs: Needs, update: Update, { sentence }: ReportMeaning): Promise<void> {
  const releaseId = update.packageId ?? update.releaseId
  const rollout = needs.live.rollouts.get(update.rolloutId)
  const others = [...(rollout?.states.values() ?? [])].some((state) => !updateStates[state].over)
  const mustPause = others && rollout?.rollout.state === "running"
  const event = eventOf({
    at: needs.clock.now(),
    kind: "release.flagged",
    deviceId: update.deviceId,
    rolloutId: update.rolloutId,
    releaseId,
    basis: "reported",
    sentence: `The package ${releaseId} does not fit the devices that it was published for${mustPause ? `, so the rollout ${update.rolloutId} is paused` : ""}. ${update.deviceId}: ${sentence}`,
  })
  await commit(needs, engine, [event])
  if (mustPause) await pauseRollout({ ...needs, actor: engine }, update.rolloutId)
}
