import { makePatch } from "../core/delta/index.ts"
import { familyById } from "../core/families/index.ts"
import type { ReleaseView } from "../core/contract/schemas.ts"
import type { ApiClient } from "./api-client.ts"
import { Failure } from "./failure.ts"
import { printLines, sizeText } from "./output.ts"

/** The firmware that each model of a family's modules goes through, the oldest first: it comes with that from the factory. */
export type DemoFirmware = Readonly<Record<string, readonly string[]>>

/**
 * Publishes the packages between neighbouring firmwares of each model, made by our own delta engine; gives the releases
 * that lead to the newest, one a model. None where they were published before.
 */
export async function publishPackages(
  api: ApiClient,
  family: string,
  firmware: DemoFirmware,
  tell: (line: string) => void = printLines,
): Promise<readonly string[]> {
  const published = await api.list("listReleases", { query: { family } })
  const targets: string[] = []
  for (const [model, names] of Object.entries(firmware)) {
    if (published.some(({ version, models }) => version === names.at(-1) && models.includes(model))) continue
    const made: ReleaseView[] = []
    for (const [i, to] of names.entries()) {
      const from = names[i - 1]
      if (from !== undefined) made.push(await publishPackage(api, family, { model, from, to }))
    }
    const sizes = made.map(({ sizeBytes }) => sizeText(sizeBytes)).join(" and ")
    tell(`Published the way of ${model} from ${names.join(" over ")}: deltas of ${sizes}.`)
    const last = made.at(-1)
    if (last !== undefined) targets.push(last.id)
  }
  return targets
}

/** Publishes the packages from one firmware of each model to another and back again; gives the releases of the way there. */
export async function publishThereAndBack(
  api: ApiClient,
  family: string,
  firmware: Readonly<Record<string, readonly [from: string, to: string]>>,
): Promise<readonly string[]> {
  const targets: string[] = []
  for (const [model, [from, to]] of Object.entries(firmware)) {
    const there = await publishPackage(api, family, { model, from, to })
    const back = await publishPackage(api, family, { model, from: to, to: from })
    printLines(
      `Published ${model} from ${from} to ${to} and back: deltas of ${sizeText(there.sizeBytes)} and ${sizeText(back.sizeBytes)}.`,
    )
    targets.push(there.id)
  }
  return targets
}

interface Hop {
  readonly model: string
  readonly from: string
  readonly to: string
}

function publishPackage(api: ApiClient, family: string, { model, from, to }: Hop): Promise<ReleaseView> {
  const [oldBytes, newBytes] = [from, to].map((version) => invent(family, { model, version })) as [
    Uint8Array,
    Uint8Array,
  ]
  const { patch } = makePatch(oldBytes, newBytes, { profile: "mcu", sectorSize: 4096 })
  return api.call("publishRelease", {
    query: { family, fileName: `${from}-${to}.wfd`, version: to, models: model, options: JSON.stringify({ from }) },
    body: patch,
  })
}

function invent(family: string, options: Readonly<Record<string, string>>): Uint8Array {
  const made = familyById(family)?.imageTool?.invent?.(options)
  if (made?.ok === true) return made.bytes
  throw new Failure(`No firmware of ${family} can be made: ${made?.faults[0]?.sentence ?? "it has no tool for that"}`)
}
