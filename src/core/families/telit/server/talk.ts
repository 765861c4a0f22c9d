import { judgeVersion } from "../../delta-package.ts"
import { begin, ftpAccess, rest, sendAgain } from "./begin.ts"
import type { TalkState } from "./memory.ts"
import { retryOf, wordsOf } from "../result-codes.ts"
import {
  change,
  hangUp,
  newTransaction,
  note,
  say,
  sendSms,
  sendTcp,
  setTalk,
  setTimer,
  standing,
  type Turn,
} from "./turn.ts"
import { doubtMs, heldMs, mostRounds, pauseMs, step, timeWords, validityOf } from "./waits.ts"

/** What can happen to the conversation about an offer. */
export type TalkEvent =
  /** Its time has come. */
  | "due"
  /** Any message of the module: it is there. */
  | "sign"
  /** The module said what runs, in a registration or an answer to a query. */
  | "runs"
  | "provisioned"
  | "accepted"
  | "refused"
  | "delayed"
  /** `User Answer Timeout`. */
  | "unanswered"
  /** The package is in the module. */
  | "downloaded"
  /** Command Final. */
  | "ended"
  /** A message with an error code. */
  | "failed"

export interface TalkNews {
  readonly via: "sms" | "tcp"
  /** What the module says that it runs; "" = this message does not tell. */
  readonly firmware: string
  /** Error code; 0 = none. */
  readonly code: number
  /** The answer to a question that the server asked in doubt. */
  readonly isSettling: boolean
}

type Deed = (turn: Turn, news: TalkNews) => void

/**
 * The conversation about one offer: in which state which event does what. What has no entry changes nothing, so that doubles
 * and late messages are harmless; events that carry a transaction come here only when it is the one of the Command that stands.
 */
export const talkTable: Readonly<Record<TalkState, Readonly<Partial<Record<TalkEvent, Deed>>>>> = {
  idle: {},
  held: { due: lookAgain, accepted: fetch, downloaded: install, ended: end, failed: fail },
  verifying: { due: sendAgain, runs: compare },
  provisioning: { due: sendAgain, provisioned: begin },
  inviting: { runs: judge },
  commanded: {
    due: repeat,
    accepted: fetch,
    refused: decline,
    delayed: delay,
    unanswered: missAnswer,
    downloaded: install,
    ended: end,
    failed: fail,
    runs: judge,
  },
  delayed: {
    accepted: fetch,
    refused: decline,
    unanswered: missAnswer,
    downloaded: install,
    ended: end,
    failed: fail,
    runs: judge,
  },
  fetching: { due: doubt, accepted: fetchAgain, downloaded: install, ended: end, failed: fail, runs: judge },
  installing: { due: doubt, ended: end, failed: fail, runs: judge },
  pausing: { due: begin, runs: judge },
  silent: {
    sign: begin,
    accepted: fetch,
    refused: decline,
    delayed: delay,
    downloaded: install,
    ended: end,
    failed: fail,
    runs: judge,
  },
  over: {},
}

/** Lets an event happen. False = it means nothing in this state. */
export function happen(turn: Turn, event: TalkEvent, news: Partial<TalkNews> = {}): boolean {
  const deed = talkTable[turn.memory.talk.state][event]
  deed?.(turn, { via: "sms", firmware: "", code: 0, isSettling: false, ...news })
  return deed !== undefined
}

function lookAgain(turn: Turn): void {
  if (turn.situation.offered?.isHeld === true) setTimer(turn, "talk", heldMs)
  else begin(turn)
}

/** A Command of a rollout that was paused meanwhile is not repeated. */
function repeat(turn: Turn): void {
  const { talk } = turn.memory
  if (turn.situation.offered?.isHeld === true && talk.kind === "update") rest(turn, "held", heldMs)
  else sendAgain(turn)
}

/** Verifying: the module itself says what it runs. */
function compare(turn: Turn, news: TalkNews): void {
  if (news.firmware === standing(turn)?.hop.from) return begin(turn)
  judge(turn, news)
  if (turn.memory.talk.state === "over") return
  const sentence = `The module runs ${news.firmware}, not ${standing(turn)?.hop.from ?? "what was thought"}; its way is planned anew.`
  note(turn, "other-version", sentence)
  close(turn)
}

/** §3.2.3, §4.2.2: Command Ack. Over TCP it is answered with where the package is. */
function fetch(turn: Turn, news: TalkNews): void {
  const now = standing(turn)
  if (now === null) return news.via === "tcp" ? sayNothing(turn) : undefined
  const { hop } = now
  if (news.firmware !== hop.from) return refuseWrong(turn, news)
  if (news.via === "tcp" && !tellWhere(turn)) return
  say(turn, "accepted", `The module has accepted the ${acceptedWords[hop.mode]}; it fetches the package for ${hop.to}.`)
  setTalk(turn, { state: "fetching", tries: 0 })
  setTimer(turn, "talk", step(doubtMs, 1))
}

const acceptedWords = { automatic: "Command by itself", manual: "Command: its host answered AT#OTASUAN=1" } as const

/** The socket of the first acceptance broke before the module was told. */
function fetchAgain(turn: Turn, { via }: TalkNews): void {
  if (via === "tcp") tellWhere(turn)
}

/** §4.2.2, §5.2.2: Command Progress, "containing the FTP server address and credentials". */
export function tellWhere(turn: Turn): boolean {
  const { offered } = turn.situation
  const { talk } = turn.memory
  if (offered === null || (offered.isHeld && talk.kind === "update")) {
    sayNothing(turn)
    return false
  }
  return sendTcp(turn, { name: "commandProgressOverIp", transaction: talk.transaction, fields: ftpAccess(turn) }, false)
}

/** There is nothing to fetch, or not now. */
export function sayNothing(turn: Turn, transaction = turn.memory.talk.transaction): void {
  sendTcp(turn, { name: "nothingOffered", transaction, fields: {} }, true)
}

/** A module that would put the package on the wrong firmware. The one that runs is known now, and its way is planned anew. */
function refuseWrong(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") sayNothing(turn)
  const { hop } = standing(turn) ?? {}
  note(
    turn,
    "other-version",
    `The module runs ${news.firmware}, so the package from ${hop?.from ?? "another"} is not for it.`,
  )
  judge(turn, news)
  close(turn)
}

function decline(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  say(turn, "declined", "The module's host has refused the update (AT#OTASUAN=0).")
  finish(turn)
}

function delay(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  const sentence =
    "The module's host has put the question off (AT#OTASUAN=2); the module asks it again and again, and nothing happens before it answers."
  say(turn, "offer-read", sentence)
  setTalk(turn, { state: "delayed", tries: 0 })
  setTimer(turn, "talk", null)
}

/** §3.2.3: "it has to provide a response in 60 seconds". */
function missAnswer(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  const { answerSeconds, talk } = turn.memory
  const rounds = talk.rounds + 1
  const missed = `The module's host did not answer within ${answerSeconds} seconds`
  if (rounds >= mostRounds) {
    say(
      turn,
      "declined",
      `${missed}, ${rounds} times; start a rollout again when somebody is there, or use the automatic mode.`,
    )
    return finish(turn)
  }
  const ms = step(pauseMs, rounds)
  say(turn, "offer-read", `${missed}; it is asked again in ${timeWords(ms)}.`)
  setTalk(turn, { state: "pausing", rounds, tries: 0, transaction: 0 })
  setTimer(turn, "talk", ms)
}

/** Command Progress by SMS (§3.2.3), Command Progress Ack over TCP (§4.2.2). */
function install(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  const to = standing(turn)?.hop.to ?? "the new firmware"
  say(turn, "transfer-finished", `The module has the package for ${to}.`)
  const sentence = `The module checks the package and installs ${to}. Its Command Final can take days: the host must enter the PIN first. A Query settles doubt.`
  say(turn, "install-started", sentence)
  setTalk(turn, { state: "installing", tries: 0 })
  setTimer(turn, "talk", step(doubtMs, 1))
}

/** Nothing was heard for long: a Query tells more. Its answer comes back as `runs`. */
function doubt(turn: Turn): void {
  const { talk, ask } = turn.memory
  const tries = talk.tries + 1
  const ms = step(doubtMs, tries + 1)
  setTalk(turn, { tries })
  setTimer(turn, "talk", ms)
  // An operator's own question is not disturbed.
  if (ask !== null && ask.kind !== "doubt") return
  const transaction = newTransaction(turn)
  const reference = sendSms(turn, { name: "query", transaction, fields: {} }, validityOf(ms, false))
  if (reference !== null) change(turn, { ask: { kind: "doubt", transaction, tries: 1, reference } })
}

/** Command Final. */
function end(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  if (turn.memory.talk.kind === "test") return endTest(turn, true, "the download works; nothing was installed")
  judge(turn, { ...news, isSettling: true })
  close(turn)
}

/** What a version that the module says means for the update. */
function judge(turn: Turn, { firmware, isSettling }: TalkNews): void {
  const now = standing(turn)
  const { talk } = turn.memory
  if (now === null || firmware === "" || talk.kind === "test") return
  const meaning = judgeVersion(firmware, now.hop, now.offered.target)
  const hasBegun = talk.state === "fetching" || talk.state === "installing"
  if (meaning?.kind === "install-failed" && !hasBegun) return
  if (meaning !== null) {
    say(turn, meaning.kind, meaning.sentence)
    return close(turn)
  }
  if (!isSettling) return
  // The Command is repeated as it was: a module that still downloads knows its transaction and goes on.
  if (talk.state === "fetching") return commandAnew(turn)
  if (talk.state !== "installing") return
  say(
    turn,
    "install-failed",
    `The module itself says that it still runs ${firmware}, although it had the package for ${now.hop.to}.`,
  )
  close(turn)
}

function commandAnew(turn: Turn): void {
  if (standing(turn)?.hop.variant === "ip") return rest(turn, "inviting")
  setTalk(turn, { state: "commanded", tries: 0 })
  sendAgain(turn)
}

/** "A SMS containing the error code will be sent to the server" (§3.2.3). */
function fail(turn: Turn, news: TalkNews): void {
  if (news.via === "tcp") hangUp(turn)
  const { talk } = turn.memory
  const words = wordsOf(news.code)
  if (talk.kind === "test") return endTest(turn, false, words)
  const rounds = talk.rounds + 1
  const retry = retryOf(news.code)
  const code = String(news.code)
  if (retry !== "transient" || rounds >= mostRounds) {
    const wrong = retry === "wrong-package" ? { isPackageWrong: true as const } : {}
    say(turn, "install-failed", words, { code, ...wrong })
    return close(turn)
  }
  const ms = step(pauseMs, rounds)
  say(turn, "try-failed", `${words} ${againWords(turn, ms)}`, { code })
  setTalk(turn, { state: "pausing", rounds, tries: 0, transaction: 0 })
  setTimer(turn, "talk", ms)
}

function againWords(turn: Turn, ms: number): string {
  return standing(turn)?.hop.variant === "ip"
    ? "Its host may ask for the update again (AT#OTAIPUPD)."
    : `The server repeats the Command in ${timeWords(ms)}.`
}

function endTest(turn: Turn, isGood: boolean, words: string): void {
  const { situation } = turn
  const to = standing(turn)?.hop.to ?? ""
  const sentence = `The test of ${to} ${isGood ? "succeeded" : "failed"}: ${words}`.replace(/\.?$/, ".")
  change(turn, { preflight: { at: situation.now, to, isGood, sentence } })
  note(turn, isGood ? "test-succeeded" : "test-failed", sentence)
  finish(turn)
}

/** The end of an update's conversation; after a test, what the offer asks for comes next. */
function finish(turn: Turn): void {
  const wasTest = turn.memory.talk.kind === "test"
  close(turn)
  if (!wasTest) return
  setTalk(turn, { kind: "update", rounds: 0 })
  begin(turn)
}

function close(turn: Turn): void {
  // The transaction is over too: what is repeated of it means nothing.
  setTalk(turn, { state: "over", tries: 0, transaction: 0 })
  setTimer(turn, "talk", null)
  if (turn.memory.ask?.kind === "doubt") change(turn, { ask: null })
}
