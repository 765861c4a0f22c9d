import { engine } from "../../core/domain/actor.ts"
import { Enrolment } from "./enrol-devices.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isLive } from "./live-fleet.ts"
import { isEnrolling, type LiveRollout } from "./live-rollout.ts"
import { makeOffers } from "./make-offers.ts"
import { findMembers, type RolloutMember } from "./plan-rollout.ts"
import { membersBack } from "./roll-back.ts"
import { isKept } from "./start-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

/**
 * Goes on with rollouts that not all devices have joined: a crash or a full disk came in between. Called about once a second, and
 * at start. Who joined before stays where it is.
 */
export async function continueEnrolments(needs: Needs): Promise<void> {
  for (const live of needs.live.rollouts.values()) {
    const { rollout } = live
    if (!isEnrolling(rollout) || !isLive(rollout.state) || live.enrolment !== null || live.isEnding) continue
    const members = await missingMembers(needs, live)
    if (live.enrolment !== null || live.isEnding) continue
    await new Enrolment({ ...needs, actor: engine }, live.rollout, members).end(live)
    await makeOffers(needs, live)
  }
}

/** The devices that the rollout is for and that are not in it. */
async function missingMembers(needs: Needs, { rollout, states }: LiveRollout): Promise<readonly RolloutMember[]> {
  const { rollbackOf, enrolling } = rollout.marks
  const members =
    rollbackOf === null
      ? await findMembers(needs, { releaseIds: rollout.releaseIds, group: rollout.group, again: enrolling?.again })
      : await membersBack(needs, rollbackOf)
  return members.filter(({ device, release }) => {
    // Who was added later was not meant.
    const isMeant = release.state === "active" && device.addedAt <= rollout.startedAt
    return isMeant && !states.has(device.id) && !isKept(needs, device.id, rollout.plan.priority)
  })
}
