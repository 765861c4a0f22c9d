import { benches, partners, upload, versionOf } from "../../src/core/families/contract-samples.testing.ts"
import type { Family } from "../../src/core/families/family.ts"
import { AgentTrouble } from "../../src/agent/wrong-use.ts"
import { FleetBench } from "../contract/fleet-bench.ts"
import { numbersFrom } from "./run.testing.ts"

/** Models whose updates the server orders, or whose devices say themselves how they ended, and gateways that say nothing. */
export const orderedModels: readonly { readonly family: Family; readonly model: string }[] = benches.filter(
  ({ family }) =>
    !Number.isFinite(family.pull.quietContacts.whole) ||
    family.http?.routes.some(({ bodyBytes }) => bodyBytes !== undefined),
)

export interface OrderedPlan {
  readonly family: Family
  readonly model: string
  /** Faults of the first contacts; those that follow are sound. */
  readonly faults: readonly string[]
  /** Contacts after which the server is killed and started again. */
  readonly restartsAfter?: readonly number[]
}

/** What one run came to. */
export interface OrderedRun {
  readonly end: string
  /** The server said so once, while the device ran another version. */
  readonly falseSuccess: boolean
  /** What was known of the device, and not marked as unknown, was once not so. */
  readonly falseRecord: boolean
  /** It says that the update failed while the device runs the release. */
  readonly falseFailure: boolean
  readonly story: readonly string[]
}

const mostContacts = 14
const twoHours = 2 * 3_600_000
const over: ReadonlySet<string> = new Set(["succeeded", "failed", "declined", "cancelled", "superseded"])

/** Faults of a model, without `none`. */
export function faultNames({ family, model }: Pick<OrderedPlan, "family" | "model">): readonly string[] {
  return family.device.faults
    .filter((row) => (row.model === model || row.model === "any") && row.fault !== "none")
    .map(({ fault }) => fault)
}

/** One virtual device against the real fleet and its gateways, fault after fault. */
export async function runOrdered({ family, model, faults, restartsAfter = [] }: OrderedPlan): Promise<OrderedRun> {
  const release = versionOf(family.id, 2)
  const parts = { family, device: family.device, model, firmware: versionOf(family.id, 1) }
  const bench = await FleetBench.start({ ...parts, partner: partners[family.id] })
  await bench.rollOut(upload(family.id, 2, model))
  const story: string[] = []
  let falseSuccess = false
  let falseRecord = false
  let end = "none"
  for (let contact = 0; contact < mostContacts && (contact < faults.length || !over.has(end)); contact++) {
    const fault = faults[contact] ?? null
    bench.powerOff()
    await bench.contact(fault).catch((error: unknown) => {
      // A module that does not answer is no news to the server.
      if (!(error instanceof AgentTrouble)) throw error
    })
    await bench.pass(twoHours)
    end = (await bench.update())?.progress.state ?? "none"
    const { running } = bench.live.device
    story.push(
      `${fault ?? "sound"}: runs ${bench.running}; the server: ${end}, ${running.version} (${running.evidence})`,
    )
    falseSuccess ||= end === "succeeded" && bench.running !== release
    const isSaid = running.evidence === "reported" || running.evidence === "concluded"
    falseRecord ||= isSaid && running.version !== bench.running
    if (restartsAfter.includes(contact)) {
      story.push("the server is killed and started again")
      await bench.restart()
    }
  }
  return { end, falseSuccess, falseRecord, falseFailure: end === "failed" && bench.running === release, story }
}

/** The plan of a seed: one to three faults, and perhaps a restart after one of them. */
export function orderedPlan(of: Pick<OrderedPlan, "family" | "model">, seed: number): OrderedPlan {
  const random = numbersFrom(seed)
  const names = faultNames(of)
  const faults = Array.from({ length: 1 + (seed % 3) }, () => names[Math.floor(random() * names.length)] ?? "none")
  return { ...of, faults, restartsAfter: random() < 0.5 ? [Math.floor(random() * 3)] : [] }
}
