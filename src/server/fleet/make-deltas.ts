import { type Actor, engine } from "../../core/domain/actor.ts"
import type { DeltaRecord, Release } from "../../core/domain/records.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { commit, eventOf } from "./commit.ts"
import { type DeltaPair, deltaPairs } from "./delta-pairs.ts"
import { releaseById } from "./find-release.ts"
import type { FleetNeeds, OnBehalf } from "./fleet-needs.ts"
import { improveOffers } from "./improve-offers.ts"
import { isLive } from "./live-fleet.ts"
import type { Change, DeltaMaker, DeltaProgress, Images } from "./needs.ts"

export type DeltaNeeds = Pick<FleetNeeds, "clock" | "store" | "images" | "live" | "events" | "families"> & {
  readonly deltaMaker: DeltaMaker
  /** Reports what went wrong where nobody waits for an answer. */
  readonly complain: (what: string, error: unknown) => void
}

/**
 * Makes patches in the background: after a publication, when a rollout starts, and at once for what an earlier run of this
 * server left undone. Nobody waits for a patch: what is there when an offer is made is taken, and an offer that no device
 * has begun to fetch is improved when its patch is ready. Returns what ends it.
 */
export function watchForDeltas(needs: DeltaNeeds): () => void {
  const begin = (releaseIds: Iterable<string>): void => {
    for (const id of releaseIds) {
      const release = needs.live.releases.get(id)
      if (release === undefined) continue
      makeDeltas(needs, release).catch((error: unknown) => needs.complain(`patches to ${id} were not made`, error))
    }
  }
  begin(leftUndone(needs))
  return needs.events.listen(({ kind, releaseId, rolloutId }) => {
    if (kind === "release.published" && releaseId !== null) begin([releaseId])
    if (kind === "rollout.started" && rolloutId !== null) {
      begin(needs.live.rollouts.get(rolloutId)?.rollout.releaseIds ?? [])
    }
  })
}

/** What is being rolled out, and each family's newest release. */
function leftUndone({ live }: DeltaNeeds): ReadonlySet<string> {
  const newest = new Map<string, Release>()
  for (const release of live.releases.values()) {
    const known = newest.get(release.family)
    if (release.state === "active" && (known === undefined || known.publishedAt <= release.publishedAt)) {
      newest.set(release.family, release)
    }
  }
  const rolledOut = [...live.rollouts.values()].filter(({ rollout }) => isLive(rollout.state))
  return new Set([
    ...rolledOut.flatMap(({ rollout }) => rollout.releaseIds),
    ...[...newest.values()].map(({ id }) => id),
  ])
}

/** Makes every patch to a release that is worth making and not known yet. */
export async function makeDeltas(needs: DeltaNeeds, to: Release): Promise<void> {
  const open = deltaPairs(needs, to).filter(
    ({ key }) => !needs.live.deltas.has(key) && needs.deltaMaker.progress(key) === null,
  )
  await Promise.all(open.map((pair) => makeDelta(needs, pair)))
}

async function makeDelta(needs: DeltaNeeds, pair: DeltaPair): Promise<void> {
  const { clock, deltaMaker, images } = needs
  const { key, from, to, recipe } = pair
  let startedAt = clock.monotonic()
  const patch = await deltaMaker.make({
    key,
    recipe,
    imageBytes: from.image.sizeBytes + to.image.sizeBytes,
    readImages: async () => {
      startedAt = clock.monotonic()
      return { oldBytes: await readWhole(images, from), newBytes: await readWhole(images, to) }
    },
  })
  const progress = deltaMaker.progress(key)
  if (progress === null || !(progress.state in outcomes)) return
  const state = progress.state as keyof typeof outcomes
  const tookMs = Math.round(clock.monotonic() - startedAt)
  const event = eventOf({
    at: clock.now(),
    kind: `delta.${state}`,
    releaseId: to.id,
    sentence: outcomes[state](pair, progress),
    data: { fromReleaseId: from.id, fromVersion: from.version, toVersion: to.version, tookMs },
  })
  // A failed one is not recorded: the next start of the server tries it again.
  if (state === "failed") return void (await commit(needs, engine, [event]))
  const file = patch === null ? null : await images.put(patch)
  await record(needs, pair, { state: file === null ? "no-gain" : "done", patch: file, tookMs }, [event])
  deltaMaker.forget(key)
  if (file !== null) await improveOffers(needs, to)
}

/** What an operator reads of a patch that is over. */
const outcomes = {
  done: ({ from, to, devices }: DeltaPair, { patchBytes = 0 }: DeltaProgress): string =>
    `A patch from version ${from.version} to ${to.version} was made: ${patchBytes} bytes instead of ${to.image.sizeBytes}, for ${devices} devices.`,
  "no-gain": ({ from, to }: DeltaPair, { patchBytes = 0 }: DeltaProgress): string =>
    `A patch from version ${from.version} to ${to.version} would have ${patchBytes} bytes, the image has ${to.image.sizeBytes}: the image is offered, and the patch not tried again.`,
  failed: ({ from, to }: DeltaPair, { error = "" }: DeltaProgress): string =>
    `The patch from version ${from.version} to ${to.version} could not be made (${error}); the image is offered.`,
} as const

async function readWhole(images: Images, { image }: Release): Promise<Uint8Array> {
  const hold = await images.open(image)
  try {
    return Uint8Array.from(await hold.read(0, hold.sizeBytes))
  } finally {
    hold.release()
  }
}

async function record(
  needs: DeltaNeeds,
  { key, from, to }: DeltaPair,
  outcome: Pick<DeltaRecord, "state" | "patch" | "tookMs">,
  more: readonly Change[],
  actor: Actor = engine,
): Promise<void> {
  const at = needs.clock.now()
  const delta: DeltaRecord = { key, fromSha256: from.image.sha256, toSha256: to.image.sha256, at, ...outcome }
  const image: readonly Change[] = delta.patch === null ? [] : [{ put: "image", image: delta.patch }]
  await commit(needs, actor, [...image, { put: "delta", delta }, ...more])
}

/** One patch to a release, as the operator sees it. */
export interface DeltaStanding extends DeltaPair {
  readonly state: DeltaProgress["state"]
  readonly progress: number
  /** Null until it is known. */
  readonly patchBytes: number | null
  readonly tookMs: number | null
  readonly error: string | null
}

/** A patch that is made counts as running until it is kept: a server killed now would make it again. */
const notYetKept = {
  waiting: "waiting",
  running: "running",
  done: "running",
  "no-gain": "running",
  failed: "failed",
  cancelled: "cancelled",
} as const

/** All patches of a release: made, given up, in the making. Refuses `no-such-release`. */
export function deltasOf(needs: Pick<DeltaNeeds, "live" | "families" | "deltaMaker">, releaseId: string) {
  return deltaPairs(needs, releaseById(needs, releaseId)).map((pair): DeltaStanding => {
    const making = needs.deltaMaker.progress(pair.key)
    const known = making === null ? needs.live.deltas.get(pair.key) : undefined
    return {
      ...pair,
      state: making === null ? (known?.state ?? "waiting") : notYetKept[making.state],
      progress: making?.progress ?? (known === undefined ? 0 : 1),
      patchBytes: making?.patchBytes ?? known?.patch?.sizeBytes ?? null,
      tookMs: known?.tookMs ?? null,
      error: making?.error ?? null,
    }
  })
}

/** Gives a patch up for good, until it is ordered again. Refuses `no-such-delta`, and `delta-over` when it is made. */
export async function cancelDelta(needs: DeltaNeeds & OnBehalf, releaseId: string, fromId: string): Promise<void> {
  const pair = pairBetween(needs, releaseId, fromId)
  if (needs.live.deltas.get(pair.key)?.state === "cancelled") return
  if (needs.live.deltas.has(pair.key)) throw new Refusal("delta-over", { release: releaseId, from: fromId })
  const { from, to } = pair
  const sentence = `The patch from version ${from.version} to ${to.version} was cancelled; the image is offered.`
  const event = eventOf({ at: needs.clock.now(), kind: "delta.cancelled", releaseId, sentence })
  await record(needs, pair, { state: "cancelled", patch: null, tookMs: 0 }, [event], needs.actor)
  await needs.deltaMaker.cancel(pair.key)
  needs.deltaMaker.forget(pair.key)
}

/** Has a patch made that was cancelled, failed, or could not gain. Refuses `no-such-delta`. */
export function orderDelta(needs: DeltaNeeds, releaseId: string, fromId: string): void {
  const pair = pairBetween(needs, releaseId, fromId)
  if (needs.live.deltas.get(pair.key)?.state === "done") return
  needs.deltaMaker.forget(pair.key)
  if (needs.deltaMaker.progress(pair.key) !== null) return
  makeDelta(needs, pair).catch((error: unknown) => needs.complain(`a patch to ${releaseId} was not made`, error))
}

function pairBetween(needs: DeltaNeeds, releaseId: string, fromId: string): DeltaPair {
  const pair = deltaPairs(needs, releaseById(needs, releaseId)).find(({ from }) => from.id === fromId)
  if (pair === undefined) throw new Refusal("no-such-delta", { release: releaseId, from: fromId })
  return pair
}
