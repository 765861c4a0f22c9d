import type { PullRules, PullWords } from "../domain/pull-rules.ts"

const never = Number.POSITIVE_INFINITY

/** Moments that come only where something is concluded. */
type ConcludedMoment = "downloaded-doubtful" | "quiet" | "unclear" | "asked-again" | "held-back" | "bytes-spent"

/**
 * What is concluded from the fetches of devices that read no notice and report the rest themselves, or through an agent:
 * nothing. The server sees them fetch, and that is all.
 */
export function reportedPull(words: Omit<PullWords, ConcludedMoment>): PullRules {
  return {
    contact: () => ({
      settleMs: never,
      contactMs: never,
      sessionEndSettles: false,
      secondSessionWants: false,
      quitWants: false,
      quitEndsFetch: false,
      closesSession: false,
      readsOnce: false,
    }),
    quietContacts: {
      whole: never,
      reset: never,
      pieces: never,
      "handed-over": never,
      unseen: never,
      elsewhere: never,
    },
    failedInstallsToBreak: never,
    imagesToBreak: never,
    contactsToDecline: never,
    isVisitor: () => false,
    words: {
      ...words,
      "downloaded-doubtful": ({ version }) =>
        `All of the package on its way to ${version} was fetched, but the transfer did not end well; what the device reports next decides.`,
      quiet: ({ version }) => `Whether it runs ${version} is for the device to report.`,
      unclear: ({ version }) => `Whether it runs ${version} is for the device to report.`,
      "asked-again": ({ version }) => `The package on its way to ${version} was asked for again.`,
      "held-back": ({ version }) => `Whether it runs ${version} is for the device to report.`,
      "bytes-spent": ({ version }) => `The package on its way to ${version} was fetched again and again.`,
    },
  }
}
