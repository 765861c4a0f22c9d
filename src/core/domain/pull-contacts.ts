import type { PullContext, PullFact, PullStep } from "./pull-facts.ts"
import type { PullMoment } from "./pull-rules.ts"
import { mayHaveImage, type PullContact, type PullState } from "./pull-state.ts"

/** Networks that are remembered of a device's last contacts. */
const longestTrail = 6
/** Contacts that go back and forth between two networks so often are two devices. */
const alternationsToDoubt = 3
/** So many contacts into which another client came are two devices. */
const overlapsToDoubt = 2
/** So many contacts in a row that a device of this model would have to make twice as fast as it can are two devices. */
const doubledToDoubt = 3

type Sign = PullFact & { readonly session: string; readonly network: string }

/** The device has read the notice whole: a contact has begun, or goes on. */
export function readNotice(context: PullContext, state: PullState, fact: Sign): PullStep {
  const { contact } = state
  if (contact !== null && isWithin(context, contact, fact.at)) return noteContact(context, state, fact)
  const settled = contact === null || contact.isSettled ? { state, findings: [] } : settleContact(context, state)
  const begun = begin(settled.state, fact)
  const read = mayHaveImage(begun)
    ? ({ kind: "came-back", basis: "observed", moment: "quiet" } as const)
    : ({ kind: "offer-read", basis: "observed", moment: "read" } as const)
  return { state: begun, findings: [...settled.findings, read] }
}

/** Whether a moment still belongs to a contact. */
export function isWithin({ rules, model, speed }: PullContext, contact: PullContact, at: number): boolean {
  return at < contact.startedAt + rules.contact(model).contactMs / speed
}

function begin(state: PullState, { session, network, at }: Sign): PullState {
  const trail = state.trail.at(-1) === network ? state.trail : [...state.trail, network].slice(-longestTrail)
  const contact: PullContact = {
    network,
    startedAt: at,
    lastAt: at,
    session,
    further: null,
    wants: "no",
    isClosed: false,
    isMixed: state.open,
    isDoubled: false,
    isSettled: false,
  }
  const sharing = state.sharing ?? (isAlternating(trail) || isBackAgain(state, network) ? "alternating" : null)
  const isElsewhere = state.isElsewhere || isAway(state, network)
  const doubled = state.contact?.isDoubled === true ? state.doubled : 0
  const begun: PullState = { ...state, contact, trail, sharing, isReadSince: true, isElsewhere, doubled }
  return state.open && isAway(state, network) ? withOverlap(begun) : begun
}

/** One device cannot be in two places. */
function withOverlap(state: PullState): PullState {
  const overlaps = state.overlaps + 1
  return { ...state, overlaps, sharing: state.sharing ?? (overlaps >= overlapsToDoubt ? "overlap" : null) }
}

function isAway({ home }: PullState, network: string): boolean {
  return home !== null && home !== network
}

/** The image was fetched from two networks, and now another client than the last one polls: one device does not go back and forth. */
function isBackAgain({ home, homes }: PullState, network: string): boolean {
  return network !== home && homes.length > 1
}

function isAlternating(trail: readonly string[]): boolean {
  const last = trail.slice(-alternationsToDoubt - 1)
  return last.length > alternationsToDoubt && new Set(last).size === 2
}

/** A sign of the contact that is under way, where there is one. */
export function noteContact(context: PullContext, state: PullState, fact: Sign): PullStep {
  const { contact } = state
  if (contact === null || !isWithin(context, contact, fact.at)) return { state, findings: [] }
  if (contact.network !== "" && contact.network !== fact.network) {
    const isNew = fact.kind === "notice-read" && !contact.isMixed
    const mixed: PullState = { ...state, contact: { ...contact, isMixed: true }, isElsewhere: true }
    return { state: isNew ? withOverlap(mixed) : state, findings: [] }
  }
  if (isSecondLook(context, contact, fact)) return { state: withSecondLook(state, contact), findings: [] }
  if (contact.isSettled && fact.kind !== "asked") return { state, findings: [] }
  return {
    state: { ...state, contact: { ...contact, lastAt: fact.at, ...wish(context, contact, fact) } },
    findings: [],
  }
}

/** A device of this model has looked at its notice already, and would not do so again before its next contact. */
function isSecondLook({ rules, model }: PullContext, contact: PullContact, fact: Sign): boolean {
  if (fact.kind !== "notice-read" || fact.session === contact.session || contact.isDoubled) return false
  return rules.contact(model).readsOnce
}

function withSecondLook(state: PullState, contact: PullContact): PullState {
  const doubled = state.doubled + 1
  const sharing = state.sharing ?? (doubled >= doubledToDoubt ? "rhythms" : null)
  return { ...state, contact: { ...contact, isDoubled: true }, doubled, sharing }
}

/** What a sign says of whether the device wants the image. */
function wish(context: PullContext, contact: PullContact, fact: Sign): Partial<PullContact> {
  if (fact.kind === "asked" && fact.about === "image") return { wants: "yes", further: null }
  if (fact.kind === "session-opened") {
    const { secondSessionWants } = context.rules.contact(context.model)
    return secondSessionWants ? { further: fact.session } : {}
  }
  // It looks at the notice once more, so that its further session was no fetch.
  if (contact.further === fact.session) return { further: null, session: fact.session, isClosed: false }
  return fact.kind === "notice-read" ? { session: fact.session, isClosed: false } : {}
}

/** The contact is over: nothing was fetched in it. */
export function settleContact(context: PullContext, state: PullState): PullStep {
  const { contact } = state
  if (contact === null) return { state, findings: [] }
  const settled: PullState = { ...state, contact: { ...contact, isSettled: true } }
  if (contact.isMixed || state.open) return { state: settled, findings: [] }
  if (contact.wants === "yes") return { state: { ...settled, quiet: 0 }, findings: [] }
  if (contact.wants === "maybe" || contact.further !== null) {
    return { state: { ...settled, quiet: 0 }, findings: mayHaveImage(state) ? [stillOpen("unclear")] : [] }
  }
  const isBrokenOff = state.isBrokenOff || (!contact.isClosed && context.rules.contact(context.model).closesSession)
  const counted: PullState = { ...settled, quiet: state.quiet + 1, isBrokenOff }
  if (!mayHaveImage(counted)) {
    return counted.quiet >= context.rules.contactsToDecline && counted.sharing === null
      ? { state: counted, findings: [{ kind: "declined", basis: "concluded", moment: "declined" }] }
      : { state: counted, findings: [] }
  }
  if (counted.sharing !== null) return { state: counted, findings: [stillOpen("held-back")] }
  if (counted.quiet < neededContacts(context, counted)) return { state: counted, findings: [stillOpen("quiet")] }
  const moment = counted.grounds === "whole" ? "left-alone" : "end-unseen"
  return { state: counted, findings: [{ kind: "left-alone", basis: "concluded", moment }] }
}

function stillOpen(moment: PullMoment) {
  return { kind: "quiet-poll", basis: "observed", moment } as const
}

/** Independent quiet contacts in a row that it takes as things stand. */
export function neededContacts({ rules }: Pick<PullContext, "rules">, state: PullState): number {
  const { quietContacts: numbers } = rules
  if (state.grounds === "none") return rules.contactsToDecline
  const usual = numbers[state.grounds] + Math.min(state.askedAgain, 2)
  // Whoever called from another network since the offer may be a second device, which is not heard of for a while.
  const isDoubtful = state.isElsewhere || state.isBrokenOff || state.trail.length > 1
  return isDoubtful ? Math.max(usual, numbers.elsewhere) : usual
}
