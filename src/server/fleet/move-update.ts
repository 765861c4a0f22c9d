import type { Evidence } from "../../core/domain/evidence.ts"
import type { Update } from "../../core/domain/records.ts"
import { mayHaveImage } from "../../core/domain/pull-state.ts"
import { advance, type UpdateState } from "../../core/domain/update.ts"
import { eventOf } from "./commit.ts"
import type { Change } from "./needs.ts"

export interface Move {
  readonly update: Update
  readonly changes: readonly Change[]
}

/** What a device does once it has begun: it may run something else afterwards. */
const begun: ReadonlySet<UpdateState> = new Set(["downloading", "downloaded", "installing"])

/** Applies evidence to an update: the update as it is then, and the events that tell of it. Saves nothing. */
export function moveUpdate(update: Update, evidence: readonly Evidence[], cameFrom: UpdateState | null = null): Move {
  let { progress } = update
  let { hasBegun } = update.place
  const changes: Change[] = []
  for (const one of evidence) {
    const next = advance(progress, one)
    if (next === null) continue
    changes.push(
      eventOf({
        at: one.at,
        kind: `update.${one.kind}`,
        deviceId: update.deviceId,
        rolloutId: update.rolloutId,
        releaseId: update.releaseId,
        basis: one.basis,
        sentence: one.sentence,
        data: {
          from: progress === update.progress ? (cameFrom ?? progress.state) : progress.state,
          to: next.state,
          attempt: next.attempt,
          ...(one.code === undefined ? {} : { code: one.code }),
          ...(one.raw === undefined ? {} : { raw: one.raw }),
        },
      }),
    )
    progress = next
    if (begun.has(next.state)) hasBegun = true
  }
  if (progress === update.progress) return { update, changes }
  return { update: { ...update, progress, place: { ...update.place, hasBegun } }, changes }
}

const mayHave: ReadonlySet<UpdateState> = new Set(["downloading", "downloaded", "installing"])

/**
 * Whether an update that ends as it stands leaves a device of which nobody can say what it runs: it has begun to fetch, or has
 * all of the image and was silent since.
 */
export function mayRunOther({ progress, pull }: Update): boolean {
  return mayHave.has(progress.state) || (progress.state !== "succeeded" && mayHaveImage(pull))
}
