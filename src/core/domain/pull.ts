import { bytesIn, coversFile, withoutSpan, withSpan } from "./coverage.ts"
import { isWithin, neededContacts, noteContact, readNotice, settleContact } from "./pull-contacts.ts"
import type { PullContext, PullFact, PullFinding, PullStep } from "./pull-facts.ts"
import type { Grounds, PullFacts, PullMoment } from "./pull-rules.ts"
import type { PullState } from "./pull-state.ts"

/**
 * Conclusions about a device that only fetches files and reports nothing: it reads a notice (`UPGRADE.TXT`, a manifest),
 * perhaps fetches the image, reboots, and reads the notice again. What it does next is all the evidence there is.
 */

/** Takes in one fact. Pure: the caller dates the findings and hands them to `advance`. */
export function pullStep(context: PullContext, state: PullState, fact: PullFact): PullStep {
  switch (fact.kind) {
    case "notice-read":
      return readNotice(context, state, fact)
    case "asked":
      return fact.about === "image" ? askedForImage(context, state, fact) : noteContact(context, state, fact)
    case "image-started":
      return imageStarted(context, sameFile(state, fact.patchBytes), fact)
    case "image-ended":
      return imageEnded(context, state, fact)
    case "session-opened":
      return noteContact(context, state, fact)
    case "session-closed":
      return sessionClosed(context, state, fact)
    case "time-passed": {
      const { contact } = state
      const { settleMs } = context.rules.contact(context.model)
      const isOver = contact !== null && !contact.isSettled && fact.at >= contact.lastAt + settleMs / context.speed
      return isOver ? settleContact(context, state) : { state, findings: [] }
    }
  }
}

/** Size of what the device fetches. */
function wantedBytes(context: Pick<PullContext, "sizeBytes">, state: PullState): number {
  return state.patchBytes ?? context.sizeBytes
}

/** A device that goes over from a patch to the image, or back, begins with nothing. */
function sameFile(state: PullState, patchBytes: number | undefined): PullState {
  if (state.patchBytes === patchBytes) return state
  const { patchBytes: _, ...rest } = state
  return { ...rest, taken: [], ...(patchBytes === undefined ? {} : { patchBytes }) }
}

/** Whoever runs the release has no use for its image: asking for it, even in vain, speaks against. */
function askedForImage(context: PullContext, state: PullState, fact: PullFact & { kind: "asked" }): PullStep {
  const noted = noteContact(context, state, fact).state
  const { contact } = state
  const isSaid = contact?.wants === "yes" && isWithin(context, contact, fact.at)
  if (state.open || state.grounds === "none" || isSaid) return { state: noted, findings: [] }
  return {
    state: { ...noted, quiet: 0, askedAgain: state.askedAgain + 1 },
    findings: [{ kind: "asked-again", basis: "observed", moment: "asked-again" }],
  }
}

function imageStarted(context: PullContext, before: PullState, fact: PullFact & { kind: "image-started" }): PullStep {
  const { session, network, at } = fact
  const { rules } = context
  const isFromBegin = fact.from === (fact.part?.[0] ?? 0)
  // A fetch without a new look at the notice is another try of the same contact: its library's, not its bootloader's.
  const isInstallable = mayHave(before.grounds) && before.grounds !== "handed-over"
  // From another network it may be another device's first.
  const hadFailed = isFromBegin && before.isReadSince && isInstallable && network === before.home
  const state: PullState = {
    ...before,
    open: true,
    fetchSession: session,
    home: network,
    homes: [...before.homes.filter((known) => known !== network), network].slice(-4),
    quiet: 0,
    isElsewhere: false,
    isBrokenOff: false,
    askedAgain: 0,
    isReadSince: false,
    failedInstalls: before.failedInstalls + (hadFailed ? 1 : 0),
    contact: before.contact === null ? null : { ...before.contact, lastAt: at, wants: "yes", further: null },
    ...(isFromBegin
      ? { grounds: "none" as const, taken: fact.part === undefined ? [] : withoutSpan(before.taken, ...fact.part) }
      : {}),
  }
  const broken = (moment: PullMoment): PullStep => ({
    state,
    findings: [{ kind: "loop-broken", basis: "concluded", moment }],
  })
  if (hadFailed && state.failedInstalls >= rules.failedInstallsToBreak) return broken("loop-broken")
  if (state.sentBytes >= rules.imagesToBreak * wantedBytes(context, state)) return broken("bytes-spent")
  const finding: PullFinding = hadFailed
    ? { kind: "transfer-started", basis: "concluded", moment: "install-failed" }
    : { kind: "transfer-started", basis: "observed", moment: "downloading" }
  return { state, findings: [finding] }
}

function mayHave(grounds: Grounds): boolean {
  return grounds !== "none"
}

function imageEnded(context: PullContext, before: PullState, fact: PullFact & { kind: "image-ended" }): PullStep {
  const { from, to, sent, whole, at, part } = fact
  const wanted = wantedBytes(context, before)
  const taken = withSpan(before.taken, from, to)
  const isCovered = coversFile(taken, wanted)
  const grounds =
    part !== undefined && whole
      ? groundsOfParts(isCovered, from === part[0])
      : groundsOf({ from, to, sent, whole: part === undefined && whole, wanted, isCovered })
  const contact = {
    ...(before.contact ?? noContact(before)),
    startedAt: at,
    lastAt: at,
    isSettled: true,
    // After a restart it looks again.
    isDoubled: true,
    wants: "no",
  } as const
  const state: PullState = {
    ...before,
    open: false,
    taken,
    grounds,
    contact,
    sentBytes: before.sentBytes + Math.max(0, sent - from),
    wholeFetches: before.wholeFetches + (grounds === "whole" ? 1 : 0),
  }
  // One of several files is there, and others are still to come.
  if (part !== undefined && whole && !isCovered) return { state, findings: [] }
  if (!mayHave(grounds)) return { state, findings: [{ kind: "transfer-cut", basis: "observed", moment: "cut" }] }
  // Bytes in buffers are not bytes that the device took: a cut, although it may have been lucky.
  if (grounds === "handed-over")
    return { state, findings: [{ kind: "transfer-cut", basis: "observed", moment: "cut" }] }
  const moment = grounds === "whole" ? "downloaded" : "downloaded-doubtful"
  return { state, findings: [{ kind: "transfer-finished", basis: "observed", moment }] }
}

function noContact({ home, fetchSession }: PullState) {
  const session = fetchSession ?? ""
  return { network: home ?? "", session, further: null, isClosed: true, isMixed: false, isDoubled: false }
}

interface Ended {
  readonly from: number
  readonly to: number
  readonly sent: number
  readonly whole: boolean
  readonly wanted: number
  readonly isCovered: boolean
}

function groundsOf({ from, to, sent, whole, wanted, isCovered }: Ended): Grounds {
  if (from === 0 && whole) return "whole"
  if (from === 0 && to >= wanted) return "reset"
  if (isCovered) return "pieces"
  return from === 0 && sent >= wanted ? "handed-over" : "none"
}

/** The last of several files came whole. */
function groundsOfParts(isCovered: boolean, isFromBegin: boolean): Grounds {
  if (!isCovered) return "none"
  return isFromBegin ? "whole" : "pieces"
}

/** What the end of a session tells beside that it is over. */
function sessionClosed(context: PullContext, state: PullState, fact: PullFact & { kind: "session-closed" }): PullStep {
  const { session, isPolite, at } = fact
  const rules = context.rules.contact(context.model)
  if (session === state.fetchSession && state.grounds === "whole" && rules.quitEndsFetch && !isPolite) {
    const doubtful: PullState = { ...state, grounds: "reset", fetchSession: null }
    return { state: doubtful, findings: [{ kind: "quiet-poll", basis: "observed", moment: "downloaded-doubtful" }] }
  }
  const { contact } = state
  if (contact === null || contact.isSettled || contact.session !== session) return { state, findings: [] }
  const isWanting = isPolite && rules.quitWants && contact.wants === "no"
  const noted: PullState = {
    ...state,
    contact: { ...contact, lastAt: at, isClosed: true, ...(isWanting ? { wants: "maybe" as const } : {}) },
  }
  return rules.sessionEndSettles ? settleContact(context, noted) : { state: noted, findings: [] }
}

/** What an operator may read of an update as it stands. */
export function pullFacts(context: Omit<PullContext, "speed">, state: PullState): PullFacts {
  const { version, model, offer } = context
  const { wholeFetches, failedInstalls, grounds, quiet } = state
  return {
    version,
    model,
    offer,
    sizeBytes: wantedBytes(context, state),
    takenBytes: bytesIn(state.taken),
    wholeFetches,
    failedInstalls,
    grounds,
    reads: quiet,
    needed: neededContacts(context, state),
  }
}
