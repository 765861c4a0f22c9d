import { Refusal } from "../../core/domain/refusal.ts"
import type { Update } from "../../core/domain/records.ts"
import { commit, eventOf } from "./commit.ts"
import { endRollout, finishRollout } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isLive, isOver, type LiveDevice, type LiveRollout } from "./live-fleet.ts"
import { makeOffers } from "./make-offers.ts"
import { moveUpdate, runsUnknown } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { takeTurns } from "./take-turns.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText">

type PauseNeeds = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/** The rollout of that id. Refuses `no-such-rollout`. */
export function rolloutById({ live }: Pick<FleetNeeds, "live">, id: string): LiveRollout {
  const found = live.rollouts.get(id)
  if (found === undefined) throw new Refusal("no-such-rollout", { rollout: id })
  return found
}

/** Begins nothing new; devices that have begun to fetch finish. */
export async function pauseRollout(needs: PauseNeeds, id: string): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "paused")
  if (rollout.rollout.state === "paused") return rollout
  await setState(needs, rollout, "paused", `The rollout ${id} was paused: nothing new is offered.`)
  return rollout
}

/** Goes on where it was paused; the time in between counts as nobody's silence. */
export async function resumeRollout(needs: Needs, id: string): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "resumed")
  if (rollout.rollout.state === "running") return rollout
  await setState(needs, rollout, "running", `The rollout ${id} was resumed.`)
  for (const deviceId of rollout.states.keys()) {
    const live = needs.live.devices.get(deviceId)
    if (live !== undefined) live.quietSince = needs.clock.monotonic()
  }
  await makeOffers(needs, rollout)
  return rollout
}

/** Ends it now. A device that has the image already may still install it: what it runs is then unknown. */
export async function abortRollout(needs: Needs, id: string): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "aborted")
  await cancelUpdates(needs, rollout, { why: `The rollout ${id} was aborted` })
  await endRollout(needs, rollout, { state: "aborted", sentence: `The rollout ${id} was aborted.` })
  return rollout
}

function steerable(needs: Pick<FleetNeeds, "live">, id: string, deed: string): LiveRollout {
  const rollout = rolloutById(needs, id)
  const { state } = rollout.rollout
  if (!isLive(state)) throw new Refusal("rollout-over", { rollout: id, state, deed })
  return rollout
}

async function setState(
  needs: PauseNeeds,
  live: LiveRollout,
  state: "running" | "paused",
  sentence: string,
): Promise<void> {
  const rollout = { ...live.rollout, state }
  const kind = state === "paused" ? "rollout.paused" : "rollout.resumed"
  const event = eventOf({ at: needs.clock.now(), kind, rolloutId: rollout.id, sentence })
  await commit(needs, [{ put: "rollout", rollout }, event], () => needs.live.setRollout(rollout))
  needs.live.noteOffers(live)
}

const mayHaveImage = new Set(["downloading", "downloaded", "installing"])

/** Cancels a rollout's open updates, all in one transaction; `why` begins the sentence. */
async function cancelUpdates(
  needs: Pick<FleetNeeds, "clock" | "store" | "live" | "events">,
  rollout: LiveRollout,
  { why, releaseId }: { readonly why: string; readonly releaseId?: string },
): Promise<void> {
  const members = [...rollout.states.keys()].flatMap((deviceId) => needs.live.devices.get(deviceId) ?? [])
  await takeTurns(members, async () => {
    const cancelled = members.flatMap((live) => {
      const { update } = live
      if (update === null || update.rolloutId !== rollout.rollout.id || isOver(update)) return []
      if (releaseId !== undefined && update.releaseId !== releaseId) return []
      return [{ live, ...cancel(needs, live, update, why) }]
    })
    const changes = cancelled.flatMap(({ update, device, changes }): Change[] => [
      { put: "update", update },
      ...(device === null ? [] : [{ put: "device", device } as const]),
      ...changes,
    ])
    await commit(needs, changes, () => {
      for (const { live, update, device } of cancelled) {
        needs.live.setUpdate(update)
        if (device !== null) live.device = device
      }
    })
  })
}

function cancel({ clock }: Pick<FleetNeeds, "clock">, live: LiveDevice, update: Update, why: string) {
  const mayHave = mayHaveImage.has(update.progress.state)
  const rest = mayHave
    ? "while it was fetching or had fetched the image, so it may or may not run it"
    : "before it began to fetch"
  const sentence = `${why} ${rest}.`
  const move = moveUpdate(update, [{ kind: "cancelled", basis: "observed", at: clock.now(), sentence }])
  return { ...move, device: mayHave ? runsUnknown(live.device) : null }
}

/** Takes a release back: nobody is offered it any more, neither by a rollout nor by a channel. */
export async function withdrawRelease(needs: Needs, id: string): Promise<void> {
  const release = needs.live.releases.get(id)
  if (release === undefined) throw new Refusal("no-such-release", { release: id })
  if (release.state === "withdrawn") return
  const withdrawn = { ...release, state: "withdrawn" as const }
  const at = needs.clock.now()
  const channels = [...needs.live.channels.values()]
    .filter(({ channel }) => channel.releaseId === id)
    .map(({ channel }) => ({
      ...channel,
      releaseId: null,
      version: null,
      offer: null,
      image: null,
      warning: null,
      changedAt: at,
    }))
  const sentence = `The release ${id} (version ${release.version}) was withdrawn: nobody is offered it any more.`
  const changes: Change[] = [
    { put: "release", release: withdrawn },
    eventOf({ at, kind: "release.withdrawn", releaseId: id, sentence }),
    ...channels.map((channel): Change => ({ put: "channel", channel })),
  ]
  await commit(needs, changes, () => {
    needs.live.releases.set(id, withdrawn)
    for (const channel of channels) needs.live.setChannel(channel)
  })
  const touched = [...needs.live.rollouts.values()].filter(
    ({ rollout }) => isLive(rollout.state) && rollout.releaseIds.includes(id),
  )
  for (const rollout of touched) {
    await cancelUpdates(needs, rollout, { why: `The release ${id} was withdrawn`, releaseId: id })
    await finishRollout(needs, rollout)
  }
}
