import { engine } from "../../core/domain/actor.ts"
import { firstPlace, waitingProgress } from "../../core/domain/marks.ts"
import type { RolloutPlan } from "../../core/domain/plan.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import type { Device, Rollout, Update, UpdatePlace } from "../../core/domain/records.ts"
import { runsUnknown } from "../../core/domain/running.ts"
import type { Progress } from "../../core/domain/update.ts"
import { assignPhases, bucketOf, rankOf } from "../../core/rollout/assign.ts"
import { advanceRollout } from "./advance-rollout.ts"
import { commit, eventOf } from "./commit.ts"
import { countsAfter, endingChanges } from "./end-updates.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { fleetGroup, groupMember } from "./group-context.ts"
import { withLocks } from "./ledger/device-lock.ts"
import { isLive, isOver, type LiveDevice, tally } from "./live-fleet.ts"
import { inTurn, isEnrolling, type LiveRollout } from "./live-rollout.ts"
import { moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { isThere, type RolloutMember } from "./plan-rollout.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events" | "families"> & OnBehalf

/** Devices that join a rollout in one transaction. */
export const joinAtOnce = 2000

/**
 * Brings a rollout's devices into it, some thousand in a transaction. The first of them come with the rollout itself, so that a
 * small one is there whole or not at all; after a crash a large one says that devices are missing, and goes on.
 */
export class Enrolment {
  readonly #needs: Needs
  /** As it was ordered: the moment at which it started, its plan, its ranks. */
  readonly #rollout: Rollout
  readonly #members: readonly RolloutMember[]
  readonly #progress: Progress
  readonly #places = new Map<number, UpdatePlace>()
  /** Rollouts from which devices were taken. */
  readonly #takenFrom: Set<string>
  #phases: ReadonlyMap<string, number> | null = null
  #joined = 0

  constructor(needs: Needs, rollout: Rollout, members: readonly RolloutMember[]) {
    this.#needs = needs
    this.#rollout = rollout
    this.#members = members
    this.#progress = { ...waitingProgress, since: rollout.startedAt }
    this.#takenFrom = new Set(rollout.marks.enrolling?.takenFrom)
  }

  /** Makes the rollout durable together with its first devices. */
  async begin(): Promise<void> {
    const rollout = this.#rollout
    const { length } = this.#members
    const started = eventOf({
      at: rollout.startedAt,
      kind: "rollout.started",
      rolloutId: rollout.id,
      sentence: `The rollout ${rollout.id} started for ${length} devices.`,
      data: { releaseIds: [...rollout.releaseIds], devices: length, group: rollout.group },
    })
    await this.#joinNext(async ({ changes, taken }) => {
      const isAll = length <= joinAtOnce
      const put: Change = { put: "rollout", rollout: isAll ? whole(rollout) : this.#marked(rollout) }
      const told = isAll ? [...taken].map(([id, ended]) => this.#takenEvent(id, ended)) : []
      await commit(this.#needs, this.#needs.actor, [put, started, ...changes, ...told])
    })
  }

  /** Lets the others join; repeated after a failure, it goes on where it was. */
  async end(live: LiveRollout): Promise<void> {
    live.enrolment ??= this.#joinAll(live)
    try {
      await live.enrolment
    } finally {
      live.enrolment = null
    }
    for (const id of this.#takenFrom) {
      const earlier = this.#needs.live.rollouts.get(id)
      if (earlier !== undefined) await advanceRollout(this.#needs, earlier)
    }
  }

  async #joinAll(live: LiveRollout): Promise<void> {
    const mayJoin = (): boolean => isLive(live.rollout.state) && !live.isEnding
    const alone = (action: () => Promise<void>) => inTurn(live, async () => (mayJoin() ? action() : undefined))
    while (mayJoin() && this.#joined < this.#members.length) {
      await this.#joinNext(({ changes }) =>
        alone(async () => {
          await commit(this.#needs, engine, [{ put: "rollout", rollout: this.#marked(live.rollout) }, ...changes])
        }),
      )
      await this.#needs.clock.breathe()
    }
    await alone(async () => {
      if (!isEnrolling(live.rollout)) return
      const { id } = live.rollout
      const sentence = `All ${live.size} devices have joined the rollout ${id}.`
      await commit(this.#needs, engine, [
        { put: "rollout", rollout: whole(live.rollout) },
        eventOf({
          at: this.#needs.clock.now(),
          kind: "rollout.enrolled",
          rolloutId: id,
          sentence,
          data: { counts: tally(live) },
        }),
        ...[...this.#takenFrom].map((from) => this.#takenEvent(from, [])),
      ])
    })
  }

  /** The next devices, alone: what each runs is looked at now, it may have begun to fetch something since the plan was made. */
  async #joinNext(save: (joining: Joining) => Promise<void>): Promise<void> {
    this.#phases ??= await phasesOf(
      this.#needs,
      { plan: this.#rollout.plan, rankMultiplier: this.#rollout.marks.rankMultiplier },
      this.#members,
    )
    const chunk = this.#members.slice(this.#joined, this.#joined + joinAtOnce)
    const lives = chunk.flatMap(({ device }) => this.#needs.live.devices.get(device.id) ?? [])
    await withLocks(this.#needs, lives, () => save(this.#joining(chunk)))
    this.#joined += chunk.length
  }

  #joining(members: readonly RolloutMember[]): Joining {
    const again = this.#rollout.marks.enrolling?.again === true
    const waiting: Update[] = []
    const moved: Change[] = []
    const taken = new Map<string, Open[]>()
    for (const member of members) {
      const live = this.#needs.live.devices.get(member.device.id)
      // It was removed meanwhile.
      if (live === undefined) continue
      const { update, changes } = this.#firstUpdate(member, live, again)
      if (changes.length === 0) waiting.push({ ...update, version: 1 })
      else moved.push({ put: "update", update }, ...changes)
      if (live.update !== null && !isOver(live.update)) {
        const open = { live, update: live.update }
        const known = taken.get(open.update.rolloutId)
        if (known === undefined) taken.set(open.update.rolloutId, [open])
        else known.push(open)
        this.#takenFrom.add(open.update.rolloutId)
      }
      const doubted = again ? doubtedDevice(live, member) : null
      if (doubted !== null) moved.push({ put: "device", device: doubted })
    }
    const { id, startedAt: at } = this.#rollout
    const sentence = ({ progress }: Update, mayRun: boolean): string =>
      `The rollout ${id} took it over while it was ${progress.state}${mayRun ? "; it may or may not run what it fetched" : ""}.`
    const ended = [...taken.values()].flatMap((open) => endingChanges(open, { state: "superseded", at, sentence }))
    // Its earlier update ends before the new one becomes the device's own.
    return { changes: [...ended, { enrol: waiting }, ...moved], taken }
  }

  #firstUpdate({ device, release, obstacle }: RolloutMember, live: LiveDevice, again: boolean) {
    const { id, startedAt: at } = this.#rollout
    const sharing = live.update?.pull.sharing ?? null
    const update: Update = {
      id: `${id}/${device.id}`,
      rolloutId: id,
      deviceId: device.id,
      releaseId: release.id,
      progress: this.#progress,
      offer: null,
      image: null,
      offerReason: null,
      pull: sharing === null ? freshPull : { ...freshPull, sharing },
      place: this.#placeIn(this.#phases?.get(device.id) ?? 0),
      packageId: null,
      ticket: null,
    }
    if (obstacle !== null) {
      return moveUpdate(update, [{ kind: "offer-impossible", basis: "concluded", at, sentence: obstacle }])
    }
    if (!isThere(live, release, { again })) return { update, changes: [] }
    const sentence = `It ran version ${release.version} already when the rollout started.`
    return moveUpdate(update, [{ kind: "left-alone", basis: "concluded", at, sentence }])
  }

  /** Devices of one phase share it. */
  #placeIn(phase: number): UpdatePlace {
    const place = this.#places.get(phase) ?? { ...firstPlace, phase }
    this.#places.set(phase, place)
    return place
  }

  /** The rollout with what a restart has to know. */
  #marked(rollout: Rollout): Rollout {
    const { enrolling = null } = rollout.marks
    if (enrolling === null) return rollout
    return {
      ...rollout,
      marks: { ...rollout.marks, enrolling: { ...enrolling, takenFrom: [...this.#takenFrom] } },
    }
  }

  #takenEvent(from: string, ended: readonly Open[]): Change {
    const { id: by, startedAt: at } = this.#rollout
    const live = this.#needs.live.rollouts.get(from)
    const counts = live === undefined ? {} : countsAfter(live, ended, "superseded")
    const sentence = `The rollout ${by} took devices over from the rollout ${from}.`
    return eventOf({ at, kind: "rollout.devices-taken", rolloutId: from, sentence, data: { counts, by } })
  }
}

interface Open {
  readonly live: LiveDevice
  readonly update: Update
}

interface Joining {
  readonly changes: readonly Change[]
  /** The updates that end by it, by their rollout. */
  readonly taken: ReadonlyMap<string, readonly Open[]>
}

/** The rollout once everybody is in it. */
function whole(rollout: Rollout): Rollout {
  return { ...rollout, marks: { ...rollout.marks, enrolling: null } }
}

/** Whoever offers a release again to a device that was concluded to run it does not believe that. */
function doubtedDevice({ device }: LiveDevice, { release }: RolloutMember): Device | null {
  const { version, evidence } = device.running
  return version !== release.version || evidence === "reported" ? null : runsUnknown(device)
}

/** Each device's phase, in the order of the rollout's ranks. */
export async function phasesOf(
  needs: Pick<Needs, "live" | "families" | "clock">,
  { plan, rankMultiplier }: { readonly plan: RolloutPlan; readonly rankMultiplier: number },
  members: readonly RolloutMember[],
): Promise<ReadonlyMap<string, number>> {
  const [first] = plan.phases
  const isOne = plan.phases.length === 1 && first?.size.kind === "rest"
  if (isOne) return new Map()
  const kinds = new Map<string, string>()
  // Ranks are below 2^31 and a fleet has less than 2^22 devices: both stand in one number, which is sorted without a callback.
  const keys = new Float64Array(members.length)
  for (const [index, { device }] of members.entries()) {
    if (index % 5000 === 4999) await needs.clock.breathe()
    keys[index] = rankOf(bucketOf(device.id), rankMultiplier) * 2 ** 22 + index
  }
  keys.sort()
  const ranked = Array.from(keys, (key) => {
    const { device } = members[key % 2 ** 22] as RolloutMember
    const kind = `${device.family} ${device.model}`
    if (!kinds.has(kind)) kinds.set(kind, kind)
    return { id: device.id, kind: kinds.get(kind) ?? kind }
  })
  await needs.clock.breathe()
  const { phases } = assignPhases(plan, ranked, (expression) => {
    const group = fleetGroup(needs, expression)
    return ({ id }) => {
      const live = needs.live.devices.get(id)
      return live !== undefined && group(groupMember(live))
    }
  })
  return new Map(ranked.map(({ id }, at) => [id, phases[at] ?? 0]))
}
