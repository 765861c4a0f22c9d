import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { ApiClient } from "./api-client.ts"
import { type DemoFirmware, publishPackages } from "./demo-modules.ts"
import type { DemoRelease, DemoTrial } from "./demo-story.ts"
import { printLines } from "./output.ts"
import { publishFile } from "./release.ts"

/** One family's part of the demo: `demo/FAMILY/fleet.json`. */
export interface DemoFleet {
  readonly family: string
  readonly folder: string
  /** Its update language in a few words. */
  readonly speaks?: string
  readonly devices: number
  /** Their models in turn; absent = every model of the family. */
  readonly models?: readonly string[]
  /** Models whose updates end soonest, for whoever waits for them; absent = all alike. */
  readonly quickModels?: readonly string[]
  /** Time between two contacts of a device that polls. */
  readonly every?: string
  /** In order; each demo run rolls out the first that is news to the fleet. */
  readonly releases?: readonly DemoRelease[]
  /** Modules with a host beside each: the firmware that each model goes through. */
  readonly firmware?: DemoFirmware
  /** Modules with a SIM card: the variant of their protocol, in turn. */
  readonly variants?: readonly string[]
  /** The next build, which the demo tries out on a few of the devices. */
  readonly trial?: DemoTrial
}

/** Every family that has a part in the demo. */
export async function readFleets(): Promise<readonly DemoFleet[]> {
  const demo = fileURLToPath(new URL("../../demo", import.meta.url))
  const families = (await readdir(demo, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  return Promise.all(
    families.map(async ({ name }) => {
      const folder = join(demo, name)
      const fleet = JSON.parse(await readFile(join(folder, "fleet.json"), "utf8")) as Omit<
        DemoFleet,
        "family" | "folder"
      >
      return { ...fleet, family: name, folder }
    }),
  )
}

/** Publishes the first release that is newer than what the fleet has got; none when it has them all. */
export async function publishNews(
  api: ApiClient,
  fleet: DemoFleet,
  tell: (line: string) => void = printLines,
): Promise<readonly string[]> {
  if (fleet.firmware !== undefined) return publishPackages(api, fleet.family, fleet.firmware, tell)
  const published = await api.list("listReleases", { query: { family: fleet.family } })
  const news = fleet.releases?.find(({ version }) => !published.some((release) => release.version === version))
  if (news === undefined) return []
  const release = await publishFile(api, join(fleet.folder, news.file), {
    family: fleet.family,
    version: news.version,
    set: Object.entries(news.options ?? {}).map(([key, value]) => `${key}=${value}`),
  })
  tell(`Published ${news.file} as ${release.id}: ${release.family} version ${release.version}.`)
  return [release.id]
}
