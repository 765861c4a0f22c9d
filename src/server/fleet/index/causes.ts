import type { Update } from "../../../core/domain/records.ts"
import type { UpdateState } from "../../../core/domain/update.ts"

/** Devices of a rollout that are not done for the same reason. */
export interface Cause {
  readonly state: UpdateState
  readonly code: string | null
  readonly sentence: string
  /** Their ids, in the order in which they came. */
  readonly devices: ReadonlySet<string>
  /** How many of each model. */
  readonly models: ReadonlyMap<string, number>
}

interface OpenCause extends Cause {
  readonly devices: Set<string>
  readonly models: Map<string, number>
}

const done: ReadonlySet<UpdateState> = new Set(["succeeded", "superseded", "waiting"])
/** Reasons that are told apart; further ones of a state count as one. */
const mostCauses = 200

/** Why a rollout's devices are not done, kept true by each change of an update. What still waits is no cause. */
export class Causes {
  readonly #causes = new Map<string, OpenCause>()
  readonly #byDevice = new Map<string, { readonly cause: OpenCause; readonly model: string }>()

  all(): Iterable<Cause> {
    return this.#causes.values()
  }

  note({ deviceId, progress }: Pick<Update, "deviceId" | "progress">, model: string): void {
    const { state, code, sentence } = progress
    const before = this.#byDevice.get(deviceId)?.cause
    if (before?.state === state && before.code === code && before.sentence === sentence) return
    this.forget(deviceId)
    if (done.has(state)) return
    const known = this.#causes.get(keyOf({ state, code, sentence }))
    const own = { state, code, sentence }
    const merged = { state, code: null, sentence: "for many other reasons" }
    const said = known !== undefined || this.#causes.size < mostCauses ? own : merged
    const cause = this.#causes.get(keyOf(said)) ?? {
      ...said,
      devices: new Set<string>(),
      models: new Map<string, number>(),
    }
    cause.devices.add(deviceId)
    this.#causes.set(keyOf(said), cause)
    cause.models.set(model, (cause.models.get(model) ?? 0) + 1)
    this.#byDevice.set(deviceId, { cause, model })
  }

  forget(deviceId: string): void {
    const known = this.#byDevice.get(deviceId)
    if (known === undefined) return
    const { cause, model } = known
    const left = (cause.models.get(model) ?? 0) - 1
    if (left > 0) cause.models.set(model, left)
    else cause.models.delete(model)
    this.#byDevice.delete(deviceId)
    cause.devices.delete(deviceId)
    if (cause.devices.size === 0) this.#causes.delete(keyOf(cause))
  }
}

const keyOf = ({ state, code, sentence }: Pick<Cause, "state" | "code" | "sentence">): string =>
  JSON.stringify([state, code, sentence])
