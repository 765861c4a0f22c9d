import { begin } from "./begin.ts"
import { reachableBy } from "./bindings.ts"
import type { Ask, AskKind } from "./memory.ts"
import { change, newTransaction, note, sendSms, setTalk, setTimer, standing, type ToModule, type Turn } from "./turn.ts"
import { resendMs, step, validityOf } from "./waits.ts"

/** What an operator may ask for, with one line of help each. */
export const requests = {
  query: "ask the module for its SIM, network, model and software (application note 3.4)",
  test: "let the module download the package that is offered, and not install it (3.3); works while the rollout is paused",
  "force-registration": "make the module register anew, at the last number that it had (chapter 7)",
  provision: "tell the module its access point again (3.2.2)",
} as const

export type Request = keyof typeof requests

/** Messages of a question before it is given up. */
const mostTries = 4

const askWords: Readonly<Record<AskKind, string>> = {
  query: "Query",
  doubt: "Query",
  "force-registration": "forced registration",
  provision: "Provisioning",
}

/** An operator asks. */
export function takeAsked(turn: Turn, request: string): void {
  if (request === "test") return startTest(turn)
  if (request !== "query" && request !== "force-registration" && request !== "provision") return
  if (request === "provision" && turn.memory.bearer === null) {
    return note(turn, "not-asked", "Neither the module nor an operator has told an APN or a CSD number to provision.")
  }
  change(turn, { ask: { kind: request, transaction: newTransaction(turn), tries: 0, reference: "" } })
  sendAsk(turn)
}

/** Sends an open question once more, or gives it up. */
export function sendAsk(turn: Turn): void {
  const { ask } = turn.memory
  if (ask === null || ask.kind === "doubt") return
  const what = askWords[ask.kind]
  if (ask.tries >= mostTries) {
    change(turn, { ask: null })
    return note(
      turn,
      "not-answered",
      `${turn.situation.device.id} has answered none of ${mostTries} messages (${what}).`,
    )
  }
  const tries = ask.tries + 1
  const ms = step(resendMs, tries)
  const reference = sendSms(turn, messageOf(turn, ask), validityOf(ms, false))
  if (reference === null) {
    change(turn, { ask: null })
    return note(turn, "not-asked", turn.memory.trouble ?? `The ${what} cannot be sent.`)
  }
  if (tries === 1) {
    const number = reachableBy(turn.memory.bindings)?.number ?? ""
    note(turn, "asked", `An operator asks ${turn.situation.device.id} at ${number}: ${what}.`)
  }
  change(turn, { ask: { ...ask, tries, reference } })
  setTimer(turn, "ask", ms)
}

function messageOf({ memory }: Turn, { kind, transaction }: Ask): ToModule {
  if (kind === "force-registration")
    return { name: "forcedRegistration", transaction, fields: { count: memory.lastCount } }
  if (kind === "provision" && memory.bearer !== null)
    return { name: "provisioning", transaction, fields: memory.bearer }
  return { name: "query", transaction, fields: {} }
}

const busy: ReadonlySet<string> = new Set(["commanded", "delayed", "fetching", "installing"])

/** §3.3, §4.3: "to simulate the delta firmware file download operation". */
function startTest(turn: Turn): void {
  const now = standing(turn)
  const { talk } = turn.memory
  const refuse = (sentence: string): void => note(turn, "not-asked", sentence)
  if (now === null)
    return refuse("There is nothing to test: start a rollout, and pause it, so that a package is offered.")
  if (now.hop.variant === "ip")
    return refuse("The TCP/IP protocol has no Test: the module begins everything itself (chapter 5).")
  if (busy.has(talk.state)) return refuse(`It is in the middle of its ${talk.kind}; a test would disturb it.`)
  setTalk(turn, { state: "idle", kind: "test", offer: now.offered.ticket.user, tries: 0, rounds: 0 })
  note(
    turn,
    "asked",
    `An operator asks ${turn.situation.device.id} for a test of ${now.hop.to}: everything but the flashing.`,
  )
  begin(turn)
}
