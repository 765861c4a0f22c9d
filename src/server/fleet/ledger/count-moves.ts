import type { Rollout, Update } from "../../../core/domain/records.ts"
import type { Entry } from "../../../core/rollout/book.ts"
import type { LiveFleet } from "../live-fleet.ts"
import { LiveRollout } from "../live-rollout.ts"
import { type Change, type Count, isBulk } from "../needs.ts"
import { endedAs } from "./apply.ts"

/** Changes, and what they do to the counters of rollouts: both become durable together. */
export function withCounts(fleet: LiveFleet, changes: readonly Change[]): readonly Change[] {
  const moves = new Moves(fleet, changes)
  for (const change of changes) {
    if (isBulk(change)) {
      if ("enrol" in change) for (const update of change.enrol) moves.take(update)
      if ("end" in change) for (const update of change.end) moves.take(endedAs(update, change.as))
    } else if ("put" in change && change.put === "update") moves.take(change.update)
  }
  const counts = moves.counts()
  return counts.length === 0 ? changes : [...changes, { count: counts }]
}

class Moves {
  readonly #fleet: LiveFleet
  readonly #changes: readonly Change[]
  /** Rollouts that this commit makes. */
  readonly #made = new Map<string, LiveRollout | null>()
  /** Devices that move more than once in this commit, and where they were put last. */
  readonly #moved = new Map<string, Entry>()
  readonly #sums = new Map<string, Count & { by: number }>()

  constructor(fleet: LiveFleet, changes: readonly Change[]) {
    this.#fleet = fleet
    this.#changes = changes
  }

  /** A device's newest update of a rollout, as it is after the commit. */
  take(update: Update): void {
    const { rolloutId, deviceId } = update
    const rollout = this.#fleet.rollouts.get(rolloutId) ?? this.#madeHere(rolloutId)
    if (rollout === null) return
    const key = `${rolloutId}/${deviceId}`
    const before = this.#moved.get(key) ?? rollout.entryOf(deviceId)
    const after = rollout.entryFor(update, this.#fleet.factsOf(update))
    this.#moved.set(key, after)
    if (before === after) return
    if (before !== null) this.#add(rolloutId, before, -1)
    this.#add(rolloutId, after, 1)
  }

  counts(): readonly Count[] {
    return [...this.#sums.values()].filter(({ by }) => by !== 0)
  }

  #add(rolloutId: string, { phase, state, offers = 0, spent }: Entry, sign: 1 | -1): void {
    const sum = (name: Count["name"], by: number): void => {
      if (by === 0) return
      const key = `${rolloutId} ${phase} ${name}`
      const known = this.#sums.get(key)
      if (known === undefined) this.#sums.set(key, { rolloutId, phase, name, by })
      else known.by += by
    }
    sum(state, sign)
    sum("offers", sign * offers)
    if (spent === undefined) return
    sum("bytes", sign * spent.bytes)
    sum("sms", sign * spent.sms)
    sum("money", sign * spent.money)
  }

  #madeHere(rolloutId: string): LiveRollout | null {
    const known = this.#made.get(rolloutId)
    if (known !== undefined) return known
    const found = this.#changes.find(
      (change): change is Extract<Change, { readonly put: "rollout" }> =>
        "put" in change && change.put === "rollout" && change.rollout.id === rolloutId,
    )
    const rollout: Rollout | undefined = found?.rollout
    const made = rollout === undefined ? null : new LiveRollout(rollout)
    this.#made.set(rolloutId, made)
    return made
  }
}
