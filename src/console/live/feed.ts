import { isMove } from "../../core/domain/events/move.ts"
import type { EventView } from "../../core/contract/schemas.ts"
import type { UpdateState } from "../../core/domain/update.ts"

/** Neighbours that say the same, as one line. */
export interface FeedLine {
  readonly seq: number
  readonly at: number
  readonly kind: string
  readonly deviceId: string | null
  /** Further devices of which the same was said. */
  readonly others: number
  readonly sentence: string
  readonly state: UpdateState | null
}

/** Events that say nothing that a person would act on. */
const quiet: ReadonlySet<string> = new Set(["update.offer-read", "device.contact", "device.registered"])

/** The newest events, newest first, as lines: neighbours of one kind with one sentence are one line. At most `most` lines. */
export function feedLines(events: readonly EventView[], most: number): readonly FeedLine[] {
  const lines: { -readonly [Key in keyof FeedLine]: FeedLine[Key] }[] = []
  for (const event of events) {
    const { seq, at, kind, deviceId, sentence } = event
    if (quiet.has(kind)) continue
    const last = lines.at(-1)
    if (last !== undefined && last.kind === kind && last.sentence === sentence && deviceId !== null) {
      if (last.deviceId !== deviceId) last.others += 1
      continue
    }
    if (lines.length >= most) break
    const state = isMove(event) ? event.data.to : null
    lines.push({ seq, at, kind, deviceId, others: 0, sentence, state })
  }
  return lines
}
