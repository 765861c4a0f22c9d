import type { JsonObject } from "../../../kit/json.ts"
import type { Binding } from "./bindings.ts"
import type { Variant } from "../models.ts"
import type { SmsCoding } from "../codec/pfm-carriers.ts"
import type { Bearer } from "../codec/pfm-table.ts"

/** What the server remembers of a module; it outlives the process as the device's `familyState`. */
export interface ModuleMemory {
  /** How the module is updated: as it registered, or as the operator said. */
  readonly variant: Variant
  /** Whether modules ask their host (§3.2.3), unless a release says otherwise. */
  readonly mode: Mode
  /** How long a host has to answer, s. */
  readonly answerSeconds: number
  readonly coding: SmsCoding
  /** Access point or number to call; null = not known. */
  readonly bearer: Bearer | null
  /** The bearer as the module has acknowledged it; "" = none. */
  readonly provisioned: string
  /** It has registered, or an operator entered what registration would tell (§3.2). */
  readonly isKnown: boolean
  /** What the module calls itself; "" = it has not said. */
  readonly product: string
  /** The highest number of a message that the module began: lower ones are late or were recorded. */
  readonly lastCount: number
  /** Short messages sent so far: a part of their references. */
  readonly serial: number
  /** Newest first. */
  readonly bindings: readonly Binding[]
  readonly talk: Talk
  /** What an operator asked, or a doubt, while no answer has come. */
  readonly ask: Ask | null
  readonly timers: Timers
  /** The wake that stands, ms from when it was set. */
  readonly wakeMs: number | null
  /** Answers by SMS to repetitions of the last registration. */
  readonly repeats: number
  /** Registrations taken in this minute. */
  readonly taken: number
  /** What hinders the conversation now, in a sentence; null = nothing. */
  readonly trouble: string | null
  /** How the last test ended. */
  readonly preflight: {
    readonly at: number
    readonly to: string
    readonly isGood: boolean
    readonly sentence: string
  } | null
}

export type Mode = "automatic" | "manual"

export function isMode(text: string): text is Mode {
  return text === "automatic" || text === "manual"
}

/** Every state of the conversation about an offer, with its meaning. */
export const talkStates = {
  idle: "nothing is offered",
  held: "an offer stands and its rollout is paused",
  verifying: "a Query asks the module what it runs, because only an operator has said so",
  provisioning: "the Provisioning is sent and its Ack awaited",
  inviting: "TCP/IP variant: the module's host begins (AT#OTAIPUPD)",
  commanded: "the Command or Test is sent and its Ack awaited",
  delayed: "the host has put the question off",
  fetching: "the module has accepted and downloads",
  installing: "the module has the package; its Command Final is awaited",
  pausing: "a try failed or nobody answered; the next one comes after a pause",
  silent: "every repeat went unanswered; the next message of the module begins anew",
  over: "this offer's conversation has ended",
} as const satisfies Readonly<Record<string, string>>

export type TalkState = keyof typeof talkStates

export interface Talk {
  readonly state: TalkState
  /** Names the offer that it is about. */
  readonly offer: string | null
  readonly kind: "update" | "test"
  /** Of the Command or Test, or of the message before it while that is awaited; 0 = none yet. */
  readonly transaction: number
  /** An offer before this one whose Command Final may still come; 0 = none. */
  readonly earlier: number
  /** Messages sent for what is awaited now. */
  readonly tries: number
  /** Commands that failed or that nobody answered. */
  readonly rounds: number
  /** Reference of the last short message; "" = none. */
  readonly reference: string
  /** The credentials that stand were for a Command, Test or request before. */
  readonly isTold: boolean
}

export type AskKind = "query" | "force-registration" | "provision" | "doubt"

export interface Ask {
  readonly kind: AskKind
  readonly transaction: number
  readonly tries: number
  readonly reference: string
}

/** What is due when, ms from when the wake that stands was set; null = nothing. */
export interface Timers {
  readonly talk: number | null
  readonly ask: number | null
  /** The minute in which registrations are counted. */
  readonly minute: number | null
}

export const freshTalk: Talk = {
  state: "idle",
  offer: null,
  kind: "update",
  transaction: 0,
  earlier: 0,
  tries: 0,
  rounds: 0,
  reference: "",
  isTold: false,
}

export const freshMemory: ModuleMemory = {
  variant: "sms",
  mode: "manual",
  // §3.2.3: "it has to provide a response in 60 seconds".
  answerSeconds: 60,
  coding: "8-bit-class-0",
  bearer: null,
  provisioned: "",
  isKnown: false,
  product: "",
  lastCount: 0,
  serial: 0,
  bindings: [],
  talk: freshTalk,
  ask: null,
  timers: { talk: null, ask: null, minute: null },
  wakeMs: null,
  repeats: 0,
  taken: 0,
  trouble: null,
  preflight: null,
}

/** The memory as `writeMemory` stored it; what an older version of this program did not store is as at the beginning. */
export function readMemory(stored: JsonObject): ModuleMemory {
  return { ...freshMemory, ...(stored as unknown as Partial<ModuleMemory>) }
}

/** What is as at the beginning is not stored: of most modules there is little to tell, and the server remembers many. */
export function writeMemory(memory: ModuleMemory): JsonObject {
  const told = Object.entries(memory).filter(([name, value]) => value !== freshMemory[name as keyof ModuleMemory])
  return Object.fromEntries(told)
}

/** The earliest of what is due. */
export function earliest({ talk, ask, minute }: Timers): number | null {
  const due = [talk, ask, minute].filter((ms) => ms !== null)
  return due.length === 0 ? null : Math.min(...due)
}
