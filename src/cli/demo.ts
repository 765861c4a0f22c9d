import { join } from "node:path"
import type { DeviceView } from "../core/contract/schemas.ts"
import type { RunningServer } from "../server/main.ts"
import { type MobileNetwork, needsAgent, runSwarm } from "../virtual/main.ts"
import { type ApiClient, client } from "./api-client.ts"
import { type CardDevice, knownCardDevices, runCardModules } from "./demo-cards.ts"
import { type DemoFleet, publishNews, readFleets } from "./demo-fleets.ts"
import { tellStory } from "./demo-story.ts"
import { runningText } from "./device.ts"
import { parseDuration } from "./duration.ts"
import { runModules } from "./module-swarm.ts"
import { printLines, printTable } from "./output.ts"
import { hostPortOf, knownDevices, onThisMachine } from "./virtual-fleet.ts"
import { watchRollout } from "./watch-rollout.ts"

export { startMobileNetwork } from "../virtual/main.ts"

interface DemoOptions {
  readonly data: string
  /** The network of the modules that have a card; the server is bound to its SMS centre. */
  readonly network: MobileNetwork
  readonly signal: AbortSignal
}

/** What each virtual device itself says that it runs. */
type OwnWord = Map<string, string>

interface FleetOptions extends DemoOptions {
  readonly said: OwnWord
  /** Whether the next builds are about: devices that get one that is bad for them are bricked. */
  readonly trial: { readonly isOn: boolean }
}

const prefix = "demo-"
const demoGroup = `id=${prefix}* or demo=yes`

/** Adds a virtual fleet to a server, rolls firmware out to it, shows how that goes, and lets the fleet go on polling. */
export async function runDemo(server: RunningServer, options: DemoOptions): Promise<void> {
  const { data, signal } = options
  const api = client(server.url, server.token)
  const fleets = await readFleets()
  const said: OwnWord = new Map()
  const trial = { isOn: await wasTried(api, fleets) }
  const running = await Promise.all(fleets.map((fleet) => startFleet(api, fleet, { ...options, said, trial })))
  const count = running.reduce((sum, { devices }) => sum + devices.length, 0)
  printLines("", `A virtual fleet of ${count} devices asks this server as hardware would:`)
  for (const { fleet, devices } of running) {
    printLines(`  ${devices.length} x ${fleet.family} (${[...new Set(devices.map(({ model }) => model))].join(", ")})`)
  }
  const releases = (await Promise.all(fleets.map((fleet) => publishNews(api, fleet)))).flat()
  const succeeded = releases.length === 0 ? await alreadyThere() : await rollOut(api, releases, signal)
  if (!signal.aborted) await sayHowItIsKnown(api, said)
  printLines(
    "",
    succeeded ? "Every device runs its new firmware." : "Not every device runs its new firmware; see above.",
  )
  if (succeeded && releases.length > 0 && !signal.aborted) {
    await tellStory(api, running, { group: demoGroup, folder: data, signal, onTrial: () => (trial.isOn = true) })
  }
  printLines(
    "",
    `The API is at ${server.url}/api (description: ${server.url}/api/openapi.json); the token is in ${join(data, "admin-token")}.`,
    `Try: npx waft device list --data ${data}   npx waft events --data ${data} --follow`,
    "The server goes on; end it with Ctrl-C.",
  )
  await Promise.all(running.map(({ ended }) => ended))
}

/** Whether an earlier demo in this folder has published the next builds. */
async function wasTried(api: ApiClient, fleets: readonly DemoFleet[]): Promise<boolean> {
  const published = await api.list("listReleases", {})
  return fleets.some(({ family, trial }) =>
    published.some((release) => release.family === family && release.version === trial?.release?.version),
  )
}

interface Fleet {
  readonly fleet: DemoFleet
  readonly devices: readonly { readonly id: string; readonly model: string }[]
  readonly ended: Promise<void>
}

async function startFleet(
  api: ApiClient,
  fleet: DemoFleet,
  { data, network, signal, said, trial }: FleetOptions,
): Promise<Fleet> {
  const { family, models, variants, firmware } = fleet
  if (models !== undefined && variants !== undefined && firmware !== undefined) {
    const cards = { family, devices: fleet.devices, models, variants, firmware }
    const devices = await knownCardDevices(api, cards)
    const { listeners } = await api.call("health", {})
    const onVersion = ({ id }: CardDevice, version: string): void => void said.set(id, version)
    const state = join(data, "virtual")
    const server = hostPortOf(onThisMachine(listeners["device-tcp"]))
    const ended = untilOver(
      runCardModules({ fleet: cards, devices, network, server, state, speed: 100, signal, onVersion }),
      signal,
    )
    return { fleet, devices, ended }
  }
  const own = {
    family,
    prefix: `${prefix}${family}-`,
    state: join(data, "virtual"),
    ...(models === undefined ? {} : { model: models }),
  }
  const devices = await knownDevices(api, own, fleet.devices)
  const bricks = fleet.trial?.bricks
  const swarm = needsAgent(family)
    ? runModules({ family, devices, speed: 100, signal, onVersion: ({ id }, version) => said.set(id, version) })
    : runSwarm({
        family,
        devices,
        everyMs: parseDuration("every", fleet.every ?? "3s"),
        speed: 100,
        signal,
        faultOf: ({ model }) => (trial.isOn && model === bricks?.model ? bricks.fault : null),
        onContact: ({ id }, { running }) => said.set(id, running.version),
      })
  return { fleet, devices, ended: untilOver(swarm, signal) }
}

/** An endless run ends by the signal; any other end is a failure. */
function untilOver(run: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return run.then(
    () => undefined,
    (error: unknown) => (signal.aborted ? undefined : Promise.reject(error)),
  )
}

function alreadyThere(): Promise<boolean> {
  printLines("", "This fleet has got all demo firmware already; use a new --data folder to see it again.")
  return Promise.resolve(true)
}

async function rollOut(api: ApiClient, releaseIds: string[], signal: AbortSignal): Promise<boolean> {
  const body = { releaseIds, group: demoGroup, silenceTimeoutMs: 120_000 }
  const { id } = await api.call("startRollout", { body })
  printLines("", `Rollout ${id} started. What happens, as it happens:`)
  const rollout = await watchRollout(api, id, { signal })
  return rollout.state === "succeeded"
}

async function sayHowItIsKnown(api: ApiClient, said: OwnWord): Promise<void> {
  const devices = await api.list("listDevices", { query: { group: demoGroup } })
  printLines("", "What each device says that it runs, and what the server knows without asking it:", "")
  printTable(
    devices,
    [
      { title: "DEVICE", text: ({ id }) => id },
      { title: "MODEL", text: ({ model }) => model },
      { title: "ITSELF", text: ({ id }) => said.get(id) ?? "?" },
      { title: "SERVER", text: runningText },
      { title: "HOW THE SERVER KNOWS", text: ({ update }: DeviceView) => update?.sentence ?? "" },
    ],
    "No device.",
  )
}
