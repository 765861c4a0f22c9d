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
  readonly key: string
  readonly devices: Set<string>
  readonly models: Map<string, number>
  /** What its devices of a model have in common. */
  readonly members: Map<string, Member>
}

interface Member {
  readonly cause: OpenCause
  readonly model: string
}

const done: ReadonlySet<UpdateState> = new Set(["succeeded", "superseded", "waiting"])
/** Reasons that are told apart; further ones of a state count as one. */
const mostCauses = 200

/** Why a rollout's devices are not done, kept true by each change of an update. What still waits is no cause. */
export class Causes {
  readonly #causes = new Map<string, OpenCause>()
  readonly #byDevice = new Map<string, Member>()
  /** Many devices in a row have the same. */
  #last: OpenCause | null = null

  all(): Iterable<Cause> {
    return this.#causes.values()
  }

  note({ deviceId, progress }: Pick<Update, "deviceId" | "progress">, model: string): void {
    const { state, code, sentence } = progress
    const before = this.#byDevice.get(deviceId)?.cause
    if (before?.state === state && before.code === code && before.sentence === sentence) return
    this.forget(deviceId)
    if (done.has(state)) return
    const cause = this.#causeOf({ state, code, sentence })
    cause.devices.add(deviceId)
    cause.models.set(model, (cause.models.get(model) ?? 0) + 1)
    const member = cause.members.get(model) ?? { cause, model }
    cause.members.set(model, member)
    this.#byDevice.set(deviceId, member)
  }

  #causeOf(own: Pick<Cause, "state" | "code" | "sentence">): OpenCause {
    const last = this.#last
    const isLast = last?.state === own.state && last.code === own.code && last.sentence === own.sentence
    if (isLast && last.devices.size > 0) return last
    const merged = { state: own.state, code: null, sentence: "for many other reasons" }
    const said = this.#causes.has(keyOf(own)) || this.#causes.size < mostCauses ? own : merged
    const key = keyOf(said)
    const cause = this.#causes.get(key) ?? {
      ...said,
      key,
      devices: new Set<string>(),
      models: new Map<string, number>(),
      members: new Map<string, Member>(),
    }
    this.#causes.set(key, cause)
    this.#last = cause
    return cause
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
    if (cause.devices.size === 0) this.#causes.delete(cause.key)
  }
}

const keyOf = ({ state, code, sentence }: Pick<Cause, "state" | "code" | "sentence">): string =>
  JSON.stringify([state, code, sentence])
