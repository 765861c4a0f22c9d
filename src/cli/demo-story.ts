import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { DeviceView, RolloutView } from "../core/contract/schemas.ts"
import { isEnded } from "../core/domain/events/fold.ts"
import type { ApiClient } from "./api-client.ts"
import { publishThereAndBack } from "./demo-modules.ts"
import { printLines, printTable } from "./output.ts"
import { showRehearsal } from "./rehearse.ts"
import { publishFile } from "./release.ts"
import { showRollout } from "./rollout.ts"
import { watchRollout } from "./watch-rollout.ts"

/** A program of the demo, as `waft release publish` takes it. */
export interface DemoRelease {
  readonly file: string
  readonly version: string
  readonly options?: Readonly<Record<string, string>>
}

/** A family's next build: a program, or packages there and back for each model. */
export interface DemoTrial {
  readonly release?: DemoRelease
  readonly firmware?: Readonly<Record<string, readonly [from: string, to: string]>>
  /** The model that the build is bad for, and what goes wrong on it. */
  readonly bricks?: { readonly model: string; readonly fault: string }
}

/** A family's part in the story. */
export interface StoryFleet {
  readonly fleet: { readonly family: string; readonly folder: string; readonly trial?: DemoTrial }
  readonly devices: readonly { readonly id: string; readonly model: string }[]
}

export interface StoryOptions {
  /** The demo's devices. */
  readonly group: string
  /** Where the plan is written. */
  readonly folder: string
  readonly signal: AbortSignal
  /** The devices that the trial's build is bad for are bricked by it from now on. */
  readonly onTrial: () => void
}

/**
 * The next build of every family goes to a few devices first. It is bad for one model, whose devices are never heard of
 * again: the rollout stops itself, and one command takes it back.
 */
export async function tellStory(api: ApiClient, fleets: readonly StoryFleet[], options: StoryOptions): Promise<void> {
  const { folder, signal } = options
  printLines("", "The next build of every family: a few devices of each model try it out before the others.")
  const releases = (await Promise.all(fleets.map((one) => publishTrial(api, one)))).flat()
  if (releases.length === 0) return
  const file = join(folder, "demo-plan.yaml")
  const plan = planText(releases, fleets, options)
  await writeFile(file, plan)
  printLines("", ...plan.trimEnd().split("\n"), "", `$ waft rehearse ${file}`)
  // The demo's devices come every three seconds, too often for a rhythm that is learned.
  showRehearsal(await api.call("rehearsePlan", { body: { plan, rhythmMs: 3000, horizonMs: 3_600_000 } }))
  options.onTrial()
  const { id } = await api.call("startRollout", { body: { plan } })
  printLines("", `$ waft rollout start --plan ${file} --watch`)
  const until = ({ state }: { readonly state: string }): boolean => state === "paused"
  const stopped = await watchRollout(api, id, { signal, until })
  if (signal.aborted) return
  if (stopped.state !== "paused") return showRollout(stopped)
  const back = await api.call("rollBackRollout", { params: { id } })
  printLines("", `$ waft rollout roll-back ${id}`)
  if (!isEnded(back)) await watchRollout(api, back.id, { signal })
  if (!signal.aborted) await showEnd(api, options.group, [id, back.id])
}

async function publishTrial(api: ApiClient, { fleet }: StoryFleet): Promise<readonly string[]> {
  const { family, folder, trial } = fleet
  if (trial?.firmware !== undefined) return publishThereAndBack(api, family, trial.firmware)
  if (trial?.release === undefined) return []
  const { file, version, options = {} } = trial.release
  const set = Object.entries(options).map(([key, value]) => `${key}=${value}`)
  const release = await publishFile(api, join(folder, file), { family, version, set })
  printLines(`Published ${file} as ${release.id}: ${family} version ${version}.`)
  return [release.id]
}

/** One device of each model, and of the model that will not survive it all but one. */
function canaries({ fleet, devices }: StoryFleet): readonly string[] {
  const models = [...new Set(devices.map(({ model }) => model))]
  return models.flatMap((model) => {
    const all = devices.filter((device) => device.model === model).map(({ id }) => id)
    return fleet.trial?.bricks?.model === model ? all.slice(0, -1) : all.slice(0, 1)
  })
}

function planText(releases: readonly string[], fleets: readonly StoryFleet[], { group }: StoryOptions): string {
  const first = fleets.flatMap(canaries)
  // Two may fall silent, the third is one too many.
  const percent = Math.floor(250 / first.length)
  const impatient = fleets.flatMap(({ fleet: { family, trial } }) => (trial?.bricks === undefined ? [] : [family]))
  return `name: the next build of every family
releases: [${releases.join(", ")}]
group: "${group}"
phases:
  - name: canary
    group: "id in (${first.join(", ")})"
    no-show-at-most: ${percent}
  - name: everybody else
    rest: true
silence:
  default: 2m
  families: { ${impatient.map((family) => `${family}: 15s`).join(", ")} }
`
}

async function showEnd(api: ApiClient, group: string, ids: readonly string[]): Promise<void> {
  const devices = await api.list("listDevices", { query: { group } })
  printLines("", "Every device in one sentence:", "")
  printTable(
    devices,
    [
      { title: "DEVICE", text: ({ id }) => id },
      { title: "MODEL", text: ({ model }) => model },
      { title: "WHY", text: ({ update, explain }: DeviceView) => update?.sentence ?? explain },
    ],
    "No device.",
  )
  for (const id of ids) {
    const rollout: RolloutView = await api.call("showRollout", { params: { id } })
    printLines("", `$ waft rollout show ${id}`)
    showRollout(rollout)
  }
}
