import { deviceActor } from "../../core/domain/actor.ts"
import type { Evidence } from "../../core/domain/evidence.ts"
import { spentMore } from "../../core/domain/marks.ts"
import type { Device, OutgoingMessage, Update } from "../../core/domain/records.ts"
import type {
  ConversationInput,
  ConversationMessage,
  ConversationOffer,
  ConversationSide,
  ConversationStep,
  Ticket,
} from "../../core/families/conversation.ts"
import type { HmacSha256 } from "../../core/kit/hmac-sha256.ts"
import { closed, mayPlanAnew } from "./ask-for-work.ts"
import { commit, eventOf } from "./commit.ts"
import { familyOf } from "./families.ts"
import { advanceRollout } from "./advance-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { flagPackage } from "./flag-package.ts"
import { isOver, type LiveDevice, offeredTo } from "./live-fleet.ts"
import { makeTicket, offerAgain } from "./make-offers.ts"
import { type Move, moveUpdate } from "./move-update.ts"
import type { Change } from "./needs.ts"
import { withLocks } from "./ledger/device-lock.ts"
import type { Outbox } from "./outbox/outbox.ts"

export type ConverseNeeds = FleetNeeds & {
  readonly outbox: Outbox
  /** 32 random bits. */
  readonly randomBits: () => number
  readonly hmac: HmacSha256
  /** Where devices reach this server, by the families' transports. */
  readonly reach: () => {
    readonly ftp: { readonly host: string; readonly port: number }
    readonly tcp: { readonly host: string; readonly port: number }
    readonly smsNumber: string
  }
}

type TcpMessage = Extract<ConversationMessage, { via: "tcp" }>

/**
 * One step of a device's conversation: what follows from an input is durable, its messages with it, when this resolves with
 * what goes back on the socket. The steps of one device happen one after another.
 */
export async function converse(
  needs: ConverseNeeds,
  live: LiveDevice,
  input: ConversationInput,
): Promise<readonly TcpMessage[]> {
  const side = familyOf(needs.families, live.device.family).conversation
  if (side === undefined || live.device.admission === "pending") return []
  let concerned: readonly LiveDevice[] = [live]
  for (;;) {
    const taken = await withLocks(needs, concerned, () => takeStep(needs, side, { live, input, concerned }))
    if (taken.kind === "concerns") {
      concerned = taken.concerned
      continue
    }
    needs.outbox.kick()
    if (taken.move !== null) await follow(needs, taken.move.update, taken.step)
    const mustPlan = taken.step.running !== undefined || taken.move !== null
    if (mustPlan && mayPlanAnew(needs, live)) await offerAgain(needs, live)
    return taken.step.send.filter((message): message is TcpMessage => message.via === "tcp")
  }
}

interface StepOrder {
  readonly live: LiveDevice
  readonly input: ConversationInput
  /** Whose turn it is: the device, and those whose memory the step may change. */
  readonly concerned: readonly LiveDevice[]
}

type Taken =
  /** The step concerns further devices: it is taken again when it is their turn too. */
  | { readonly kind: "concerns"; readonly concerned: readonly LiveDevice[] }
  | { readonly kind: "done"; readonly step: ConversationStep; readonly move: Move | null }

async function takeStep(needs: ConverseNeeds, side: ConversationSide, order: StepOrder): Promise<Taken> {
  const { live, input, concerned } = order
  const step = side.step(situationOf(needs, live), input)
  const others = step.others.flatMap(({ id }) => needs.live.devices.get(id) ?? [])
  if (others.some((other) => !concerned.includes(other))) {
    return { kind: "concerns", concerned: [...new Set([...concerned, ...others])] }
  }
  if (input.kind === "message" && step.isHeard === true) needs.live.touch(live, input.from)
  const update =
    step.ticket === undefined || live.update === null ? live.update : { ...live.update, ticket: step.ticket }
  const move = moveOf(needs, update, step)
  const messages = step.send.flatMap((message) => toRow(needs, { live, message, isAnswer: input.kind === "message" }))
  const saved = withMessages(move?.update ?? update, messages.length, needs.clock.now())
  const devices = changedDevices(needs, live, step)
  const isAnswer = input.kind === "message"
  const changes: Change[] = [
    ...devices.map(({ device }): Change => ({ put: "device", device })),
    ...(saved === null || saved === live.update ? [] : [{ put: "update", update: saved } as const]),
    ...(move?.changes ?? []),
    ...messages.map((message): Change => ({ put: "message", message })),
    ...step.notes.map(({ kind, sentence }) =>
      eventOf({
        at: needs.clock.now(),
        kind: `conversation.${kind}`,
        deviceId: live.device.id,
        basis: "reported",
        sentence,
      }),
    ),
  ]
  if (changes.length > 0) {
    await commit(needs, deviceActor(live.device.id), changes)
    for (const message of messages) needs.outbox.add(message, isAnswer)
    for (const message of step.send) {
      if (message.via === "sms")
        takeDown(needs, live, { kind: "message", via: "sms", from: message.to, bytes: message.bytes }, "server")
    }
  }
  if (step.wakeInMs === null) needs.live.wakes.delete(live)
  else if (step.wakeInMs !== "unchanged") needs.live.wakes.set(live, needs.clock.monotonic() + step.wakeInMs)
  return { kind: "done", step, move }
}

/** Short messages are spent when they are made: whether one arrives or not, it is paid for. */
function withMessages(update: Update | null, count: number, now: number): Update | null {
  if (update === null || count === 0) return update
  return { ...update, place: spentMore(update.place, { bytes: 0, sms: count, now }) }
}

function situationOf(needs: ConverseNeeds, live: LiveDevice): Parameters<ConversationSide["step"]>[0] {
  const { id, model, familyState, running, access } = live.device
  let ticket: Ticket | undefined
  return {
    device: {
      id,
      model,
      familyState,
      runningVersion: running.version,
      isReported: running.evidence === "reported",
      secret: access.secret,
    },
    now: needs.clock.now(),
    offered: offerOf(needs, live),
    newTicket: () => (ticket ??= makeTicket(needs)),
    random: needs.randomBits(),
    hmac: needs.hmac,
    claimants: (claim) =>
      needs.live
        .claimants(claim)
        .flatMap((other) => (other === live ? [] : [{ id: other.device.id, familyState: other.device.familyState }])),
    ...needs.reach(),
  }
}

/** What stands for the device; one whose rollout is paused is held, not taken back. */
function offerOf(needs: ConverseNeeds, live: LiveDevice): ConversationOffer | null {
  const { update } = live
  if (update === null || isOver(update) || update.offer === null || update.image === null || update.ticket === null) {
    return null
  }
  const offered = offeredTo(needs.live, live)
  return {
    offer: update.offer,
    target: needs.live.releases.get(update.releaseId)?.version ?? "",
    sizeBytes: update.image.sizeBytes,
    ticket: update.ticket,
    isHeld: offered === null,
  }
}

function moveOf(needs: ConverseNeeds, update: Update | null, step: ConversationStep): Move | null {
  if (update === null || step.evidence.length === 0) return null
  const at = needs.clock.now()
  const evidence = step.evidence.map(({ kind, sentence, code }): Evidence => {
    const basis = kind === "silence" || kind === "declined" ? "concluded" : "reported"
    return { kind, basis, at, sentence, ...(code === undefined ? {} : { code }) }
  })
  const move = moveUpdate(update, evidence)
  return move.changes.length === 0 ? null : { ...move, update: closed(move.update) }
}

interface ChangedDevice {
  readonly of: LiveDevice
  readonly device: Device
}

function changedDevices(needs: ConverseNeeds, live: LiveDevice, step: ConversationStep): readonly ChangedDevice[] {
  const changed: ChangedDevice[] = []
  const { familyState, running } = live.device
  const now = runningAfter(running, step)
  const isNews = running.version !== now.version || running.evidence !== now.evidence
  if (familyState !== step.familyState || isNews) {
    changed.push({ of: live, device: { ...live.device, familyState: step.familyState, running: now } })
  }
  for (const { id, familyState: state } of step.others) {
    const other = needs.live.devices.get(id)
    if (other !== undefined) changed.push({ of: other, device: { ...other.device, familyState: state } })
  }
  return changed
}

/** What the device says that it runs; nobody knows while it is being changed. */
function runningAfter(running: Device["running"], { running: said, evidence }: ConversationStep): Device["running"] {
  if (said !== undefined) return { version: said, evidence: "reported" }
  const mayChange = evidence.some(({ kind }) => kind === "install-started" || kind === "install-failed")
  return mayChange ? { version: running.version, evidence: "unknown" } : running
}

interface Outgoing {
  readonly live: LiveDevice
  readonly message: ConversationMessage
  /** The device waits for it now. */
  readonly isAnswer: boolean
}

function toRow(needs: ConverseNeeds, { live, message, isAnswer }: Outgoing): readonly OutgoingMessage[] {
  if (message.via !== "sms" || needs.outbox.has(message.reference)) return []
  return [
    {
      reference: message.reference,
      deviceId: live.device.id,
      to: message.to,
      payload: Buffer.from(message.bytes).toString("base64"),
      coding: message.coding,
      validitySeconds: message.validitySeconds,
      createdAt: needs.clock.now(),
      state: needs.outbox.firstState(isAnswer),
      carrierReference: null,
      sentAt: null,
    },
  ]
}

/** What a move of the update brings with it. */
async function follow(needs: ConverseNeeds, update: Update, step: ConversationStep): Promise<void> {
  const wrong = step.evidence.find(({ isPackageWrong }) => isPackageWrong === true)
  if (wrong !== undefined) await flagPackage(needs, update, wrong)
  const rollout = needs.live.rollouts.get(update.rolloutId)
  if (rollout !== undefined && isOver(update)) await advanceRollout(needs, rollout)
}

/** Conversations that go on by themselves between two looks at who has spoken, and at one call. */
const bite = 10
const mostAtOnce = 200

/**
 * Goes on with the conversations whose offer has changed and with those whose time has come, no faster than their messages
 * leave: a rollout to thousands does not hold up those who are in the middle of a conversation. Called many times a second.
 */
export async function goOn(needs: ConverseNeeds): Promise<void> {
  for (let taken = 0; taken < mostAtOnce; taken += bite) {
    const room = needs.outbox.room()
    // Without a carrier there are still devices that need no message of ours.
    if (room === "none" || (room === "away" && taken > 0)) return
    const due = [...takeOfferNews(needs, bite), ...takeDue(needs, bite)]
    if (due.length === 0) return
    await Promise.all(due.map(([live, input]) => converse(needs, live, input)))
  }
}

type Due = readonly [LiveDevice, ConversationInput]

function takeOfferNews(needs: ConverseNeeds, most: number): readonly Due[] {
  const due: Due[] = []
  for (const live of needs.live.offerNews) {
    if (due.length >= most) break
    needs.live.offerNews.delete(live)
    if (familyOf(needs.families, live.device.family).conversation === undefined) continue
    due.push([live, { kind: offerOf(needs, live) === null ? "withdrawn" : "offered" }])
  }
  return due
}

function takeDue({ live: fleet, clock }: ConverseNeeds, most: number): readonly Due[] {
  const due: Due[] = []
  for (const live of fleet.due) {
    if (due.length >= most) break
    fleet.due.delete(live)
    // It may have spoken since it was found, and wait anew.
    if ((fleet.wakes.get(live) ?? Number.POSITIVE_INFINITY) > clock.monotonic()) continue
    fleet.wakes.delete(live)
    due.push([live, { kind: "time-passed" }])
  }
  return due
}

/** Finds the conversations whose time has come. Called about once a second: it looks at every one that waits. */
export function findDue({ live: fleet, clock }: ConverseNeeds): void {
  const now = clock.monotonic()
  for (const [live, at] of fleet.wakes) if (at <= now) fleet.due.add(live)
}

/** Takes in a message from anybody. An empty answer may mean that it was garbage, forged, or nothing to answer. */
export async function takeMessage(
  needs: ConverseNeeds,
  message: Extract<ConversationInput, { kind: "message" }>,
): Promise<{ readonly live: LiveDevice | null; readonly answers: readonly TcpMessage[] }> {
  for (const { id: family, conversation } of needs.families) {
    const sender = conversation?.senderOf(message.bytes) ?? null
    const live = sender === null ? undefined : needs.live.devices.get(sender)
    if (live?.device.family !== family) continue
    takeDown(needs, live, message)
    const answers = await converse(needs, live, message)
    for (const { bytes } of answers) takeDown(needs, live, { ...message, bytes }, "server")
    return { live, answers }
  }
  return { live: null, answers: [] }
}

/** Keeps a message of a device, or an answer to one, in its transcript. */
function takeDown(
  { wire, families, hmac }: ConverseNeeds,
  { device }: LiveDevice,
  { via, from, bytes }: Extract<ConversationInput, { kind: "message" }>,
  speaker: "device" | "server" = "device",
): void {
  const side = familyOf(families, device.family).conversation
  if (wire?.isOn !== true || side === undefined || bytes.length === 0) return
  const { id, access } = device
  wire.say({ deviceId: id, channel: via, peer: from }, speaker, side.words(bytes, { id, secret: access.secret, hmac }))
}

/** What devices waited for when an earlier run of the server was ended goes on. */
export function wakeAfterRestart({ live: fleet, clock, families }: ConverseNeeds): void {
  for (const live of fleet.devices.values()) {
    const wait = familyOf(families, live.device.family).conversation?.wakeAfterRestart(live.device.familyState) ?? null
    if (wait !== null) fleet.wakes.set(live, clock.monotonic() + wait)
  }
}
