import { MalformedMessage } from "../../../kit/malformed-message.ts"
import type { ConversationInput } from "../../conversation.ts"
import { bearerText } from "./begin.ts"
import { type Sender, takeIdentity, takeStanding } from "./identity.ts"
import { currentBinding, simWords } from "./bindings.ts"
import { freshTalk } from "./memory.ts"
import { octetsOfFrame, octetsOfSms } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { isFromModule, type PfmFromModule, type PfmNameFrom, type PfmOf } from "../codec/pfm-table.ts"
import { happen, sayNothing, type TalkEvent, tellWhere } from "./talk.ts"
import {
  change,
  hangUp,
  keysOf,
  note,
  say,
  sendSms,
  sendTcp,
  setTalk,
  setTimer,
  standing,
  type Turn,
  useTicket,
} from "./turn.ts"
import { ackValiditySeconds, doubtMs, mostTaken, step, takenWindowMs } from "./waits.ts"

/** The octets of a message in whatever it came: a frame of a socket, an SMS of either form; null = none of ours. */
export function octetsOf(bytes: Uint8Array): Uint8Array | null {
  // A frame begins with its length, below 256; both forms of an SMS begin with another octet.
  return bytes[0] === 0 ? octetsOfFrame(bytes) : octetsOfSms(bytes)
}

/** Takes in a message of this module. What is forged, cut or none of a module's messages changes nothing and gets no answer; its socket is ended. */
export function takeMessage(turn: Turn, input: Extract<ConversationInput, { kind: "message" }>): void {
  const message = authentic(turn, input.bytes)
  if (message === null) return input.via === "tcp" ? hangUp(turn) : undefined
  turn.isHeard = true
  const sender: Sender = { via: input.via, from: input.from }
  const take = messageTable[message.name] as (turn: Turn, message: PfmFromModule, sender: Sender) => void
  take(turn, message, sender)
}

function authentic(turn: Turn, bytes: Uint8Array): PfmFromModule | null {
  const { id } = turn.situation.device
  const octets = octetsOf(bytes)
  if (octets === null || waftCodec.imeiOf(octets) !== id) return null
  try {
    const message = waftCodec.decode(octets, keysOf(turn))
    return message !== "forged" && isFromModule(message) ? message : null
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}

type Takers = {
  readonly [Name in PfmNameFrom<"module">]: (turn: Turn, message: PfmOf<Name>, sender: Sender) => void
}

/** Every message that modules send, and what it does. */
export const messageTable: Takers = {
  remoteRegistration: takeRegistration,
  notified: takeNotified,
  updateRequest: takeRequest,

  provisioningAck(turn, { transaction }, { via }) {
    const { ask, talk, bearer } = turn.memory
    const isAsked = ask?.kind === "provision" && ask.transaction === transaction
    const isTalk = talk.state === "provisioning" && talk.transaction === transaction
    if (via === "tcp") hangUp(turn)
    if (!isAsked && !isTalk) return
    change(turn, { provisioned: bearerText(bearer), trouble: null })
    if (isAsked) endAsk(turn, "provisioned", "The module has acknowledged its access point (Provisioning Ack).")
    else happen(turn, "provisioned")
  },

  commandAck(turn, { transaction, fields }, sender) {
    if (!isCurrent(turn, transaction)) return sender.via === "tcp" ? sayNothing(turn, transaction) : undefined
    change(turn, { trouble: null })
    takeStanding(turn, fields, sender)
    const isTaken = happen(turn, answers[fields.answer], { via: sender.via, firmware: fields.firmware })
    if (!isTaken && sender.via === "tcp") sayNothing(turn, transaction)
  },

  commandProgress: takeProgress,
  commandProgressAck: takeProgress,

  commandFinal(turn, { transaction, fields }, sender) {
    takeEnd(turn, { transaction, ...fields }, sender, "ended")
  },

  errorReport(turn, { transaction, fields }, sender) {
    takeEnd(turn, { transaction, ...fields }, sender, "failed")
  },
}

/** §3.2.3: AT#OTASUAN=1, 0, 2 and `User Answer Timeout`. */
const answers = {
  accepted: "accepted",
  refused: "refused",
  delayed: "delayed",
  "no-answer": "unanswered",
} as const satisfies Readonly<Record<string, TalkEvent>>

function isCurrent({ memory }: Turn, transaction: number): boolean {
  return transaction !== 0 && transaction === memory.talk.transaction
}

function takeProgress(turn: Turn, { transaction }: { readonly transaction: number }, { via }: Sender): void {
  const isTaken = isCurrent(turn, transaction) && happen(turn, "downloaded", { via })
  if (isTaken) change(turn, { trouble: null })
  else if (via === "tcp") hangUp(turn)
}

interface End {
  readonly transaction: number
  readonly imsi: string
  readonly firmware: string
  readonly code?: number
}

/** The end of a Command, perhaps of one that is not offered any more: it tells what runs all the same. */
function takeEnd(turn: Turn, end: End, sender: Sender, event: "ended" | "failed"): void {
  const isEarlier = end.transaction !== 0 && end.transaction === turn.memory.talk.earlier
  if (!isEarlier && !isCurrent(turn, end.transaction)) return sender.via === "tcp" ? hangUp(turn) : undefined
  change(turn, { trouble: null })
  takeStanding(turn, end, sender)
  if (isEarlier) {
    setTalk(turn, { earlier: 0 })
    happen(turn, "runs", { firmware: end.firmware })
  }
  const isTaken = !isEarlier && happen(turn, event, { via: sender.via, firmware: end.firmware, code: end.code ?? 0 })
  if (isTaken) return
  if (!isEarlier) setTalk(turn, { transaction: 0 })
  if (sender.via === "tcp") hangUp(turn)
}

/** Repetitions of one registration by SMS that are answered: a module's own tries while the answers are lost. */
const mostRepeats = 3

/** §3.2.1, §4.2.1: Remote Registration, by itself or forced. */
function takeRegistration(turn: Turn, message: PfmOf<"remoteRegistration">, sender: Sender): void {
  const { memory, situation } = turn
  const isForced = memory.ask?.kind === "force-registration" && memory.ask.transaction === message.transaction
  if (!isForced && message.transaction < memory.lastCount) return ignoreOld(turn, sender)
  const isRepeat = !isForced && message.transaction === memory.lastCount
  // A module says it again while its answer is lost; who has recorded it could make this server send without end.
  if (isRepeat && sender.via === "sms" && memory.repeats >= mostRepeats) return
  if (!takeOne(turn)) {
    // Too many in this minute. On a socket the word costs nothing, and a module that is registered may know it.
    return sender.via === "tcp" ? acknowledge(turn, message.transaction, sender) : undefined
  }
  if (isRepeat && sender.via === "sms") change(turn, { repeats: turn.memory.repeats + 1 })
  if (!isRepeat) {
    const bindings = memory.bindings
    takeIdentity(turn, message.fields, sender)
    if (!isForced) change(turn, { lastCount: message.transaction, repeats: 0 })
    const { model, firmware } = message.fields
    const sim = currentBinding(turn.memory.bindings)
    if (turn.memory.bindings !== bindings || !memory.isKnown || isForced) {
      const how = isForced ? "as an operator forced it to" : sender.via === "sms" ? "by SMS" : "over TCP"
      const what = `${situation.device.id} has registered ${how}: ${model} with ${firmware}`
      note(turn, "registered", `${what}${sim === null ? "" : `, ${simWords(sim)}, network ${sim.plmn}`}.`)
    }
  }
  acknowledge(turn, message.transaction, sender)
  if (isForced) change(turn, { ask: null })
  if (isForced) setTimer(turn, "ask", null)
  if (isRepeat) return
  happen(turn, "sign")
  happen(turn, "runs", { firmware: message.fields.firmware })
}

/** Counts the messages of a module's own in a minute. False = it was enough. */
function takeOne(turn: Turn): boolean {
  const { taken } = turn.memory
  if (taken > mostTaken) return false
  change(turn, { taken: taken + 1 })
  if (taken === 0) setTimer(turn, "minute", takenWindowMs)
  if (taken < mostTaken) return true
  const { id } = turn.situation.device
  const sentence = `${id} has registered or asked ${mostTaken + 1} times in a minute; what it says like that until the minute is over is not taken in.`
  note(turn, "too-often", sentence)
  return false
}

function ignoreOld(turn: Turn, { via }: Sender): void {
  if (via === "tcp") hangUp(turn)
  const trouble =
    "A registration with an old number was not listened to: it came late, or somebody has sent a recorded one again. Is the module's memory new, so that it counts from one? Then ask for force-registration."
  if (turn.memory.trouble === null) change(turn, { trouble })
}

function acknowledge(turn: Turn, transaction: number, { via }: Sender): void {
  const smsNumber = turn.situation.smsNumber.replace(/^\+/, "")
  const ack = { name: "remoteRegistrationAck", transaction, fields: { smsNumber } } as const
  if (via === "tcp") sendTcp(turn, ack, true)
  else sendSms(turn, ack, ackValiditySeconds)
}

/** §3.4, §4.4: the answer to a Query. One that nobody asked for is late, or recorded, and not listened to. */
function takeNotified(turn: Turn, { transaction, fields }: PfmOf<"notified">, sender: Sender): void {
  const { ask, talk } = turn.memory
  if (sender.via === "tcp") hangUp(turn)
  const isAsk = ask !== null && ask.transaction === transaction && (ask.kind === "query" || ask.kind === "doubt")
  const isTalk = talk.state === "verifying" && talk.transaction === transaction
  if (!isAsk && !isTalk) return
  takeIdentity(turn, fields, sender)
  const isSettling = isAsk && ask.kind === "doubt"
  if (isAsk) {
    const sim = currentBinding(turn.memory.bindings)
    const words = sim === null ? "" : `, ${simWords(sim)}, network ${sim.plmn}`
    endAsk(
      turn,
      "notified",
      `${turn.situation.device.id} answers the query: ${fields.model} with ${fields.firmware}${words}.`,
    )
  }
  happen(turn, "sign")
  happen(turn, "runs", { firmware: fields.firmware, isSettling })
}

function endAsk(turn: Turn, kind: string, sentence: string): void {
  change(turn, { ask: null })
  setTimer(turn, "ask", null)
  note(turn, kind, sentence)
}

/** §5.2.2: AT#OTAIPUPD. The module asks on a socket of its own and hears where the package is, or that there is none. */
function takeRequest(turn: Turn, { transaction, fields }: PfmOf<"updateRequest">, sender: Sender): void {
  const { memory } = turn
  if (sender.via !== "tcp") return
  const isOld = transaction < memory.lastCount
  const isRepeat = transaction === memory.lastCount && isCurrent(turn, transaction)
  if (isRepeat && memory.talk.state === "fetching") return void tellWhere(turn)
  if (isOld || transaction === memory.lastCount || !takeOne(turn)) return sayNothing(turn, transaction)
  change(turn, { lastCount: transaction })
  takeIdentity(turn, fields, sender)
  const now = standing(turn)
  if (now === null || now.offered.isHeld || fields.firmware !== now.hop.from) {
    happen(turn, "runs", { firmware: fields.firmware })
    return sayNothing(turn, transaction)
  }
  // The module may ask before the conversation has heard of its offer: from now on it is about this one.
  const { user: offer } = now.offered.ticket
  const { rounds, isTold } = memory.talk.offer === offer ? memory.talk : freshTalk
  setTalk(turn, { state: "fetching", kind: "update", offer, rounds, isTold, transaction, tries: 0 })
  useTicket(turn)
  if (!tellWhere(turn)) return setTalk(turn, { state: "inviting" })
  say(
    turn,
    "accepted",
    `The module's host asked for the update (AT#OTAIPUPD); it fetches the package for ${now.hop.to}.`,
  )
  setTimer(turn, "talk", step(doubtMs, 1))
}
