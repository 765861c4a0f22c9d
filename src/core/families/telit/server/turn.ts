import type { EvidenceKind } from "../../../domain/evidence.ts"
import type { JsonObject } from "../../../kit/json.ts"
import type { ConversationMessage, ConversationOffer, ConversationSituation, Ticket } from "../../conversation.ts"
import type { ReportMeaning } from "../../report-meaning.ts"
import { reachableBy } from "./bindings.ts"
import type { ModuleMemory, Talk, Timers } from "./memory.ts"
import { frameOf, smsBytes } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { type PfmKeys, pfmKeys } from "../codec/pfm-keys.ts"
import type { PfmFromServer } from "../codec/pfm-table.ts"
import { type HopOffer, readOffer } from "./plan-offer.ts"

/** One step while it is being made: what is known, and what has come together so far. */
export interface Turn {
  readonly situation: ConversationSituation
  memory: ModuleMemory
  readonly send: ConversationMessage[]
  readonly evidence: ReportMeaning[]
  readonly notes: { readonly kind: string; readonly sentence: string }[]
  readonly others: { readonly id: string; readonly familyState: JsonObject }[]
  /** The offer's credentials, where this step renews them. */
  ticket: Ticket | undefined
  /** What the module said in this step that it runs. */
  running: string | undefined
  /** A timer was set: the wake that stands is over. */
  isTimed: boolean
  /** The message of this step has the module's own tag. */
  isHeard: boolean
  /** The module's keys, once this step has needed them: they cost more than the rest of it. */
  keys: PfmKeys | null
}

export function newTurn(situation: ConversationSituation, memory: ModuleMemory): Turn {
  return {
    situation,
    memory,
    send: [],
    evidence: [],
    notes: [],
    others: [],
    ticket: undefined,
    running: undefined,
    isTimed: false,
    isHeard: false,
    keys: null,
  }
}

/** Changes what is remembered; a change to what is there already is none. */
export function change(turn: Turn, part: Partial<ModuleMemory>): void {
  const next = { ...turn.memory, ...part }
  const isNews = (Object.keys(part) as (keyof ModuleMemory)[]).some((name) => next[name] !== turn.memory[name])
  if (isNews) turn.memory = next
}

export function setTalk(turn: Turn, part: Partial<Talk>): void {
  change(turn, { talk: { ...turn.memory.talk, ...part } })
}

/** Sets when something is due, ms from now; null = by itself never. */
export function setTimer(turn: Turn, name: keyof Timers, ms: number | null): void {
  if (ms === null && turn.memory.timers[name] === null) return
  change(turn, { timers: { ...turn.memory.timers, [name]: ms } })
  turn.isTimed = true
}

export function note(turn: Turn, kind: string, sentence: string): void {
  turn.notes.push({ kind, sentence })
}

/** Evidence for the update that stands. A test moves no update. */
export function say(turn: Turn, kind: EvidenceKind, sentence: string, more: Partial<ReportMeaning> = {}): void {
  if (turn.memory.talk.kind === "test") return
  turn.evidence.push({ ...more, kind, sentence })
}

/** One-time credentials: each Command has its own, and those of the one before it work no more. */
export function useTicket(turn: Turn): void {
  if (turn.memory.talk.isTold) {
    turn.ticket = turn.situation.newTicket()
    setTalk(turn, { offer: turn.ticket.user })
  }
  setTalk(turn, { isTold: true })
}

/** The offer that stands, with what it says to this family; null = none. */
export function standing(turn: Turn): { readonly offered: ConversationOffer; readonly hop: HopOffer } | null {
  const { offered } = turn.situation
  return offered === null ? null : { offered, hop: readOffer(offered.offer) }
}

/** What the module runs: as it said in this step, or before. */
export function knownVersion({ running, situation }: Turn): {
  readonly version: string | null
  readonly isReported: boolean
} {
  const { runningVersion, isReported } = situation.device
  return running === undefined ? { version: runningVersion, isReported } : { version: running, isReported: true }
}

/** A new transaction: never 0, and never one that the module could take for the last one. */
export function newTransaction(turn: Turn): number {
  const { talk, ask } = turn.memory
  let transaction = turn.situation.random === 0 ? 1 : turn.situation.random
  while ([talk.transaction, talk.earlier, ask?.transaction].includes(transaction)) {
    transaction = transaction === 0xffffffff ? 1 : transaction + 1
  }
  return transaction
}

type Unaddressed<Message> = Message extends PfmFromServer ? Omit<Message, "imei"> : never
/** A message of the server to this module. */
export type ToModule = Unaddressed<PfmFromServer>

/**
 * Sends a message by SMS to the number that reaches the module best. Gives its reference, or null when it cannot be sent:
 * then `memory.trouble` says why.
 */
export function sendSms(turn: Turn, message: ToModule, validitySeconds: number): string | null {
  const { memory, situation } = turn
  const to = reachableBy(memory.bindings)?.number ?? ""
  if (to === "") {
    change(turn, { trouble: "Its SIM's number is not known, so no SMS can reach it; it waits for a registration." })
    return null
  }
  const bytes = encoded(turn, message, (octets) => smsBytes(octets, memory.coding))
  if (bytes === null) return null
  const serial = memory.serial + 1
  const reference = `${situation.device.id}-${serial}`
  change(turn, { serial })
  turn.send.push({ via: "sms", reference, to, bytes, coding: memory.coding, validitySeconds })
  return reference
}

/**
 * Sends a message on the socket that the module's message came on. False when it cannot be sent: then the socket is ended
 * and `memory.trouble` says why.
 */
export function sendTcp(turn: Turn, message: ToModule, isLast: boolean): boolean {
  const bytes = encoded(turn, message, (octets) => frameOf(octets))
  if (bytes === null) hangUp(turn)
  else turn.send.push({ via: "tcp", bytes, isLast })
  return bytes !== null
}

/** Ends the socket politely: the module takes that as "server notified" (§4.2.2). */
export function hangUp(turn: Turn): void {
  turn.send.push({ via: "tcp", bytes: new Uint8Array(0), isLast: true })
}

function encoded(turn: Turn, message: ToModule, carry: (octets: Uint8Array) => Uint8Array): Uint8Array | null {
  const { id } = turn.situation.device
  try {
    return carry(waftCodec.encode({ ...message, imei: id }, keysOf(turn)))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const sentence = `The ${message.name} does not fit into one message (${error.message}); give the server a shorter address (--ftp-public), or the module a shorter access point.`
    change(turn, { trouble: sentence })
    return null
  }
}

/** The keys of the module that this step is about. */
export function keysOf(turn: Turn): PfmKeys {
  const { device, hmac } = turn.situation
  turn.keys ??= pfmKeys(device.secret, device.id, hmac)
  return turn.keys
}
