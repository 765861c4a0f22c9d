import type { PullRules } from "../../../domain/pull.ts"

/** Conclusions from a board's fetches (pic32mzw1.md 2.9.6): it reports nothing. */
export const pullRules: PullRules = {
  // The image request follows the manifest at once; a connect may be slow.
  settleMs: () => 30_000,
  sessionEndSettles: () => false,
  readsToConclude: 2,
  fetchesToBreak: 3,
  readsToDecline: 3,
  words: {
    offered: ({ version }) =>
      `The board gets version ${version} at its next manifest poll (by default every 62 seconds); if it does not poll, it is off, without network, or the board waits for a reset.`,
    read: ({ version }) => `The board has read the manifest with version ${version} and should fetch the image now.`,
    downloading: ({ version }) =>
      `The board fetches version ${version}; it has 1000 seconds, and then checks the image's SHA-256 itself.`,
    cut: ({ takenBytes, sizeBytes }) =>
      `The download broke after ${takenBytes} of ${sizeBytes} bytes; a board does not try again by itself: the board waits for a reset, and then begins anew.`,
    downloaded: ({ version }) =>
      `The board has fetched version ${version} whole; it now checks the digest, restarts and programs itself; two polls without another fetch will say that it runs.`,
    "left-alone": ({ version, reads }) =>
      `After the download the board has polled ${reads} times and left version ${version} alone, so it runs version ${version} (concluded: a board reports nothing).`,
    "end-unseen": ({ version, reads }) =>
      `The end of the download was not seen, but the board has since polled ${reads} times and left version ${version} alone, so it runs version ${version} (concluded).`,
    "install-failed": ({ version }) =>
      `The board has fetched version ${version} again after a whole download: the first install failed, or the program is compiled with a version constant below ${version}; the third fetch ends the update.`,
    "loop-broken": ({ version, wholeFetches }) =>
      `The board came for version ${version} again after ${wholeFetches} whole downloads: the program's own version constant is most likely below ${version}, and the board would fetch it for ever; the offer is withdrawn. Build the program with the version constant ${version} and publish it under a higher version.`,
    declined: ({ version, reads }) =>
      `The board has read the manifest ${reads} times without fetching: it runs version ${version} or a higher one, or its automatic update is off (\`sysota set\`).`,
    silent: ({ wholeFetches, takenBytes }) =>
      wholeFetches > 0 || takenBytes > 0
        ? "The board has been silent since its download: the board waits for a reset. After a failed download or digest it does nothing until somebody switches it off and on; then it polls again."
        : "The board has not polled: it is off or without network, or an earlier failure left it idle and the board waits for a reset; switch it off and on.",
  },
}
