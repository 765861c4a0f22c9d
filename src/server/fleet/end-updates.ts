import type { Device, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { isOver, type LiveDevice, tally } from "./live-fleet.ts"
import type { LiveRollout } from "./live-rollout.ts"
import { mayRunOther } from "./move-update.ts"
import type { Change, Ending } from "./needs.ts"

/** Devices that are looked at without a breath. */
const sliceSize = 1000

/** How updates end that are ended for their devices. */
export interface EndWords {
  readonly state: Ending["state"]
  readonly at: number
  /** Of a device that has begun to fetch, or may have the image, and of one that has not. */
  readonly sentence: (update: Update, mayRun: boolean) => string
}

/** Ends the open updates of devices that are locked: one statement for all that end with the same words. */
export function endingChanges(
  ended: readonly { readonly live: LiveDevice; readonly update: Update }[],
  { state, at, sentence }: EndWords,
): readonly Change[] {
  const bySentence = new Map<string, Update[]>()
  const doubted: Device[] = []
  for (const { live, update } of ended) {
    const mayRun = mayRunOther(update)
    const words = sentence(update, mayRun)
    const alike = bySentence.get(words)
    if (alike === undefined) bySentence.set(words, [update])
    else alike.push(update)
    if (mayRun && live.device.running.evidence !== "unknown") doubted.push(live.device)
  }
  const endings = [...bySentence].map(([words, end]): Change => ({ end, as: { state, since: at, sentence: words } }))
  return doubted.length === 0 ? endings : [...endings, { doubt: doubted }]
}

/** The open updates of a rollout's devices, of one release or of all. */
export async function openUpdates(
  { clock }: Pick<FleetNeeds, "clock">,
  { rollout }: LiveRollout,
  devices: readonly LiveDevice[],
  releaseId: string | null,
): Promise<readonly { readonly live: LiveDevice; readonly update: Update }[]> {
  const open: { readonly live: LiveDevice; readonly update: Update }[] = []
  for (const [index, live] of devices.entries()) {
    if (index % sliceSize === sliceSize - 1) await clock.breathe()
    const { update } = live
    if (update === null || update.rolloutId !== rollout.id || isOver(update)) continue
    if (releaseId === null || update.releaseId === releaseId) open.push({ live, update })
  }
  return open
}

/** A rollout's devices by state once these updates have ended. */
export function countsAfter(
  live: LiveRollout,
  ended: readonly { readonly update: Update }[],
  to: Ending["state"],
): Partial<Record<UpdateState, number>> {
  const counts = tally(live)
  for (const { update } of ended) {
    const { state } = update.progress
    const left = (counts[state] ?? 0) - 1
    if (left > 0) counts[state] = left
    else delete counts[state]
  }
  return ended.length === 0 ? counts : { ...counts, [to]: (counts[to] ?? 0) + ended.length }
}
