import type { UpdateView } from "../../core/contract/schemas.ts"
import type { UpdateState } from "../../core/domain/update.ts"

/** Devices that are not done for the same reason. */
export interface Cause {
  readonly state: UpdateState
  readonly sentence: string
  readonly count: number
  readonly example: string
}

/** Updates that have not succeeded, grouped by state and sentence, the largest group first. */
export function causesOf(updates: readonly UpdateView[]): readonly Cause[] {
  const causes = new Map<string, { state: UpdateState; sentence: string; count: number; example: string }>()
  for (const { state, sentence, deviceId } of updates) {
    if (state === "succeeded" || state === "superseded") continue
    const key = `${state} ${sentence}`
    const cause = causes.get(key)
    if (cause === undefined) causes.set(key, { state, sentence, count: 1, example: deviceId })
    else cause.count += 1
  }
  return [...causes.values()].sort((a, b) => b.count - a.count)
}
