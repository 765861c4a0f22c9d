import { currentBinding, reachableBy, simWords } from "./bindings.ts"
import type { TalkState } from "./memory.ts"
import type { Bearer, FtpAccess } from "../codec/pfm-table.ts"
import {
  change,
  knownVersion,
  newTransaction,
  note,
  say,
  sendSms,
  setTalk,
  setTimer,
  standing,
  type ToModule,
  type Turn,
  useTicket,
} from "./turn.ts"
import { heldMs, resendMs, step, validityOf } from "./waits.ts"

/** The way from an offer to its Command: what must be settled before, one thing after the other. */

/** Does what comes next for the offer that stands. */
export function begin(turn: Turn): void {
  const now = standing(turn)
  if (now === null) return rest(turn, "idle")
  const { offered, hop } = now
  const isTest = turn.memory.talk.kind === "test"
  if (offered.isHeld && !isTest) return rest(turn, "held", heldMs)
  if (hop.variant === "ip") return rest(turn, "inviting")
  const { version, isReported } = knownVersion(turn)
  // A package fits exactly one version: hearsay is settled by a Query first.
  if (!isReported || version !== hop.from) return ask(turn, "verifying")
  if (hop.variant === "sms" && turn.memory.provisioned !== bearerText(turn.memory.bearer))
    return ask(turn, "provisioning")
  ask(turn, "commanded")
}

/** Waits without having sent something. */
export function rest(turn: Turn, state: TalkState, ms: number | null = null): void {
  if (turn.memory.talk.state !== state) setTalk(turn, { state, tries: 0 })
  setTimer(turn, "talk", ms)
}

/** The states in which a message of ours is awaited an answer, and that message. */
const messages = { verifying: query, provisioning, commanded: command } as const
type AskingState = keyof typeof messages

export function isAsking(state: TalkState): state is AskingState {
  return Object.hasOwn(messages, state)
}

/** Enters a state by sending its message under a new transaction. */
function ask(turn: Turn, state: AskingState): void {
  const { talk } = turn.memory
  // An earlier Command whose Final may still come is remembered.
  const earlier = talk.state === "fetching" || talk.state === "installing" ? talk.transaction : talk.earlier
  setTalk(turn, { state, transaction: newTransaction(turn), tries: 0, earlier })
  if (state === "commanded") {
    useTicket(turn)
    noteLastNumber(turn)
  }
  sendAgain(turn)
}

/** Sends the message of the state once more; when it was sent often enough, the module has to speak first. */
export function sendAgain(turn: Turn): void {
  const { talk } = turn.memory
  if (!isAsking(talk.state)) return
  const tries = talk.tries + 1
  if (tries > resendMs.length) return fallSilent(turn)
  const nextMs = step(resendMs, tries)
  const reference = sendSms(
    turn,
    messages[talk.state](turn, talk.transaction),
    validityOf(nextMs, talk.state === "commanded"),
  )
  if (reference === null) return giveUp(turn)
  setTalk(turn, { tries, reference })
  setTimer(turn, "talk", nextMs)
}

function fallSilent(turn: Turn): void {
  const number = reachableBy(turn.memory.bindings)?.number ?? ""
  const trouble = `It has answered none of ${resendMs.length} messages to ${number}: it is off, without network, or has another SIM. Its next message begins anew; so does an operator's request force-registration.`
  change(turn, { trouble })
  setTalk(turn, { state: "silent", tries: 0 })
  setTimer(turn, "talk", null)
}

/** The message cannot even be sent; `memory.trouble` says why. */
function giveUp(turn: Turn): void {
  const { trouble } = turn.memory
  say(turn, "offer-impossible", trouble ?? "The Command cannot be sent.")
  if (turn.memory.talk.kind === "test") note(turn, "test-failed", trouble ?? "The Test cannot be sent.")
  setTalk(turn, { state: "over", kind: "update", tries: 0 })
  setTimer(turn, "talk", null)
}

function query(_: Turn, transaction: number): ToModule {
  return { name: "query", transaction, fields: {} }
}

function provisioning({ memory }: Turn, transaction: number): ToModule {
  return { name: "provisioning", transaction, fields: bearerFields(memory.bearer) }
}

function command(turn: Turn, transaction: number): ToModule {
  const now = standing(turn)
  if (now === null) throw new Error("a Command without an offer")
  const { hop } = now
  const isTest = turn.memory.talk.kind === "test"
  if (hop.variant === "combined") {
    const bearer = bearerFields(turn.memory.bearer)
    if (isTest) return { name: "testOverIp", transaction, fields: bearer }
    return { name: "commandOverIp", transaction, fields: { ...asking(turn, hop.mode), ...bearer } }
  }
  const ftp = ftpAccess(turn)
  if (isTest) return { name: "test", transaction, fields: ftp }
  return { name: "command", transaction, fields: { ...asking(turn, hop.mode), ...ftp } }
}

function asking<Mode>({ memory }: Turn, mode: Mode) {
  return { mode, answerSeconds: memory.answerSeconds }
}

/** The file's name in the ticket's directory: short, for it travels in an SMS. */
export const fileName = "fw.bin"

/** Where the package is, with the credentials of this Command alone. */
export function ftpAccess(turn: Turn): FtpAccess {
  const { offered, ftp } = turn.situation
  if (offered === null) throw new Error("an FTP access without an offer")
  const { user, secret } = turn.ticket ?? offered.ticket
  return {
    ftpHost: ftp.host,
    ftpPort: ftp.port,
    ftpUser: user,
    ftpPassword: secret,
    ftpPath: fileName,
    sizeBytes: offered.sizeBytes,
  }
}

function bearerFields(bearer: Bearer | null): Bearer {
  return bearer ?? { bearer: "gprs", access: "", user: "", password: "" }
}

/** A bearer as it is compared: provisioning is repeated only when it has changed. */
export function bearerText(bearer: Bearer | null): string {
  return bearer === null ? "" : [bearer.bearer, bearer.access, bearer.user, bearer.password].join(" ")
}

/** §7, step 5, which the vendor calls "not released yet": a module without a SIM of its own is reached at its last number. */
function noteLastNumber(turn: Turn): void {
  const { bindings } = turn.memory
  const last = reachableBy(bindings)
  if (last === null || currentBinding(bindings) !== null) return
  const owner = last.lostTo === null ? "" : `, which ${last.lostTo} has registered as its own since then`
  const sentence = `${turn.situation.device.id} is registered to no SIM, so its ${turn.memory.talk.kind} is addressed to its last number: ${simWords(last)}${owner}. Only this module can read the message; when it answers, it has that SIM again.`
  note(turn, "last-number", sentence)
}
