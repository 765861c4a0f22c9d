import type {
  ConversationInput,
  ConversationSide,
  ConversationSituation,
  ConversationStep,
} from "../../conversation.ts"
import { begin, fileName, rest } from "./begin.ts"
import { claimsOf, currentBinding, reachableBy, simWords } from "./bindings.ts"
import { earliest, freshTalk, type ModuleMemory, readMemory, type Timers, writeMemory } from "./memory.ts"
import { frameOctets } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { readOffer } from "./plan-offer.ts"
import { happen } from "./talk.ts"
import { stateWords } from "./talk-words.ts"
import { octetsOf, takeMessage } from "./take-message.ts"
import { requests, sendAsk, takeAsked } from "./take-request.ts"
import { change, newTurn, say, setTalk, standing, type Turn } from "./turn.ts"
import { messageWords } from "./words.ts"

/** The server's side of Premium FOTA Management. */
export const conversation: ConversationSide = {
  frameBytes: frameOctets,
  senderOf(bytes) {
    const octets = octetsOf(bytes)
    return octets === null ? null : waftCodec.imeiOf(octets)
  },
  words: messageWords,
  claims: (familyState) => claimsOf(readMemory(familyState).bindings),
  step: takeStep,
  requests,
  fileName: () => fileName,
  goal: (offer) => {
    const { from, to } = readOffer(offer)
    return { from, to }
  },
  wakeAfterRestart: (familyState) => readMemory(familyState).wakeMs,
  explain: (familyState) => explain(readMemory(familyState)),
  // The command, the answer to its end, and one that goes again.
  messagesOfUpdate: () => 3,
  isAstray: (familyState) => hasLostSim(readMemory(familyState)),
}

function takeStep(situation: ConversationSituation, input: ConversationInput): ConversationStep {
  const { familyState } = situation.device
  const before = readMemory(familyState)
  const turn = newTurn(situation, before)
  const take = inputTable[input.kind] as (turn: Turn, input: ConversationInput) => void
  take(turn, input)
  const wakeMs = earliest(turn.memory.timers)
  const isWoken = turn.isTimed || input.kind === "time-passed"
  if (isWoken && wakeMs !== turn.memory.wakeMs) change(turn, { wakeMs })
  return {
    familyState: isSame(turn.memory, before) ? familyState : writeMemory(turn.memory),
    send: turn.send,
    evidence: turn.evidence,
    isHeard: turn.isHeard,
    ...(turn.ticket === undefined ? {} : { ticket: turn.ticket }),
    ...(turn.running === undefined ? {} : { running: turn.running }),
    notes: turn.notes,
    others: turn.others,
    // An offer is told again after a restart, when no wake stands any more.
    wakeInMs: isWoken ? wakeMs : input.kind === "offered" ? turn.memory.wakeMs : "unchanged",
  }
}

/** Whether nothing is to be saved. A timer that runs anew with the same time is nothing new. */
function isSame(after: ModuleMemory, before: ModuleMemory): boolean {
  const { talk, ask, minute } = before.timers
  const isTimerSame = after.timers.talk === talk && after.timers.ask === ask && after.timers.minute === minute
  const names = Object.keys(after) as (keyof ModuleMemory)[]
  return isTimerSame && names.every((name) => name === "timers" || after[name] === before[name])
}

type Inputs = {
  readonly [Kind in ConversationInput["kind"]]: (turn: Turn, input: Extract<ConversationInput, { kind: Kind }>) => void
}

const inputTable: Inputs = {
  message: takeMessage,
  offered: takeOffer,
  withdrawn: forgetOffer,
  "time-passed": passTime,
  asked: (turn, { request }) => takeAsked(turn, request),
  "sms-status": takeStatus,
}

function takeOffer(turn: Turn): void {
  const now = standing(turn)
  if (now === null) return forgetOffer(turn)
  const { talk } = turn.memory
  const { user } = now.offered.ticket
  if (talk.offer === user && talk.state !== "idle") {
    if (talk.state === "held" && !now.offered.isHeld) begin(turn)
    return
  }
  setTalk(turn, { ...freshTalk, offer: user, earlier: stillOpen(turn.memory) })
  change(turn, { trouble: null })
  begin(turn)
}

/** A Command whose Final may still come. */
function stillOpen({ talk }: ModuleMemory): number {
  return talk.transaction === 0 ? talk.earlier : talk.transaction
}

/** What the module may be doing meanwhile is not forgotten: its Command Final still tells what runs. */
function forgetOffer(turn: Turn): void {
  const { talk } = turn.memory
  if (talk.state === "idle" && talk.offer === null) return
  setTalk(turn, { ...freshTalk, earlier: stillOpen(turn.memory) })
  rest(turn, "idle")
}

const timerDeeds: Readonly<Record<keyof Timers, (turn: Turn) => void>> = {
  minute: (turn) => change(turn, { taken: 0 }),
  ask: sendAsk,
  talk: (turn) => void happen(turn, "due"),
}

/** The wake that stood has come: every timer is that much older, and those that have run out do their deeds. */
function passTime(turn: Turn): void {
  const { timers, wakeMs } = turn.memory
  if (wakeMs === null) return
  const left = (ms: number | null): number | null => (ms === null || ms <= wakeMs ? null : ms - wakeMs)
  change(turn, { timers: { talk: left(timers.talk), ask: left(timers.ask), minute: left(timers.minute) } })
  for (const name of ["minute", "ask", "talk"] as const) {
    const ms = timers[name]
    if (ms !== null && ms <= wakeMs) timerDeeds[name](turn)
  }
}

function takeStatus(
  turn: Turn,
  { reference, status, detail }: Extract<ConversationInput, { kind: "sms-status" }>,
): void {
  const { talk, ask, bindings } = turn.memory
  const isTalk = reference === talk.reference
  if (!isTalk && reference !== ask?.reference) return
  const number = reachableBy(bindings)?.number ?? ""
  if (status === "failed") {
    return change(turn, { trouble: `The last SMS to ${number} was not delivered (${detail.slice(0, 80)}).` })
  }
  change(turn, { trouble: null })
  if (!isTalk || talk.state !== "commanded" || standing(turn) === null) return
  say(turn, "offer-read", `The Command has reached ${number}; the module has not answered it yet.`)
}

/** One sentence of what stands between a module and its messages. */
function explain(memory: ModuleMemory): string | null {
  const sentences = [simTrouble(memory), memory.trouble, stateWords(memory)].filter((text) => text !== null)
  return sentences.length === 0 ? null : sentences.join(" ")
}

function hasLostSim({ bindings }: ModuleMemory): boolean {
  return reachableBy(bindings) !== null && currentBinding(bindings) === null
}

/** §7: "module A is not registered to any SIM". */
function simTrouble(memory: ModuleMemory): string | null {
  const last = reachableBy(memory.bindings)
  if (last === null || !hasLostSim(memory)) return null
  const owner = last.lostTo === null ? "" : `: ${simWords(last)} has turned up in ${last.lostTo}`
  return `It is registered to no SIM${owner}. Messages to it go to its last number; \`force-registration\` makes it say which SIM it has.`
}
