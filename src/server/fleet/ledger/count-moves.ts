import type { Update } from "../../../core/domain/records.ts"
import type { Entry } from "../../../core/rollout/book.ts"
import type { LiveFleet } from "../live-fleet.ts"
import { LiveRollout } from "../live-rollout.ts"
import { type Change, type Count, isBulk } from "../needs.ts"
import { endedAs } from "./apply.ts"

/** Updates that are counted at once: a few milliseconds. */
const sliceSize = 1000

/**
 * Changes, and what they do to the counters of rollouts: both become durable together. It yields where others may have their turn:
 * the devices of changes that are so many are locked.
 */
export function* withCounts(fleet: LiveFleet, changes: readonly Change[]): Generator<void, readonly Change[]> {
  const moves = new Moves(fleet, changes)
  for (const change of changes) {
    if (isBulk(change)) {
      if ("enrol" in change) yield* inSlices(change.enrol, (update) => moves.take(update))
      if ("end" in change) yield* inSlices(change.end, (update) => moves.take(endedAs(update, change.as)))
    } else if ("put" in change && change.put === "update") moves.take(change.update)
  }
  const counts = moves.counts()
  return counts.length === 0 ? changes : [...changes, { count: counts }]
}

function* inSlices(updates: readonly Update[], take: (update: Update) => void): Generator<void, void> {
  for (const [index, update] of updates.entries()) {
    if (index % sliceSize === sliceSize - 1) yield
    take(update)
  }
}

/** What a commit does to one rollout. */
interface Tallied {
  readonly rollout: LiveRollout
  /** Where devices were put last: one may move more than once in a commit. */
  readonly moved: Map<string, Entry>
  readonly phases: Partial<Record<Count["name"], number>>[]
}

class Moves {
  readonly #fleet: LiveFleet
  readonly #changes: readonly Change[]
  readonly #rollouts = new Map<string, Tallied | null>()

  constructor(fleet: LiveFleet, changes: readonly Change[]) {
    this.#fleet = fleet
    this.#changes = changes
  }

  /** A device's newest update of a rollout, as it is after the commit. */
  take(update: Update): void {
    const { rolloutId, deviceId } = update
    const known = this.#rollouts.get(rolloutId)
    const tallied = known === undefined ? this.#begin(rolloutId) : known
    if (tallied === null) return
    const { rollout, moved, phases } = tallied
    const before = moved.get(deviceId) ?? rollout.entryOf(deviceId)
    const after = rollout.entryFor(update, this.#fleet.factsOf(update))
    moved.set(deviceId, after)
    if (before !== null) add(phases, before, -1)
    add(phases, after, 1)
  }

  counts(): readonly Count[] {
    return [...this.#rollouts].flatMap(([rolloutId, tallied]) =>
      (tallied?.phases ?? []).flatMap((sums, phase) =>
        Object.entries(sums).flatMap(([name, by]) =>
          by === 0 ? [] : [{ rolloutId, phase, name: name as Count["name"], by }],
        ),
      ),
    )
  }

  #begin(rolloutId: string): Tallied | null {
    const rollout = this.#fleet.rollouts.get(rolloutId) ?? this.#madeHere(rolloutId)
    const tallied = rollout === null ? null : { rollout, moved: new Map<string, Entry>(), phases: [] }
    this.#rollouts.set(rolloutId, tallied)
    return tallied
  }

  /** A rollout that this commit makes. */
  #madeHere(rolloutId: string): LiveRollout | null {
    const found = this.#changes.find(
      (change): change is Extract<Change, { readonly put: "rollout" }> =>
        "put" in change && change.put === "rollout" && change.rollout.id === rolloutId,
    )
    return found === undefined ? null : new LiveRollout(found.rollout)
  }
}

function add(phases: Tallied["phases"], { phase, state, offers = 0, spent }: Entry, sign: 1 | -1): void {
  const sums = (phases[phase] ??= {})
  sums[state] = (sums[state] ?? 0) + sign
  if (offers !== 0) sums.offers = (sums.offers ?? 0) + sign * offers
  if (spent === undefined) return
  if (spent.bytes !== 0) sums.bytes = (sums.bytes ?? 0) + sign * spent.bytes
  if (spent.sms !== 0) sums.sms = (sums.sms ?? 0) + sign * spent.sms
  if (spent.money !== 0) sums.money = (sums.money ?? 0) + sign * spent.money
}
