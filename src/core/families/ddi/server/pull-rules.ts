import { type ContactRules, progressWords, type PullRules } from "../../../domain/pull-rules.ts"
import { clientModel } from "../models.ts"

const failedInstallsToBreak = 4
// A client that reports reads no notice between two tries: its bytes are counted.
const imagesToBreak = 10

/** A client polls once in minutes; what it does at a poll is over soon. */
const contact: ContactRules = {
  settleMs: 60_000,
  contactMs: 60_000,
  sessionEndSettles: false,
  secondSessionWants: false,
  quitWants: false,
  quitEndsFetch: false,
  closesSession: false,
  readsOnce: false,
}

/**
 * What is concluded from the fetches of clients: of those that report, only that one comes again and again (their polls are no
 * notices, see `root.ts`); of the others, that one which has the whole image and polls without fetching has installed it.
 */
export const pullRules: PullRules = {
  contact: () => contact,
  // As many as for a board, for the same reasons: three faults in a row, and a power cut between a poll and its fetch is not seen.
  quietContacts: { whole: 4, reset: 5, pieces: 5, "handed-over": 6, unseen: 6, elsewhere: 6 },
  failedInstallsToBreak,
  imagesToBreak,
  contactsToDecline: Number.POSITIVE_INFINITY,
  // Whoever has the token is the device.
  isVisitor: () => false,
  words: {
    offered: ({ version }) =>
      `It gets ${version} at its next poll; the client says itself what it does with it. If it does not poll, it is off or without network.`,
    read: ({ version }) => `The client has read what to do for ${version} and should fetch it now.`,
    downloading: ({ version }) => `The client fetches ${version}; it checks hashes and signature itself.`,
    cut: ({ takenBytes, sizeBytes }) =>
      `It has ${takenBytes} of ${sizeBytes} bytes; the client goes on with the rest, or begins again by itself.`,
    downloaded: ({ version, model, needed }) =>
      clientModel(model).reports
        ? `The client has ${version} whole; it installs it, restarts if need be and then says how that ended.`
        : `The client has ${version} whole; it says nothing more, so ${needed} quiet polls will say that it runs.`,
    "downloaded-doubtful": ({ version, model, needed }) =>
      clientModel(model).reports
        ? `All of ${version} was sent, but the transfer did not end well; what the client says next decides.`
        : `All of ${version} was sent, but the transfer did not end well; ${needed} quiet polls in a row will say that it runs.`,
    quiet: (facts) => `The client has left ${facts.version} alone since its download: ${progressWords(facts)}.`,
    unclear: ({ version, needed }) =>
      `The client went on as one that wants ${version}; ${needed} quiet polls in a row are needed now.`,
    "asked-again": ({ version }) => `The client asked for ${version} again after its download.`,
    "held-back": ({ version }) =>
      `Two devices seem to use this name and token, so nothing is concluded about ${version} until the operator says what holds.`,
    "left-alone": ({ version, reads }) =>
      `After the download the client has polled ${reads} times and left ${version} alone, so it runs ${version} (concluded: this client reports nothing).`,
    "end-unseen": ({ version, reads }) =>
      `The end of the download was not seen, but the client has since polled ${reads} times and left ${version} alone, so it runs ${version} (concluded).`,
    "install-failed": ({ version }) =>
      `The client fetches ${version} again after a whole download: it was not installed; after ${failedInstallsToBreak} such tries the update ends.`,
    "loop-broken": ({ version, failedInstalls }) =>
      `The client came for ${version} again after ${failedInstalls} whole downloads without saying how any of them ended: it would fetch it for ever, so the offer is withdrawn. Look into its log for why the installation fails.`,
    "bytes-spent": ({ version }) =>
      `The bytes of ${version} were sent ${imagesToBreak} times over and the client comes for more without saying how that ended: it would fetch it for ever, so the offer is withdrawn. Look into its log for why the installation fails, and at its network.`,
    declined: ({ version }) => `The client does not take ${version}.`,
    silent: ({ grounds, model, version }) =>
      grounds === "none"
        ? "The client has not fetched it: it is off or without network; its next poll takes the update up again."
        : `The client has said nothing since it fetched ${version} whole: ${clientModel(model).silence}. Its next report takes the update up again.`,
  },
}
