import type {
  Admission,
  Channel,
  DeltaRecord,
  Device,
  Enrolment,
  ImageRef,
  Release,
  Rollout,
  SavedGroup,
  RolloutState,
  Update,
} from "../../core/domain/records.ts"
import type { ApiToken, Session, User, Webhook, WebhookStanding } from "../../core/domain/people.ts"
import { mayHaveImage } from "../../core/domain/pull-state.ts"
import { type UpdateState, updateStates } from "../../core/domain/update.ts"
import { restsUntil } from "../../core/rollout/budget.ts"
import { isWindowOpen } from "../../core/domain/window.ts"
import type { RouteAnswer } from "../../core/families/routes.ts"
import { InOrder } from "../../core/kit/in-order.ts"
import type { JsonObject } from "../../core/kit/json.ts"
import { SortedKeys } from "../../core/kit/sorted-keys.ts"
import { learnGap, newRhythm, type Rhythm, rhythmText } from "../../core/rollout/rhythm.ts"
import { Census, type Counted, isTrouble, type TroubleState } from "./index/census.ts"
import { ContactSeries } from "./index/contact-series.ts"
import { type DeviceLock, freeLock } from "./ledger/device-lock.ts"
import { LiveRollout, type UpdateFacts } from "./live-rollout.ts"
import type { ChannelPolls, Clock, Seen } from "./needs.ts"

/** What is remembered of a device's notes while the server runs. */
export interface NoteMemory {
  /** The last marks, oldest first. */
  marks: readonly string[]
  /** Notes of the minute that began at `minuteAt`, monotonic ms. */
  inMinute: number
  minuteAt: number
}

/**
 * The fleet in memory: who may log in, what each device is offered now, where each update stands. The quiet path is
 * answered from here without the database. It is filled from the store at start and changed only after a commit.
 */
export class LiveFleet {
  readonly devices = new Map<string, LiveDevice>()
  /** Their ids, in order. */
  readonly deviceIds = new SortedKeys()
  /** Grows with every change of a device's record or of its update; contacts alone do not count. */
  changes = 0
  readonly releases = new Map<string, Release>()
  readonly rollouts = new Map<string, LiveRollout>()
  readonly channels = new Map<string, LiveChannel>()
  /** What came of patches, by key. */
  readonly deltas = new Map<string, DeltaRecord>()
  readonly logins = new Map<string, LiveDevice | LiveChannel>()
  /** Devices by the user of the one-time credentials that their update gives them now. */
  readonly tickets = new Map<string, LiveDevice>()
  readonly enrolments = new Map<string, Enrolment>()
  /** Those of people and programs that may call, by id; expired and revoked ones as well. */
  readonly tokens = new Map<string, ApiToken>()
  readonly users = new Map<string, User>()
  readonly sessions = new Map<string, Session>()
  readonly webhooks = new Map<string, Webhook>()
  readonly standings = new Map<string, WebhookStanding>()
  /** Saved groups by their names. */
  readonly groups = new Map<string, SavedGroup>()
  /** Devices whose offer changed since somebody took them from here: their conversations go on by it. */
  readonly offerNews = new Set<LiveDevice>()
  /** Devices by what they claim as their own in their conversation, such as a SIM's number: nearly always one. */
  readonly #claimants = new Map<string, LiveDevice | Set<LiveDevice>>()
  /** Events are told in the order of their numbers, however long it takes to take in what they tell of. */
  readonly telling = new InOrder()
  /** When to come back to a device's conversation, monotonic ms. */
  readonly wakes = new Map<LiveDevice, number>()
  /** Those of them whose time had come when somebody looked. */
  readonly due = new Set<LiveDevice>()
  /** What is remembered of the notes of devices' agents. */
  readonly notes = new WeakMap<LiveDevice, NoteMemory>()
  /** Devices that have read an offer and may still fetch it. */
  readonly undecided = new Set<LiveDevice>()
  /** Rollouts whose next devices can be offered something now. */
  readonly stirred = new Set<LiveRollout>()
  /** What rehearsals foretold of plans that were not started yet, by the plan's own text. */
  readonly predictions = new Map<string, JsonObject>()
  /** Rollouts that the engine takes back, and why. */
  readonly goingBack = new Map<LiveRollout, string>()
  /** Devices whose offer must be planned anew: they did something that nobody expected. */
  readonly toReplan = new Set<LiveDevice>()
  /** Devices with a contact that is not saved, the longest waiting first; one that was removed is no longer marked so. */
  readonly #contacted: LiveDevice[] = []
  /** Virtual devices may run so many times faster than hardware: what is waited for of devices is divided by it. */
  deviceSpeed = 1
  /** Whether releases have to be signed. */
  demandsSignatures = false
  /** Why devices may not have a release, naming the signature that is missing; null = they may. Cheap. */
  whyNotOffered: (release: Release) => string | null = () => null
  /** The fleet in numbers. */
  readonly census: Census
  readonly contacts: ContactSeries
  readonly #clock: Clock
  readonly #claimsOf: ClaimsOf
  #rolloutNumber = 0
  /** The uptime at the zero of the monotonic clock. */
  #upBefore = 0
  readonly #enrolled = new Map<string, Record<Admission, number>>()

  constructor(clock: Clock, claimsOf: ClaimsOf = () => [], isAstray: (device: Device) => boolean = () => false) {
    this.#clock = clock
    this.census = new Census(isAstray)
    this.contacts = new ContactSeries(clock.now())
    this.#claimsOf = claimsOf
  }

  addDevice(device: Device): LiveDevice {
    const live: LiveDevice = {
      kind: "device",
      device,
      update: null,
      reading: null,
      seenAt: neverSeen,
      rhythm: newRhythm(),
      isContacted: false,
      peer: "",
      quietSince: 0,
      lock: freeLock,
      transfer: null,
      answered: null,
      percent: null,
      wake: null,
      visit: null,
      saidVersions: [],
      trouble: null,
      cell: null,
    }
    this.devices.set(device.id, live)
    this.deviceIds.add(device.id)
    this.changes++
    this.logins.set(device.access.user, live)
    this.#claim(live)
    this.#countEnrolled(device, 1)
    this.census.count(live, null)
    return live
  }

  /** How many devices came by that enrolment, by their admission. */
  enrolledBy(enrolmentId: string): Readonly<Record<Admission, number>> {
    return this.#enrolled.get(enrolmentId) ?? { pending: 0, accepted: 0 }
  }

  /** A device that is being saved counts already: a crowd that comes at one moment passes no bound. */
  async whileEnrolling<Result>(device: Device, deed: () => Promise<Result>): Promise<Result> {
    this.#countEnrolled(device, 1)
    try {
      return await deed()
    } finally {
      this.#countEnrolled(device, -1)
    }
  }

  #countEnrolled({ enrolmentId, admission }: Device, by: 1 | -1): void {
    if (enrolmentId === undefined) return
    const counts = this.#enrolled.get(enrolmentId) ?? { pending: 0, accepted: 0 }
    counts[admission] += by
    this.#enrolled.set(enrolmentId, counts)
  }

  /** Takes in what was saved of a device, new or known. */
  putDevice(device: Device): LiveDevice {
    const live = this.devices.get(device.id)
    if (live === undefined) return this.addDevice(device)
    this.changes++
    const before = live.device
    if (before.familyState !== device.familyState) this.#disclaim(live)
    live.device = device
    if (before.familyState !== device.familyState) this.#claim(live)
    if (before.access.user !== device.access.user) {
      if (this.logins.get(before.access.user) === live) this.logins.delete(before.access.user)
      this.logins.set(device.access.user, live)
    }
    this.#countEnrolled(before, -1)
    this.#countEnrolled(device, 1)
    this.census.count(live, before)
    if (before.admission !== device.admission) live.wake?.()
    return live
  }

  /** Who claims the same thing. */
  claimants(claim: string): readonly LiveDevice[] {
    const found = this.#claimants.get(claim)
    if (found === undefined) return []
    return found instanceof Set ? [...found] : [found]
  }

  #claim(live: LiveDevice): void {
    for (const claim of this.#claimsOf(live.device)) {
      const others = this.#claimants.get(claim)
      if (others instanceof Set) others.add(live)
      else this.#claimants.set(claim, others === undefined || others === live ? live : new Set([others, live]))
    }
  }

  #disclaim(live: LiveDevice): void {
    for (const claim of this.#claimsOf(live.device)) {
      const claimants = this.#claimants.get(claim)
      if (claimants instanceof Set) claimants.delete(live)
      if (claimants === live || (claimants instanceof Set && claimants.size === 0)) this.#claimants.delete(claim)
    }
  }

  removeDevice(id: string): void {
    const live = this.devices.get(id)
    if (live === undefined) return
    this.#setCurrent(live, null)
    this.census.forget(live)
    this.#disclaim(live)
    this.devices.delete(live.device.id)
    this.deviceIds.delete(live.device.id)
    this.logins.delete(live.device.access.user)
    this.#countEnrolled(live.device, -1)
    this.undecided.delete(live)
    this.toReplan.delete(live)
    this.offerNews.delete(live)
    this.wakes.delete(live)
    this.due.delete(live)
    live.isContacted = false
  }

  setChannel(channel: Channel): void {
    const before = this.channels.get(channel.name)
    if (before !== undefined) this.logins.delete(before.channel.access.user)
    const live: LiveChannel = {
      kind: "channel",
      channel,
      polls: before?.polls ?? 0,
      savedPolls: before?.savedPolls ?? null,
      reading: before?.reading ?? null,
      answered: null,
    }
    this.channels.set(channel.name, live)
    this.logins.set(channel.access.user, live)
  }

  /** What was counted of channels since it was saved last. */
  takePolls(): readonly ChannelPolls[] {
    const changed = [...this.channels.values()].filter(({ polls, savedPolls }) => polls !== savedPolls)
    for (const live of changed) live.savedPolls = live.polls
    return changed.map(({ channel, polls }) => ({ name: channel.name, polls }))
  }

  removeChannel(name: string): void {
    const live = this.channels.get(name)
    if (live === undefined) return
    this.channels.delete(name)
    if (this.logins.get(live.channel.access.user) === live) this.logins.delete(live.channel.access.user)
  }

  /** Takes in an update that was saved: the rollout's tally, and the device's current update. */
  setUpdate(update: Update): void {
    const live = this.devices.get(update.deviceId)
    this.rollouts.get(update.rolloutId)?.setUpdate(update, this.factsOf(update))
    if (live === undefined) return
    const current = live.update
    const isCurrent = current === null || current.id === update.id || numberOf(this, current) <= numberOf(this, update)
    if (isCurrent) this.#setCurrent(live, update)
    const { contact } = update.pull
    if (contact === null || contact.isSettled) this.undecided.delete(live)
    else if (live.update?.id === update.id) this.undecided.add(live)
  }

  /**
   * The rollout is over: this device of it is offered nothing any more. What was concluded, or may still be, stays offered: a
   * device that runs the release leaves it alone, and one that comes for it after all takes the conclusion back.
   */
  forgetEnded({ rollout }: LiveRollout, deviceId: string): void {
    const update = this.devices.get(deviceId)?.update ?? null
    const isKept = rollout.state !== "aborted" && update !== null && isWatched(update) && this.#isAsConcluded(update)
    if (!isKept) this.forgetUpdate(deviceId, rollout.id)
  }

  /** What was concluded of the device in a rollout that is over was said to be otherwise. */
  forgetDenied(deviceId: string): void {
    const update = this.devices.get(deviceId)?.update ?? null
    const rollout = this.rollouts.get(update?.rolloutId ?? "")
    if (update === null || rollout === undefined || isLive(rollout.rollout.state)) return
    if (!this.#isAsConcluded(update)) this.forgetUpdate(deviceId, update.rolloutId)
  }

  /** Nobody has said since what the device runs, where it was concluded from what it did. */
  #isAsConcluded({ deviceId, releaseId, progress }: Update): boolean {
    if (progress.state !== "succeeded") return true
    const running = this.devices.get(deviceId)?.device.running
    return running?.evidence === "concluded" && running.version === this.releases.get(releaseId)?.version
  }

  /** What the counters have to know of an update beside itself. */
  factsOf({ deviceId, releaseId }: Update): UpdateFacts {
    const { labels = {}, model } = this.devices.get(deviceId)?.device ?? {}
    return { labels, model, imageBytes: this.releases.get(releaseId)?.image.sizeBytes ?? 0 }
  }

  /** Fills a rollout that goes on after it was over with its updates from the store, as far as memory has no newer ones. */
  completeRollout(live: LiveRollout, updates: readonly Update[]): void {
    const newest = updates.map((update) => {
      const current = this.devices.get(update.deviceId)?.update ?? null
      return current?.id === update.id ? current : update
    })
    live.complete(newest, (update) => this.factsOf(update))
  }

  /** Ms for which servers of this store have been up: it stands still while none is. */
  uptime(): number {
    return this.#upBefore + this.#clock.monotonic()
  }

  /** Goes on from the uptime that was saved. */
  resumeUptime(saved: number): void {
    this.#upBefore = saved - this.#clock.monotonic()
  }

  /** A device's update in a rollout is no longer its current one. */
  forgetUpdate(deviceId: string, rolloutId: string): void {
    const live = this.devices.get(deviceId)
    if (live?.update?.rolloutId !== rolloutId) return
    this.#setCurrent(live, null)
    this.undecided.delete(live)
  }

  /** Its maintenance window is closed and it has not begun, or what it may spend in a day is spent. */
  isHeldNow({ rolloutId, deviceId, progress, place, image }: Update): boolean {
    const rollout = this.rollouts.get(rolloutId)
    if (rollout === undefined) return false
    const { windows, budget } = rollout.rollout.plan
    const now = this.#clock.now()
    // What it has begun may go on to the end: nothing is gained by an image that is half there.
    const next = { bytes: begun.has(progress.state) ? 0 : (image?.sizeBytes ?? 0), sms: 0 }
    if (restsUntil(budget.perDeviceAndDay, place.day, next, now) !== null) return true
    return !begun.has(progress.state) && !isWindowOpen(windows, rollout.entryOf(deviceId)?.zone ?? "", now)
  }

  /** A rollout was paused or resumed: the conversations of its devices go on by that. */
  noteOffers(rollout: LiveRollout): void {
    for (const deviceId of rollout.states.keys()) {
      const live = this.devices.get(deviceId)
      if (live?.update?.rolloutId === rollout.rollout.id && live.update.ticket !== null) this.offerNews.add(live)
    }
  }

  #setCurrent(live: LiveDevice, update: Update | null): void {
    const before = live.update?.ticket ?? null
    const ticket = update === null || isOver(update) ? null : update.ticket
    if (before !== null && before.user !== ticket?.user) this.tickets.delete(before.user)
    if (ticket !== null) this.tickets.set(ticket.user, live)
    if (before?.user !== ticket?.user) this.offerNews.add(live)
    live.update = update
    if (update !== null) live.trouble = isTrouble(update.progress.state) ? update.progress.state : null
    this.census.count(live, live.device)
    this.changes++
    live.wake?.()
  }

  /** The running number of a rollout that is being started now. */
  nextRolloutNumber(): number {
    return ++this.#rolloutNumber
  }

  setRollout(rollout: Rollout): LiveRollout {
    this.#rolloutNumber = Math.max(this.#rolloutNumber, rollout.number)
    const live = this.rollouts.get(rollout.id)
    if (live !== undefined) {
      live.setRollout(rollout)
      return live
    }
    const added = new LiveRollout(rollout)
    this.rollouts.set(rollout.id, added)
    return added
  }

  /** Records a contact; rows are saved together later. */
  touch(live: LiveDevice, peer: string): void {
    const now = this.#clock.now()
    const isFirst = live.seenAt === neverSeen
    if (!isFirst) learnGap(live.rhythm, now - live.seenAt)
    live.seenAt = now
    this.contacts.note(now)
    if (isFirst) this.census.count(live, live.device)
    live.quietSince = this.uptime()
    if (live.peer !== peer) live.peer = peer
    if (live.isContacted) return
    live.isContacted = true
    this.#contacted.push(live)
  }

  /** The contacts since the last call, the longest waiting first; at most `limit`, the others wait for the next call. */
  takeContacts(limit: number): Seen[] {
    const taken = this.#contacted.splice(0, limit).filter(({ isContacted }) => isContacted)
    return taken.map((live) => {
      live.isContacted = false
      return {
        deviceId: live.device.id,
        at: live.seenAt,
        peer: live.peer,
        rhythm: rhythmText(live.rhythm),
        upAt: Math.round(live.quietSince),
      }
    })
  }
}

/** What a device claims as its own, as its family sees it. */
export type ClaimsOf = (device: Device) => readonly string[]

/** Not null: a field that is always a number is changed in place, at every contact of every device, without garbage. */
export const neverSeen = 0

export interface LiveDevice extends Counted {
  readonly kind: "device"
  device: Device
  trouble: TroubleState | null
  /** The newest update that is not forgotten: not over, or of a rollout that still runs. */
  update: Update | null
  /** What the device last read as its offer: it may fetch just that, whatever changed since. */
  reading: Reading | null
  /** ms since 1970 UTC, or `neverSeen`. */
  seenAt: number
  /** How often it comes. */
  readonly rhythm: Rhythm
  /** Whether its last contact waits to be saved. */
  isContacted: boolean
  peer: string
  /** Silence is counted from here, on the clock of uptime: the last contact. */
  quietSince: number
  /** What is done for the device happens one after another. */
  lock: DeviceLock
  /** A download that is under way now: for watchers, not stored. */
  transfer: { readonly takenBytes: number; readonly sizeBytes: number } | null
  answered: AnsweredPoll | null
  /** How far the device says that it is with installing, 0 to 100: for watchers, not stored. */
  percent: number | null
  /** The last visitor: a client that used its login and is not the device. Monotonic. */
  visit: { readonly network: string; readonly at: number } | null
  /** The last versions that it said without an update between them, oldest first. */
  saidVersions: readonly string[]
  /** Called when something about its update changes: the agent beside it waits for that. */
  wake: (() => void) | null
}

export interface LiveChannel {
  readonly kind: "channel"
  readonly channel: Channel
  polls: number
  /** As the store has it; null = it has none of this channel. */
  savedPolls: number | null
  reading: Reading | null
  answered: AnsweredPoll | null
}

/** A poll that was answered, and what the answer was made of: as long as all of that is the same, it is answered again. */
export interface AnsweredPoll {
  /** The request, and the address at which it came. */
  readonly request: string
  readonly offered: Offered | null
  readonly device: Device | null
  readonly answer: RouteAnswer
}

/** An offer as it was read. */
export interface Reading {
  readonly offered: Offered
  /** Monotonic. */
  readonly at: number
}

/** What a login gets now. */
export interface Offered {
  readonly updateId: string | null
  readonly releaseId: string
  readonly offer: JsonObject
  readonly image: ImageRef
}

function numberOf(fleet: LiveFleet, update: Update): number {
  return fleet.rollouts.get(update.rolloutId)?.rollout.number ?? 0
}

/** Whether the rollout still steers devices. */
export function isLive(state: RolloutState): boolean {
  return state === "running" || state === "paused"
}

const standing: ReadonlySet<UpdateState> = new Set([
  "offered",
  "accepted",
  "downloading",
  "downloaded",
  "installing",
  "succeeded",
  "no-show",
])
/** A paused rollout starts nothing new but lets a device finish what it has begun. */
const begun: ReadonlySet<UpdateState> = new Set(["downloading", "downloaded", "installing", "succeeded"])

/** Whether an update that has ended can still be taken back, or concluded, by what the device does. */
export function isWatched({ progress, pull }: Update): boolean {
  if (progress.state === "succeeded") return progress.basis === "concluded"
  return progress.state === "no-show" && mayHaveImage(pull)
}

/** What a device is offered now, or null. */
export function offeredTo(fleet: LiveFleet, live: LiveDevice): Offered | null {
  const { update } = live
  if (update === null || update.offer === null || update.image === null) return null
  const state = fleet.rollouts.get(update.rolloutId)?.rollout.state
  const stands = state === "running" ? standing : state === "paused" ? begun : null
  const isActive = fleet.releases.get(update.releaseId)?.state === "active"
  const isAfterEnd = isActive && (state === "succeeded" || state === "failed") && isWatched(update)
  if (stands?.has(update.progress.state) !== true && !isAfterEnd) return null
  if (!isAfterEnd && fleet.isHeldNow(update)) return null
  if (!maySee(fleet, update.releaseId)) return null
  return { updateId: update.id, releaseId: update.releaseId, offer: update.offer, image: update.image }
}

/** No word of a release that is not signed as it has to be reaches a device. */
function maySee(fleet: LiveFleet, releaseId: string): boolean {
  const release = fleet.demandsSignatures ? fleet.releases.get(releaseId) : undefined
  return release === undefined ? !fleet.demandsSignatures : fleet.whyNotOffered(release) === null
}

/** What a channel offers now, or null. */
export function offeredBy(fleet: LiveFleet, { channel }: LiveChannel): Offered | null {
  if (channel.releaseId === null || channel.offer === null || channel.image === null) return null
  if (!maySee(fleet, channel.releaseId)) return null
  return { updateId: null, releaseId: channel.releaseId, offer: channel.offer, image: channel.image }
}

/** Counts a rollout's devices by state. */
export function tally({ book }: LiveRollout): Partial<Record<UpdateState, number>> {
  const counts: Partial<Record<UpdateState, number>> = {}
  for (const phase of book.phases) {
    for (const [state, count] of Object.entries(phase.counts) as [UpdateState, number][]) {
      if (count > 0) counts[state] = (counts[state] ?? 0) + count
    }
  }
  return counts
}

/** Whether an update has come to an end. */
export function isOver(update: Update): boolean {
  return updateStates[update.progress.state].over
}
