import { deviceActor } from "../../core/domain/actor.ts"
import { Refusal } from "../../core/domain/refusal.ts"
import { type LimitName, limits } from "../../core/kit/limits.ts"
import { commit, eventOf } from "./commit.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import type { LiveDevice, NoteMemory } from "./live-fleet.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events"> & {
  /** Told of each limit that is met. */
  readonly hit?: (limit: LimitName) => void
}

/** What whoever stands beside a device saw or did there. */
export interface AgentNote {
  /** Names the note. */
  readonly mark: string
  readonly event: string
  readonly sentence: string
  readonly version?: string
}

/** An agent delivers one after another: a repeated note is among the last. */
const mostMarks = 20

/**
 * Writes a note of a device's agent into the event log; it moves no update and changes nothing that is known of the device.
 * Refuses when there were too many in this minute.
 */
export async function takeNote(needs: Needs, live: LiveDevice, note: AgentNote): Promise<"written" | "known"> {
  const memory = memoryOf(needs, live)
  const { mark, event, sentence, version } = note
  if (memory.marks.includes(mark)) return "known"
  const deviceId = live.device.id
  const { most } = limits["device.notes"]
  if (memory.inMinute >= most) {
    needs.hit?.("device.notes")
    throw new Refusal("too-many-notes", { device: deviceId, count: String(most) })
  }
  memory.inMinute++
  memory.marks = [...memory.marks, mark].slice(-mostMarks)
  try {
    await commit(needs, deviceActor(deviceId), [
      eventOf({
        at: needs.clock.now(),
        kind: `agent.${event}`,
        deviceId,
        basis: "reported",
        sentence,
        ...(version === undefined ? {} : { data: { version } }),
      }),
    ])
  } catch (error) {
    // It was not written: the agent says it again.
    memory.marks = memory.marks.filter((known) => known !== mark)
    throw error
  }
  return "written"
}

function memoryOf({ live: fleet, clock }: Needs, live: LiveDevice): NoteMemory {
  const now = clock.monotonic()
  const memory = fleet.notes.get(live) ?? { marks: [], inMinute: 0, minuteAt: now }
  fleet.notes.set(live, memory)
  if (now - memory.minuteAt >= 60_000) {
    memory.inMinute = 0
    memory.minuteAt = now
  }
  return memory
}
