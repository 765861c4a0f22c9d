import { type PullFacts, type PullRules, progressWords } from "../../../domain/pull-rules.ts"
import { modemTraits } from "../models.ts"
import { readOffer } from "./plan-offer.ts"

/** Verbs that programs at a desk send and no modem's library causes. */
const deskVerbs: ReadonlySet<string> = new Set([
  ...["EPSV", "EPRT", "FEAT", "OPTS", "MLSD", "MLST", "NLST", "CLNT", "AUTH", "PBSZ", "PROT", "MDTM", "SYST", "STAT"],
  ...["HELP", "SITE", "LANG", "HOST", "LPSV", "LPRT"],
])

/** A transient fault may well strike twice. */
const failedInstallsToBreak = 4
/** GPRS fetches up to three times in one contact. */
const imagesToBreak = 14

/**
 * How conclusions are drawn from what a mote fetches: it reports nothing. UPGRADE.TXT read = it polled; binary fetched
 * whole = downloaded; UPGRADE.TXT read and left in two contacts = it runs the program; fetched again = the install failed.
 */
export const pullRules: PullRules = {
  contact: (model) => modemTraits(model).contact,
  // A mote that did not install and a modem that cannot begin its fetch look on the wire just like success, so it takes as
  // many quiet polls as faults in a row are reckoned with: three. Each kind of doubt adds one.
  quietContacts: { whole: 3, reset: 4, pieces: 4, "handed-over": 5, unseen: 5, elsewhere: 5 },
  failedInstallsToBreak,
  imagesToBreak,
  contactsToDecline: 6,
  isVisitor: (signs) => signs.some((verb) => deskVerbs.has(verb)),
  words: {
    offered: (facts) =>
      `${program(facts)} waits in UPGRADE.TXT; the mote takes it the next time its sketch calls requestOTA.`,
    read: (facts) =>
      `The mote has read UPGRADE.TXT and should now fetch ${program(facts)}; it will if its name or VERSION is news to it.`,
    downloading: (facts) =>
      `The mote is fetching ${program(facts)}, ${facts.sizeBytes} bytes, to its SD card; it installs once all of it is there.`,
    cut: (facts) =>
      `The transfer broke off after at least ${facts.takenBytes} of ${facts.sizeBytes} bytes; the mote keeps its old program and starts again from the beginning at its next poll.`,
    downloaded,
    "downloaded-doubtful": doubtful,
    quiet: (facts) =>
      `The mote has left ${program(facts)} alone since its download: ${progressWords(facts)}${doubtWords(facts)}.`,
    unclear: (facts) =>
      `The mote read UPGRADE.TXT and went on as one that wants ${program(facts)}, but did not fetch it; ${facts.needed} quiet polls in a row are needed now.`,
    "asked-again": (facts) =>
      `The mote asked for ${program(facts)} again after its download, so it had not installed it by then; ${facts.needed} quiet polls in a row are needed now.`,
    "held-back": (facts) =>
      `Two devices seem to use this login, so what one of them leaves alone says nothing of the other: nothing is concluded about ${program(facts)} until the operator says what holds.`,
    "left-alone": leftAlone,
    "end-unseen": (facts) =>
      `${endWords(facts)}, but the mote has since polled ${facts.reads} times without asking for ${program(facts)} again, so it has it.`,
    "install-failed": (facts) =>
      `The mote fetches ${program(facts)} again after a whole download, so its bootloader did not install it; after ${failedInstallsToBreak} such installs the update ends.`,
    "loop-broken": (facts) =>
      `The mote came back for ${program(facts)} after ${facts.failedInstalls} installs that failed: its bootloader refuses the program or the SD card damages it, so the offer is withdrawn; publish a program that boots or replace the card.`,
    "bytes-spent": (facts) =>
      `So many bytes of ${program(facts)} were sent that they are ${imagesToBreak} programs' worth, and it still comes for more, so the offer is withdrawn; look at its coverage and its SD card.`,
    declined,
    silent: (facts) =>
      facts.grounds === "none"
        ? `The mote has not called while ${program(facts)} waited for it; check its power and its coverage, and that its sketch still calls requestOTA.`
        : `The mote has not called since it fetched ${program(facts)}: it may run it, or have stopped in its install; ${progressWords(facts)} were seen, and its next polls go on with that.`,
  },
}

const endings = {
  none: "The end of the download was not seen",
  whole: "The download was whole",
  reset: "All of the download was acknowledged, but its connection broke off at the end",
  pieces: "The download came in pieces",
  "handed-over": "The download broke off when all of it was on its way",
  unseen: "The end of the download was not seen",
} as const

function endWords({ grounds }: PullFacts): string {
  return endings[grounds]
}

function doubtWords(facts: PullFacts): string {
  return facts.grounds === "whole" ? "" : ` (${endWords(facts).toLowerCase()})`
}

function doubtful(facts: PullFacts): string {
  return `${endWords(facts)}, so the mote may or may not have all of ${program(facts)}; ${facts.needed} quiet polls in a row will say that it runs it, and another fetch that it does not.`
}

function downloaded(facts: PullFacts): string {
  if (facts.failedInstalls > 0) {
    return `The mote has fetched all of ${program(facts)} again, because its bootloader did not install it before (${facts.failedInstalls} of ${failedInstallsToBreak}); ${facts.needed} quiet polls will say that it runs.`
  }
  return `The mote has all ${facts.sizeBytes} bytes of ${program(facts)} and reboots into its bootloader; ${facts.needed} quiet polls will say that it runs, and another fetch that it does not.`
}

function leftAlone(facts: PullFacts): string {
  if (readOffer(facts.offer).unproven) {
    return `The mote took ${program(facts)} and then left it alone; it runs it unless its bootloader refused it, which this mote's used-up version numbers do not let the server see.`
  }
  return `The mote took ${program(facts)} and left it alone at its next ${facts.reads} polls, which it does only when it runs it.`
}

function declined(facts: PullFacts): string {
  return `The mote read UPGRADE.TXT ${facts.reads} times and left ${program(facts)} alone: it already holds that name with a VERSION that is not lower, or cannot reach the file; publish it under another name or with a higher version.`
}

/** `PROG001 (VERSION 12)`, with the release's own version where the two differ. */
function program(facts: PullFacts): string {
  const { programId, versionByte } = readOffer(facts.offer)
  return String(versionByte) === facts.version
    ? `${programId} (VERSION ${versionByte})`
    : `${programId} (VERSION ${versionByte}, release ${facts.version})`
}
