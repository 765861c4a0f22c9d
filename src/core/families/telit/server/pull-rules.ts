import type { PullRules } from "../../../domain/pull-rules.ts"
import { reportedPull } from "../../reported-pull.ts"
import type { HopOffer } from "./plan-offer.ts"

/** What the server sees of a module beside its messages: its FTP download. The messages say the rest. */
export const pullRules: PullRules = reportedPull({
  offered: ({ version, offer }) => offeredWords[hopOf(offer).variant](version),
  read: () => "The module has its Command.",
  downloading: ({ version }) => `The module fetches the package on its way to ${version}.`,
  cut: ({ takenBytes, sizeBytes }) =>
    `The download broke off after at least ${takenBytes} of ${sizeBytes} bytes; the module does not resume. It sends an error code, and the server repeats the Command.`,
  downloaded: ({ version }) =>
    `The module has fetched the package on its way to ${version} whole; it checks it, installs it and restarts.`,
  "left-alone": ({ version }) => `It runs ${version}, as the module itself has said.`,
  "end-unseen": ({ version }) => `It runs ${version}, as the module itself has said.`,
  "install-failed": ({ version }) =>
    `The module fetches the package on its way to ${version} again: an earlier try did not come to its end.`,
  "loop-broken": ({ version }) => `The module fetched the package on its way to ${version} again and again.`,
  declined: ({ version }) => `It does not take ${version} and stays with what it runs.`,
  silent: ({ wholeFetches, version }) =>
    wholeFetches > 0
      ? `The module has been silent since it fetched the package for ${version}: most likely nobody has entered its PIN, or it is off. Its next message takes the update up again.`
      : "The module has answered nothing: it is off, without network, or its SIM was changed; its next message takes the update up again.",
})

const offeredWords: Readonly<Record<HopOffer["variant"], (version: string) => string>> = {
  sms: (version) => `It gets its Command for ${version} by SMS, after what must be settled before.`,
  combined: (version) => `It gets its Command for ${version} by SMS and then calls over TCP.`,
  ip: (version) =>
    `It gets ${version} when its host types AT#OTAIPUPD: in the TCP/IP protocol the server cannot begin.`,
}

function hopOf(offer: { readonly [key: string]: unknown }): Pick<HopOffer, "variant"> {
  const { variant } = offer
  return { variant: variant === "combined" || variant === "ip" ? variant : "sms" }
}
