import { type ContactRules, type PullRules, progressWords } from "../../../domain/pull-rules.ts"

const failedInstallsToBreak = 4

/** The image request follows the manifest at once, but a connect may be slow. A board polls every 62 s by default. */
const contact: ContactRules = {
  settleMs: 30_000,
  contactMs: 45_000,
  sessionEndSettles: false,
  secondSessionWants: false,
  quitWants: false,
  quitEndsFetch: false,
  closesSession: false,
  readsOnce: true,
}

/** Conclusions from a board's fetches (pic32mzw1.md 2.9.6): it reports nothing. */
export const pullRules: PullRules = {
  contact: () => contact,
  // Three faults in a row, as for every family, and one quiet poll more: a board whose power fails after its manifest was sent
  // looks like one that leaves it alone, and with a poll a minute the fourth costs nothing.
  quietContacts: { whole: 4, reset: 5, pieces: 5, "handed-over": 6, unseen: 6, elsewhere: 6 },
  failedInstallsToBreak,
  imagesToBreak: 10,
  contactsToDecline: 8,
  // A board sends nothing but `Host:` (pic32mzw1.md 2.4).
  isVisitor: (signs) => signs.join() !== "GET,host",
  words: {
    offered: ({ version }) =>
      `The board gets version ${version} at its next manifest poll (by default every 62 seconds); if it does not poll, it is off, without network, or the board waits for a reset.`,
    read: ({ version }) => `The board has read the manifest with version ${version} and should fetch the image now.`,
    downloading: ({ version }) =>
      `The board fetches version ${version}; it has 1000 seconds, and then checks the image's SHA-256 itself.`,
    cut: ({ takenBytes, sizeBytes }) =>
      `The download broke after at least ${takenBytes} of ${sizeBytes} bytes; a board does not try again by itself: the board waits for a reset, and then begins anew.`,
    downloaded: ({ version, needed }) =>
      `The board has fetched version ${version} whole; it now checks the digest, restarts and programs itself; ${needed} quiet polls will say that it runs.`,
    "downloaded-doubtful": ({ version, needed }) =>
      `All of version ${version} was sent, but the transfer did not end well, so the board may or may not have it; ${needed} quiet polls in a row will say that it runs, and another fetch that it does not.`,
    quiet: (facts) => `The board has left version ${facts.version} alone since its download: ${progressWords(facts)}.`,
    unclear: ({ version, needed }) =>
      `The board read the manifest and went on as one that wants version ${version}; ${needed} quiet polls in a row are needed now.`,
    "asked-again": ({ version, needed }) =>
      `The board asked for version ${version} again after its download, so it did not run it by then; ${needed} quiet polls in a row are needed now.`,
    "held-back": ({ version }) =>
      `Two boards seem to use this URL, so what one of them leaves alone says nothing of the other: nothing is concluded about version ${version} until the operator says what holds.`,
    "left-alone": ({ version, reads }) =>
      `After the download the board has polled ${reads} times and left version ${version} alone, so it runs version ${version} (concluded: a board reports nothing).`,
    "end-unseen": ({ version, reads }) =>
      `The end of the download was not seen, but the board has since polled ${reads} times and left version ${version} alone, so it runs version ${version} (concluded).`,
    "install-failed": ({ version }) =>
      `The board has fetched version ${version} again after a whole download: the install failed, or the program is compiled with a version constant below ${version}; after ${failedInstallsToBreak} such installs the update ends.`,
    "loop-broken": ({ version, failedInstalls }) =>
      `The board came for version ${version} again after ${failedInstalls} whole downloads: the program's own version constant is most likely below ${version}, and the board would fetch it for ever; the offer is withdrawn. Build the program with the version constant ${version} and publish it under a higher version.`,
    "bytes-spent": ({ version }) =>
      `Many times the bytes of version ${version} were sent and the board still comes for more; the offer is withdrawn. Look at its network, and at the store in its flash.`,
    declined: ({ version, reads }) =>
      `The board has read the manifest ${reads} times without fetching: it runs version ${version} or a higher one, or its automatic update is off (\`sysota set\`).`,
    silent: ({ grounds, takenBytes }) =>
      grounds !== "none" || takenBytes > 0
        ? "The board has been silent since its download: the board waits for a reset. After a failed download or digest it does nothing until somebody switches it off and on; then it polls again."
        : "The board has not polled: it is off or without network, or an earlier failure left it idle and the board waits for a reset; switch it off and on.",
  },
}
