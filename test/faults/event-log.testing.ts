import { isMove } from "../../src/core/domain/events/move.ts"
import { expect } from "vitest"
import type { EventView } from "../../src/core/contract/schemas.ts"
import { type UpdateState, updateStates } from "../../src/core/domain/update.ts"
import type { Serving } from "../serving.ts"

/** The whole event log of a server. */
export function everyEvent({ api }: Serving): Promise<readonly EventView[]> {
  return api.list("listEvents", {})
}

const rank = Object.fromEntries(Object.keys(updateStates).map((state, i) => [state, i]))

/** Each event of an update begins in the state where the one before ended, and none leads back within an attempt. */
export function expectUnbroken(events: readonly EventView[]): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
  const last = new Map<string, { readonly state: UpdateState; readonly attempt: number }>()
  for (const { deviceId, rolloutId, kind, data } of events.filter(isMove)) {
    const update = `${rolloutId} ${deviceId}`
    const { from, to, attempt } = data
    const before = last.get(update) ?? { state: "waiting", attempt: 1 }
    expect(from, `${deviceId} ${kind}`).toBe(before.state)
    expect(attempt).toBeGreaterThanOrEqual(before.attempt)
    if (attempt === before.attempt) expect(rank[to], `${deviceId} ${kind}`).toBeGreaterThanOrEqual(rank[from] ?? 0)
    last.set(update, { state: to, attempt })
  }
  expect(new Set([...last.values()].map(({ state }) => state))).toEqual(new Set(["succeeded"]))
}
