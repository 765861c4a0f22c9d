import { Command } from "commander"
import { needsAgent, runSwarm, startMobileNetwork } from "../virtual/main.ts"
import { type ApiClient, connect } from "./api-client.ts"
import { knownCardDevices, runCardModules } from "./demo-cards.ts"
import { type DemoFleet, publishNews, readFleets } from "./demo-fleets.ts"
import { parseDuration } from "./duration.ts"
import { Failure } from "./failure.ts"
import { runModules } from "./module-swarm.ts"
import { type Common, common } from "./options.ts"
import { printJsonLine, printLines } from "./output.ts"
import { hostPortOf, knownDevices, onThisMachine, untilInterrupted } from "./virtual-fleet.ts"

interface Options extends Common {
  readonly family: readonly string[]
  readonly count: string
  readonly state: string
}

/** What the process says to the one that started it, a line of JSON each. */
export type PracticeWord =
  | { readonly practice: "ready"; readonly group: string; readonly releaseIds: readonly string[] }
  | { readonly practice: "contact"; readonly text: string }

/** Virtual devices are so many times faster than hardware. */
const speed = 100
const labels = { practice: "yes", virtual: "yes", "virtual-speed": String(speed) }
const group = "practice=yes"

/** `waft virtual practice`: devices in software, and firmware for them; a rollout is all that is missing. */
export function practiceCommand(): Command {
  return common(
    new Command("practice")
      .description("add virtual devices, run them, and publish firmware for them: a rollout is all that is missing")
      .requiredOption("--family <FAMILY...>", "device families")
      .option("--count <N>", "devices of each", "5")
      .requiredOption("--state <DIR>", "folder in which they live on"),
  ).action(practise)
}

async function practise({ family, count, state, json = false, ...server }: Options): Promise<void> {
  const signal = untilInterrupted()
  const api = await connect(server)
  const fleets = await readFleets()
  const chosen = family.map((id) => {
    const fleet = fleets.find((one) => one.family === id)
    if (fleet === undefined) throw new Failure(`There is no firmware to practise on ${id} with.`)
    return { ...fleet, devices: Number(count) }
  })
  const tell = (text: string): void => {
    if (json) printJsonLine({ practice: "contact", text } satisfies PracticeWord)
    else printLines(text)
  }
  const runs = await Promise.all(chosen.map((fleet) => start(api, fleet, { state, signal, tell })))
  const releaseIds = (await Promise.all(chosen.map((fleet) => releasesOf(api, fleet)))).flat()
  if (json) printJsonLine({ practice: "ready", group, releaseIds } satisfies PracticeWord)
  else printLines(`Ready: waft rollout start ${releaseIds.map((id) => `--release ${id}`).join(" ")} --group ${group}`)
  // Not an await of the list: the first that breaks ends the others.
  await Promise.all(runs.map(({ ended }) => ended)).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** What a fleet can be updated to: published now, or by an earlier practice. */
async function releasesOf(api: ApiClient, fleet: DemoFleet): Promise<readonly string[]> {
  await publishNews(api, { ...fleet, releases: fleet.releases?.slice(0, 1) ?? [] }, () => undefined)
  const published = await api.list("listReleases", { query: { family: fleet.family, state: "active" } })
  const targets = new Set([
    ...(fleet.releases ?? []).slice(0, 1).map(({ version }) => version),
    ...Object.values(fleet.firmware ?? {}).flatMap((way) => way.slice(-1)),
  ])
  return published.filter(({ version }) => targets.has(version)).map(({ id }) => id)
}

interface Running {
  readonly state: string
  readonly signal: AbortSignal
  readonly tell: (text: string) => void
}

/** Adds a family's devices and lets them run. */
async function start(
  api: ApiClient,
  fleet: DemoFleet,
  { state, signal, tell }: Running,
): Promise<{ readonly ended: Promise<unknown> }> {
  const { family, firmware, every = "1s" } = fleet
  const models = fleet.quickModels ?? fleet.models
  if (fleet.variants !== undefined && models !== undefined && firmware !== undefined) {
    return startCards(api, { ...fleet, models, firmware }, { state, signal, tell })
  }
  const known = {
    family,
    prefix: `virtual-${family}-`,
    state,
    labels,
    ...(models === undefined ? {} : { model: models }),
  }
  const devices = await knownDevices(api, known, fleet.devices)
  const onVersion = ({ id }: { readonly id: string }, version: string): void => tell(`${id} runs ${version}`)
  const ended = needsAgent(family)
    ? runModules({ family, devices, speed, signal, onVersion })
    : runSwarm({
        family,
        devices,
        everyMs: Math.min(parseDuration("every", every), 1000),
        speed,
        signal,
        onContact: ({ id }, { words, running }) => tell(`${id}: ${words}; runs version ${running.version}`),
      })
  return { ended }
}

/** Modules with a card speak to the server over TCP alone: it has no SMS centre. */
async function startCards(
  api: ApiClient,
  fleet: DemoFleet & Required<Pick<DemoFleet, "models" | "firmware">>,
  { state, signal, tell }: Running,
): Promise<{ readonly ended: Promise<void> }> {
  const models = fleet.models.filter((_, i) => fleet.variants?.[i] !== "sms")
  const cards = { ...fleet, models, variants: ["tcp-ip"], labels }
  const devices = await knownCardDevices(api, cards)
  const { listeners } = await api.call("health", {})
  const network = await startMobileNetwork({ number: "+390000000000" })
  const run = runCardModules({
    fleet: cards,
    devices,
    network,
    server: hostPortOf(onThisMachine(listeners["device-tcp"])),
    state,
    speed,
    signal,
    onVersion: ({ id }, version) => tell(`${id} runs ${version}`),
  })
  return { ended: closeAfter(run, network) }
}

async function closeAfter(run: Promise<void>, { close }: { readonly close: () => Promise<void> }): Promise<void> {
  try {
    await run
  } finally {
    await close()
  }
}
