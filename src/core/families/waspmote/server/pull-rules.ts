import type { PullFacts, PullRules } from "../../../domain/pull.ts"
import { modemTraits } from "../models.ts"
import { readOffer } from "./plan-offer.ts"

/**
 * How conclusions are drawn from what a mote fetches: it reports nothing. UPGRADE.TXT read = it polled; binary fetched
 * whole = downloaded; UPGRADE.TXT read and left = it runs the program; fetched again = the install failed.
 */
export const pullRules: PullRules = {
  settleMs: (model) => modemTraits(model).settleMs,
  sessionEndSettles: (model) => modemTraits(model).oneSession,
  // A mote polls once a day or once a week (guide 3.3): one look that leaves the program alone has to be enough.
  readsToConclude: 1,
  fetchesToBreak: 3,
  readsToDecline: 5,
  words: {
    offered: (facts) =>
      `${program(facts)} waits in UPGRADE.TXT; the mote takes it the next time its sketch calls requestOTA.`,
    read: (facts) =>
      `The mote has read UPGRADE.TXT and should now fetch ${program(facts)}; it will if its name or VERSION is news to it.`,
    downloading: (facts) =>
      `The mote is fetching ${program(facts)}, ${facts.sizeBytes} bytes, to its SD card; it installs once all of it is there.`,
    cut: (facts) =>
      `The transfer broke off after ${facts.takenBytes} of ${facts.sizeBytes} bytes; the mote keeps its old program and starts again from the beginning at its next poll.`,
    downloaded,
    "left-alone": leftAlone,
    "end-unseen": (facts) =>
      `The end of the download was not seen, but the mote has since polled ${facts.reads} times without fetching ${program(facts)} again, so it has it.`,
    "install-failed": (facts) =>
      `The mote fetches ${program(facts)} again after a whole download, so its bootloader did not install it; one more such fetch ends the update.`,
    "loop-broken": (facts) =>
      `The mote came ${facts.wholeFetches + 1} times for ${program(facts)}: its bootloader refuses the program or the SD card damages it, so the offer is withdrawn; publish a program that boots or replace the card.`,
    declined,
    silent: (facts) =>
      `The mote has not called while ${program(facts)} waited for it; check its power and its coverage, and that its sketch still calls requestOTA.`,
  },
}

function downloaded(facts: PullFacts): string {
  // The count is of the downloads before this one.
  if (facts.wholeFetches > 0) {
    return `The mote has fetched all of ${program(facts)} ${facts.wholeFetches + 1} times, because its bootloader did not install it before; if it comes once more, the offer is withdrawn.`
  }
  return `The mote has all ${facts.sizeBytes} bytes of ${program(facts)} and reboots into its bootloader; its next poll will show whether it installed.`
}

function leftAlone(facts: PullFacts): string {
  if (readOffer(facts.offer).unproven) {
    return `The mote took ${program(facts)} and then left it alone; it runs it unless its bootloader refused it, which this mote's used-up version numbers do not let the server see.`
  }
  return `The mote took ${program(facts)} and left it alone at its next poll, which it does only when it runs it.`
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
