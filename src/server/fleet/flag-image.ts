import { engine } from "../../core/domain/actor.ts"
import { withoutContact } from "../../core/domain/pull-state.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { ImageRef } from "../../core/domain/records.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice, Offered } from "./live-fleet.ts"
import { pauseRollout } from "./steer-rollout.ts"
import { withLock } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/**
 * A device asked for an image that this server cannot read. That is never held against the device: what its contact
 * seemed to say is forgotten. The image is named once, and the rollout begins nothing new until an operator has looked.
 */
export async function flagImage(
  needs: Needs,
  { live, offered, image }: { readonly live: LiveDevice; readonly offered: Offered; readonly image: ImageRef },
  error: unknown,
): Promise<void> {
  const { update } = live
  if (update === null || update.id !== offered.updateId) return
  await withLock(needs, live, () => {
    if (live.update?.id === update.id) needs.live.setUpdate({ ...live.update, pull: withoutContact(live.update.pull) })
    return Promise.resolve()
  })
  const rollout = needs.live.rollouts.get(update.rolloutId)
  if (rollout?.rollout.state !== "running") return
  await pauseRollout({ ...needs, actor: engine }, update.rolloutId)
  const isUnsigned = error instanceof Refusal && error.code === "image-unsigned"
  const event = eventOf({
    at: needs.clock.now(),
    kind: isUnsigned ? "release.unsigned" : "release.unreadable",
    rolloutId: update.rolloutId,
    releaseId: offered.releaseId,
    deviceId: live.device.id,
    sentence: `The image ${image.sha256} of the release ${offered.releaseId} cannot be ${isUnsigned ? "handed out" : "read"}, so the rollout ${update.rolloutId} is paused: ${(error as Error).message}`,
    data: isUnsigned ? {} : { image: image.sha256 },
  })
  await commit(needs, engine, [event])
}
