import { rolloutById } from "./find-rollout.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import type { PhaseMarks, RolloutMarks, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { commit, eventOf } from "./commit.ts"
import { advanceRollout } from "./advance-rollout.ts"
import { countsAfter, endingChanges, openUpdates } from "./end-updates.ts"
import { endChanges } from "./finish-rollout.ts"
import { signedRelease } from "./find-release.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { isLive } from "./live-fleet.ts"
import { inTurn, type LiveRollout } from "./live-rollout.ts"
import { makeOffers } from "./make-offers.ts"
import type { Change } from "./needs.ts"
import { withLocks } from "./ledger/device-lock.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families" | "randomText"> & OnBehalf

type PauseNeeds = Pick<FleetNeeds, "clock" | "store" | "live" | "events"> & OnBehalf

/** Begins nothing new; devices that have begun to fetch finish. */
export async function pauseRollout(needs: PauseNeeds, id: string, reason: string | null = null): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "paused")
  if (rollout.rollout.state === "paused") return rollout
  await setState(needs, rollout, {
    state: "paused",
    reason,
    sentence: `The rollout ${id} was paused: nothing new is offered.`,
  })
  return rollout
}

/**
 * Goes on where it was paused; the time in between counts as nobody's silence. What has failed until now is taken note of:
 * guards count what comes after.
 */
export async function resumeRollout(needs: Needs, id: string): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "resumed")
  if (rollout.rollout.state === "running") return rollout
  if (needs.live.demandsSignatures) for (const releaseId of rollout.rollout.releaseIds) signedRelease(needs, releaseId)
  await setState(needs, rollout, { state: "running", reason: null, sentence: `The rollout ${id} was resumed.` })
  await makeOffers(needs, rollout)
  return rollout
}

/** Ends it now. A device that has the image already may still install it: what it runs is then unknown. */
export async function abortRollout(needs: PauseNeeds, id: string, reason: string | null = null): Promise<LiveRollout> {
  const rollout = steerable(needs, id, "aborted")
  const sentence = `The rollout ${id} was aborted${reason === null ? "" : `: ${reason}`}.`
  await whileEnding(rollout, () =>
    cancelUpdates(needs, rollout, { why: `The rollout ${id} was aborted`, releaseId: null }, ({ at, counts }) =>
      endChanges(rollout, { state: "aborted", sentence, reason, at, counts }),
    ),
  )
  return rollout
}

/** Nothing new is offered, and nobody joins, while a rollout's updates are cancelled. */
async function whileEnding(live: LiveRollout, action: () => Promise<void>): Promise<void> {
  live.isEnding = true
  if (live.rollout.state === "running") live.book.state = "paused"
  try {
    await live.enrolment
    await action()
  } finally {
    live.isEnding = false
    live.setRollout(live.rollout)
  }
}

/** Opens the gate of the next phase by hand. Refuses `no-gate` where none is closed. */
export async function openGate(needs: Needs, id: string): Promise<LiveRollout> {
  const live = steerable(needs, id, "continued")
  const { plan, marks } = live.rollout
  const index = marks.phases.findIndex(({ openedAt }) => openedAt === null)
  const phase = plan.phases[index]
  if (phase?.gate !== "manual" || marks.phases[index]?.gateOpenedAt !== null)
    throw new Refusal("no-gate", { rollout: id })
  await mark(needs, live, "rollout.gate-opened", `The gate of phase ${phase.name} was opened.`, (now, before) => ({
    phases: before.phases.map((one, at) => (at === index ? { ...one, gateOpenedAt: now } : one)),
  }))
  await makeOffers(needs, live)
  return live
}

/** Somebody approves a rollout that waits for that. Refuses whoever started it, as far as that is known. */
export async function approveRollout(needs: Needs, id: string): Promise<LiveRollout> {
  const live = steerable(needs, id, "approved")
  const { plan, marks } = live.rollout
  if (!plan.approval || marks.approvedAt !== null) throw new Refusal("no-approval", { rollout: id })
  await mark(needs, live, "rollout.approved", `The rollout ${id} was approved.`, (now) => ({ approvedAt: now }))
  await makeOffers(needs, live)
  return live
}

async function mark(
  needs: Needs,
  live: LiveRollout,
  kind: "rollout.gate-opened" | "rollout.approved",
  sentence: string,
  more: (now: number, before: RolloutMarks) => Partial<RolloutMarks>,
): Promise<void> {
  await inTurn(live, async () => {
    const now = needs.clock.now()
    const rollout = { ...live.rollout, marks: { ...live.rollout.marks, ...more(now, live.rollout.marks) } }
    const event = eventOf({ at: now, kind, rolloutId: rollout.id, sentence })
    await commit(needs, needs.actor, [{ put: "rollout", rollout }, event])
  })
}

function steerable(needs: Pick<FleetNeeds, "live">, id: string, deed: string): LiveRollout {
  const rollout = rolloutById(needs, id)
  const { state } = rollout.rollout
  if (!isLive(state)) throw new Refusal("rollout-over", { rollout: id, state, deed })
  return rollout
}

interface Steering {
  readonly state: "running" | "paused"
  readonly reason: string | null
  readonly sentence: string
}

async function setState(needs: PauseNeeds, live: LiveRollout, { state, reason, sentence }: Steering): Promise<void> {
  await inTurn(live, async () => {
    if (!isLive(live.rollout.state) || live.rollout.state === state) return
    const now = needs.clock.now()
    const marks = state === "running" ? resumedMarks(live, { now, uptime: needs.live.uptime() }) : live.rollout.marks
    const rollout = { ...live.rollout, state, marks: { ...marks, reason } }
    const kind = state === "paused" ? "rollout.paused" : "rollout.resumed"
    const event = eventOf({ at: now, kind, rolloutId: rollout.id, sentence })
    await commit(needs, needs.actor, [{ put: "rollout", rollout }, event])
  })
  needs.live.noteOffers(live)
}

/** What has failed is taken note of, and the pace begins anew. */
function resumedMarks(
  { rollout, book }: LiveRollout,
  { now, uptime }: { readonly now: number; readonly uptime: number },
): RolloutMarks {
  const { paceFrom } = rollout.marks
  return {
    ...rollout.marks,
    silentFrom: Math.round(uptime),
    paceFrom: paceFrom === null ? null : { at: now, offered: book.offered },
    phases: rollout.marks.phases.map((marks, at) => ({ ...marks, pardoned: notSucceeded(book.phases[at]) })),
  }
}

function notSucceeded(phase: LiveRollout["book"]["phases"][number] | undefined): PhaseMarks["pardoned"] {
  if (phase === undefined) return { failed: 0, noShow: 0 }
  const { counts, again } = phase
  return { failed: (counts.failed ?? 0) + again.failed, noShow: (counts["no-show"] ?? 0) + again.noShow }
}

interface Cancelled {
  readonly at: number
  /** The rollout's devices by state, once its updates are cancelled. */
  readonly counts: Partial<Record<UpdateState, number>>
  /** How many of them are. */
  readonly count: number
}

/**
 * Cancels a rollout's open updates, all in one transaction with what it means for the rollout; `why` begins the sentence.
 * Nothing is told of each: the rollout's own event, of the same moment, stands in the history of every device of it.
 */
async function cancelUpdates(
  needs: PauseNeeds,
  rollout: LiveRollout,
  { why, releaseId }: { readonly why: string; readonly releaseId: string | null },
  changesOf: (cancelled: Cancelled) => readonly Change[],
): Promise<void> {
  const members = [...rollout.states.keys()].flatMap((deviceId) => needs.live.devices.get(deviceId) ?? [])
  const cancel = async (): Promise<void> => {
    if (!isLive(rollout.rollout.state)) return
    const at = needs.clock.now()
    const ended = await openUpdates(needs, rollout, members, releaseId)
    const sentence = (_: Update, mayRun: boolean): string =>
      `${why} ${mayRun ? "while it was fetching or had fetched the image, so it may or may not run it" : "before it began to fetch"}.`
    const counts = countsAfter(rollout, ended, "cancelled")
    await commit(needs, needs.actor, [
      ...endingChanges(ended, { state: "cancelled", at, sentence }),
      ...changesOf({ at, counts, count: ended.length }),
    ])
  }
  await withLocks(needs, members, () => inTurn(rollout, cancel))
}

function cancelledEvent(
  rolloutId: string,
  { at, sentence, counts }: Pick<Cancelled, "at" | "counts"> & { readonly sentence: string },
): Change {
  return eventOf({ at, kind: "rollout.updates-cancelled", rolloutId, sentence, data: { counts } })
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
  await commit(needs, needs.actor, changes)
  const touched = [...needs.live.rollouts.values()].filter(
    ({ rollout }) => isLive(rollout.state) && rollout.releaseIds.includes(id),
  )
  for (const rollout of touched) {
    const why = `The release ${id} was withdrawn`
    await cancelUpdates(needs, rollout, { why, releaseId: id }, ({ at: since, counts, count }) => {
      const words = `${why}: ${count} updates of the rollout ${rollout.rollout.id} to it were cancelled.`
      return count === 0 ? [] : [cancelledEvent(rollout.rollout.id, { at: since, sentence: words, counts })]
    })
    await advanceRollout(needs, rollout)
  }
}
