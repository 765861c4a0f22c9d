import type { PullRules } from "../../../domain/pull.ts"
import { clientModel } from "../models.ts"

const never = Number.POSITIVE_INFINITY
const fewMinutes = 120_000

/**
 * What is concluded from the fetches of clients: from those that report, only that one comes again and again; from the
 * others, that one which has the whole image and polls three times without fetching has installed it.
 */
export const pullRules: PullRules = {
  settleMs: (model) => (clientModel(model).reports ? never : fewMinutes),
  sessionEndSettles: () => false,
  readsToConclude: 3,
  fetchesToBreak: 4,
  readsToDecline: never,
  words: {
    offered: ({ version }) =>
      `It gets ${version} at its next poll; the client says itself what it does with it. If it does not poll, it is off or without network.`,
    read: ({ version }) => `The client has read what to do for ${version} and should fetch it now.`,
    downloading: ({ version }) => `The client fetches ${version}; it checks hashes and signature itself.`,
    cut: ({ takenBytes, sizeBytes }) =>
      `It has ${takenBytes} of ${sizeBytes} bytes; the client goes on with the rest, or begins again by itself.`,
    downloaded: ({ version, model }) =>
      clientModel(model).reports
        ? `The client has ${version} whole; it installs it, restarts if need be and then says how that ended.`
        : `The client has ${version} whole; it says nothing more, so three polls without another fetch will say that it runs.`,
    "left-alone": ({ version, reads }) =>
      `After the download the client has polled ${reads} times and left ${version} alone, so it runs ${version} (concluded: this client reports nothing).`,
    "end-unseen": ({ version, reads }) =>
      `The end of the download was not seen, but the client has since polled ${reads} times and left ${version} alone, so it runs ${version} (concluded).`,
    "install-failed": ({ version }) =>
      `The client fetches ${version} again after a whole download: an earlier try was not installed; the fourth fetch ends the update.`,
    "loop-broken": ({ version, wholeFetches }) =>
      `The client came for ${version} again after ${wholeFetches} whole downloads without saying how any of them ended: it would fetch it for ever, so the offer is withdrawn. Look into its log for why the installation fails.`,
    declined: ({ version }) => `The client does not take ${version}.`,
    silent: ({ wholeFetches, model, version }) =>
      wholeFetches > 0
        ? `The client has said nothing since it fetched ${version} whole: ${clientModel(model).silence}. Its next report takes the update up again.`
        : "The client has not fetched it: it is off or without network; its next poll takes the update up again.",
  },
}
