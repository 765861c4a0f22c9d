import type { PullRules } from "../../../domain/pull-rules.ts"
import { reportedPull } from "../../reported-pull.ts"

/**
 * What the server itself sees of a module: its fetches. A module reads no notice and its agent reports the rest, so nothing is
 * concluded from fetches; each try fetches the package from its first byte (quectel.md 4.6).
 */
export const pullRules: PullRules = reportedPull({
  offered: ({ version }) =>
    `It gets its order for ${version} when its agent next asks for work; if that does not come, the agent is off or without network.`,
  read: () => "Its agent has the order.",
  downloading: ({ version }) => `The module fetches the package on its way to ${version}.`,
  cut: ({ takenBytes, sizeBytes }) =>
    `The download broke off after at least ${takenBytes} of ${sizeBytes} bytes; modules do not resume, so the agent repeats the command and the module begins anew.`,
  downloaded: ({ version }) =>
    `The module has fetched the package on its way to ${version} whole; it restarts to install it, and may be silent for 15 minutes.`,
  "left-alone": ({ version }) => `It runs ${version}, as its agent has reported.`,
  "end-unseen": ({ version }) => `It runs ${version}, as its agent has reported.`,
  "install-failed": ({ version }) =>
    `The module fetches the package on its way to ${version} again: an earlier try did not come to its end.`,
  "loop-broken": ({ version }) => `The module fetched the package on its way to ${version} again and again.`,
  declined: ({ version }) => `It does not take ${version} and stays with what it runs.`,
  silent: ({ wholeFetches }) =>
    wholeFetches > 0
      ? "Its agent has been silent since the module fetched the package: agent or module are off, or without network; it is taken up again when the agent calls."
      : "Its agent has been silent: it is off or without network; the order waits until it calls again.",
})
