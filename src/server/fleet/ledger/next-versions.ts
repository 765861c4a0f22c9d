import type { Change } from "../needs.ts"

/**
 * Changes with the version that each record has once they are durable: one more than it was read at. The store refuses the commit
 * when a record has another version by then (`StaleRecord`).
 */
export function nextVersions(changes: readonly Change[]): readonly Change[] {
  // A commit may save a record twice: the second time it is what the first made of it.
  const saved = new Map<string, number>()
  const next = (key: string, { version = 0 }: { readonly version?: number }): number => {
    const now = (saved.get(key) ?? version) + 1
    saved.set(key, now)
    return now
  }
  return changes.map((change): Change => {
    if ("doubt" in change) {
      for (const device of change.doubt) next(`device ${device.id}`, device)
      return change
    }
    if ("add" in change) return { ...change, device: { ...change.device, version: 1 } }
    if (!("put" in change)) return change
    switch (change.put) {
      case "device":
        return { ...change, device: { ...change.device, version: next(`device ${change.device.id}`, change.device) } }
      case "update":
        return { ...change, update: { ...change.update, version: next(`update ${change.update.id}`, change.update) } }
      case "rollout": {
        const { rollout } = change
        return { ...change, rollout: { ...rollout, version: next(`rollout ${rollout.id}`, rollout) } }
      }
      default:
        return change
    }
  })
}
