import type { AgentReport, AgentSide, Fault, Order, OrderSituation, ReportContext } from "../../family.ts"
import type { ReportMeaning } from "../../report-meaning.ts"
import { parseFotaUrc } from "../codec/fota-urc.ts"
import { buildFotaUrl, type FotaUrl, type FotaUrlText } from "../codec/fota-url.ts"
import { type ModuleProfile, moduleProfile, slowestLinks } from "../models.ts"
import { readOffer } from "./plan-offer.ts"
import { type EndEvent, moduleResult, resultCodes } from "../result-codes.ts"

/** Whole tries and the first pause of the gateway vendor's driver (quectel.md 4.5), the pause doubled each time. */
const tries = { times: 10, pauseSeconds: 2 }
/** Time limits of the vendor's own test benches, s (quectel.md 4.5); they grow with the package. */
const benchLimits = { start: 60, download: 300, begin: 300, end: 300 }
/** A module that has vanished after its download is installing for at least that long, s (quectel.md 4.7.5). */
const leastInstall = 900

/** What the agent beside a module is told, and what its reports mean. */
export const agent: AgentSide = {
  order: makeOrder,
  fileName: () => fileName,
  goal: (offer) => {
    const { from, to } = readOffer(offer)
    return { from, to }
  },
  interpret,
}

/** Modules look at the content, not at the name; a short one leaves room for the server's own address. */
const fileName = "update.zip"

function makeOrder(situation: OrderSituation): Order | { readonly fault: Fault } {
  const { model, sizeBytes } = situation
  const profile = moduleProfile(model)
  const { from, to, transport } = readOffer(situation.offer)
  const built = transport === "ftp" ? ftpUrl(profile, situation) : httpUrl(profile, situation)
  if (!built.ok) {
    const cure = "set --ftp-public or --device-url of the server to an address that fits"
    return {
      fault: {
        rule: "server-address",
        sentence: `${built.sentence} The module cannot be told where to fetch; ${cure}.`,
      },
    }
  }
  const transferSeconds = Math.ceil(sizeBytes / slowestLinks[profile.link])
  const transient = resultCodes(profile).filter(({ retry }) => retry === "transient")
  return {
    from,
    to,
    url: built.text,
    command: `AT+QFOTADL="${built.text}"`,
    sizeBytes,
    limits: {
      startSeconds: benchLimits.start,
      downloadSeconds: Math.max(benchLimits.download, transferSeconds),
      beginSeconds: benchLimits.begin,
      endSeconds: Math.max(leastInstall, benchLimits.end + transferSeconds),
    },
    retry: {
      ...tries,
      codes: transient.map(({ code }) => code),
      results: transient.map(({ event, code }) => `${event} ${code}`),
    },
  }
}

function ftpUrl(profile: ModuleProfile, { ftp, ticket }: OrderSituation): FotaUrlText {
  const { user, secret: password } = ticket
  return buildFotaUrl(profile, { scheme: "ftp", user, password, host: ftp.host, port: ftp.port, path: fileName })
}

function httpUrl(profile: ModuleProfile, { httpDirectory }: OrderSituation): FotaUrlText {
  const match = /^(https?):\/\/([^/:]+)(?::(\d+))?\/(.*)$/.exec(httpDirectory)
  if (match === null) return { ok: false, sentence: `${httpDirectory} is an address that modules do not take.` }
  const [, scheme, host = "", port, path = ""] = match
  const isTls = scheme === "https"
  const url: Exclude<FotaUrl, { scheme: "file" | "ftp" }> = {
    scheme: isTls ? "https" : "http",
    host,
    port: port === undefined ? (isTls ? 443 : 80) : Number(port),
    path: `${path}${fileName}`,
  }
  return buildFotaUrl(profile, url)
}

/**
 * Which event a number came with: the agent says it, or the module's own line does. An agent that sends neither is one of an
 * earlier version; what it saw is told by the range of the number.
 */
function eventOf({ event, urc }: AgentReport, code: number): EndEvent {
  const told = event ?? (urc === undefined ? undefined : parseFotaUrc(urc)?.event)
  return endEvents.find((known) => known === told) ?? eventOfCode(code)
}

const endEvents = ["FTPEND", "HTTPEND", "FILEEND", "END"] as const

function eventOfCode(code: number): EndEvent {
  if (code >= 600 && code < 700) return "FTPEND"
  if (code >= 700 && code < 800) return "HTTPEND"
  return code === 500 ? "FILEEND" : "END"
}

type Interpreter = (report: AgentReport, context: ReportContext) => ReportMeaning | null

const hasPackage: ReadonlySet<string> = new Set(["downloaded", "installing"])

function interpret(report: AgentReport, context: ReportContext): ReportMeaning | null {
  return interpreters[report.state](report, context)
}

const interpreters: Readonly<Record<AgentReport["state"], Interpreter>> = {
  accepted: (_, { offer }) => ({
    kind: "accepted",
    sentence: `The module has taken the command for ${readOffer(offer).to}; its download should begin within a minute.`,
  }),
  // The server may have seen the whole download before it hears that it began.
  downloading: (_, { offer, state }) =>
    hasPackage.has(state)
      ? null
      : {
          kind: "transfer-started",
          sentence: `The module downloads the package for ${readOffer(offer).to} over ${readOffer(offer).transport.toUpperCase()}; a break makes it begin from the start.`,
        },
  downloaded: (_, { offer }) => ({
    kind: "transfer-finished",
    sentence: `The module has the package for ${readOffer(offer).to} and restarts to install it; its port is gone meanwhile, and it may be silent for 15 minutes.`,
  }),
  updating: (_, { offer }) => ({
    kind: "install-started",
    sentence: `The module installs ${readOffer(offer).to}; a power failure now only delays it, its END will be followed by a look at the version.`,
  }),
  restoring: (_, { offer }) => ({
    kind: "install-started",
    sentence: `The module copies ${readOffer(offer).to} to its second place (RESTORE) before it ends.`,
  }),
  retrying: (report, { model }) => {
    const reason = reasonOf(report, model)
    return { kind: "try-failed", ...reason, sentence: `${reason.sentence} The agent tries again after a pause.` }
  },
  failed: (report, { model }) => ({ kind: "install-failed", ...reasonOf(report, model) }),
  verified,
}

function verified({ version = "" }: AgentReport, { offer, target }: ReportContext): ReportMeaning {
  const { from, to } = readOffer(offer)
  if (version === target) return { kind: "installed", sentence: `The module itself says that it runs ${version}.` }
  if (version === to) {
    return { kind: "hop-installed", sentence: `The module itself says that it runs ${version}; the next hop follows.` }
  }
  const still = version === from ? `still runs ${from}` : `runs ${version}, which is neither ${from} nor ${to}`
  return {
    kind: "install-failed",
    sentence: `The module itself says that it ${still}, although its update ended; look at the agent's log for the module's last lines.`,
  }
}

type Reason = Pick<ReportMeaning, "sentence" | "code" | "isPackageWrong">

function reasonOf(report: AgentReport, model: string): Reason {
  const { code, sentence } = report
  if (code === undefined) return { sentence: sentence ?? "The agent gave the update up and did not say why." }
  const result = moduleResult(moduleProfile(model), eventOf(report, code), code)
  return {
    sentence: result.sentence,
    code: `${result.event} ${code}`,
    ...(result.retry === "wrong-package" ? { isPackageWrong: true } : {}),
  }
}
