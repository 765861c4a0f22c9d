import { type Actor, actorText } from "./actor.ts"
import type { WaftEvent } from "./events/table.ts"

/** One field of a record that a deed changed; a secret is told as `(kept secret)`. */
export interface FieldChange {
  /** What kind of record, and which: `device m-1`. */
  readonly record: string
  readonly field: string
  readonly before: FieldValue
  readonly after: FieldValue
}

export type FieldValue = string | number | null

/** What an event says beside what the stream tells of it. */
export interface AuditMarks {
  /** The address that the caller called from; `local` = the socket in the data folder; null = nobody called. */
  readonly from: string | null
  readonly changes: readonly FieldChange[]
}

/** An event as the audit log has it. */
export type AuditEntry = WaftEvent &
  AuditMarks & {
    /**
     * SHA-256, hex, over the seal of the event before and this event's own text: whoever changes, removes or inserts an event
     * breaks every seal from there on. null = an earlier version of the server wrote the event.
     */
    readonly seal: string | null
  }

/** An event that a walk begins after, and its seal. */
export interface SealStart {
  readonly seq: number
  readonly seal: string
}

/** Before the first event. */
export const firstSeal: SealStart = { seq: 0, seal: "0".repeat(64) }

/** Everything that a seal covers beside the seal before. */
export type Sealed = Pick<
  WaftEvent,
  "seq" | "at" | "kind" | "deviceId" | "rolloutId" | "releaseId" | "basis" | "sentence" | "data"
> &
  AuditMarks & { readonly actor: Actor | null }

/** The text whose SHA-256 is an event's seal: the seal before, a line end, and a JSON array. UTF-8. */
export function sealText(previous: string, event: Sealed): string {
  const { seq, at, kind, actor, from, deviceId, rolloutId, releaseId, basis, sentence, data, changes } = event
  const who = actor === null ? null : actorText(actor)
  const row = [seq, at, kind, who, from, deviceId, rolloutId, releaseId, basis, sentence, data, changes.map(changeRow)]
  return `${previous}\n${JSON.stringify(row)}`
}

function changeRow({ record, field, before, after }: FieldChange): readonly FieldValue[] {
  return [record, field, before, after]
}

/** Where a log is not what was written, and how that shows. */
export interface SealFault {
  readonly seq: number
  readonly says: string
}

/** Walks over a log, event by event, and says where its seals do not hold. */
export class SealWalk {
  readonly #sha256: (text: string) => string
  #last: SealStart
  #isSealed: boolean
  /** Events without a seal, from before there were any. */
  unsealed = 0
  /** Events whose seals hold. */
  sealed = 0

  constructor(sha256: (text: string) => string, start: SealStart) {
    this.#sha256 = sha256
    this.#last = start
    this.#isSealed = start.seq > 0
  }

  /** The event that the walk has come to, and its seal. */
  get head(): SealStart {
    return this.#last
  }

  /** Takes the next event; null = it is what was written. */
  take(entry: AuditEntry): SealFault | null {
    const { seq, seal } = entry
    const expected = this.#last.seq + 1
    if (seq !== expected)
      return { seq: expected, says: `event ${expected} is missing: ${seq} comes after ${expected - 1}` }
    if (seal === null) {
      if (this.#isSealed) return { seq, says: `event ${seq} (${entry.kind}) has no seal` }
      this.unsealed++
      this.#last = { seq, seal: firstSeal.seal }
      return null
    }
    if (this.#sha256(sealText(this.#last.seal, entry)) !== seal) {
      return { seq, says: `event ${seq} (${entry.kind}) is not what was written, or the one before it` }
    }
    this.#isSealed = true
    this.sealed++
    this.#last = { seq, seal }
    return null
  }
}
