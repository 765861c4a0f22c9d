import { engine } from "../../core/domain/actor.ts"
import type { PhaseMarks, Rollout } from "../../core/domain/records.ts"
import { decide, type Decision } from "../../core/rollout/decide.ts"
import { commit, eventOf } from "./commit.ts"
import { endChanges, finishSentence } from "./finish-rollout.ts"
import type { FleetNeeds } from "./fleet-needs.ts"
import { tally } from "./live-fleet.ts"
import { inTurn, type LiveRollout } from "./live-rollout.ts"
import type { Change } from "./needs.ts"

type Needs = Pick<FleetNeeds, "clock" | "store" | "live" | "events">

/**
 * Lets the engine decide about a rollout after something in it has changed, and does what it says, until only a device or
 * time can change more. Offers and a way back need turns of devices, which the caller may hold: they are left to
 * `makeDueOffers`, which looks at the rollouts that are stirred.
 */
export async function advanceRollout(needs: Needs, live: LiveRollout): Promise<void> {
  await inTurn(live, async () => {
    for (;;) {
      const now = needs.clock.now()
      live.letRetry(now)
      const decisions = decide(live.rollout.plan, live.book, now)
      live.wakeAt = wakeOf(decisions)
      const [first] = decisions
      if (first === undefined || first.kind === "wake") return
      if (first.kind === "offer" || first.kind === "roll-back") {
        needs.live.stirred.add(live)
        return
      }
      await carryOut(needs, live, first)
    }
  })
}

function wakeOf(decisions: readonly Decision[]): number | null {
  for (const decision of decisions) if (decision.kind === "wake") return decision.at
  return null
}

type OwnDecision = Exclude<Decision, { readonly kind: "offer" | "roll-back" | "wake" }>

async function carryOut(needs: Needs, live: LiveRollout, decision: OwnDecision): Promise<void> {
  const { rollout } = live
  const now = needs.clock.now()
  switch (decision.kind) {
    case "finish":
      await commit(
        needs,
        engine,
        endChanges(live, {
          state: decision.end,
          sentence: finishSentence(live, decision),
          reason: decision.reason,
          at: now,
          counts: tally(live),
        }),
      )
      return
    case "pause":
      return pauseNow(needs, live, decision.reason)
    case "open-phase": {
      const paceFrom = rollout.marks.paceFrom ?? { at: now, offered: live.book.offered }
      const marked = markPhase(rollout, decision.phase, { openedAt: now })
      const opened = { ...marked, marks: { ...marked.marks, paceFrom } }
      return save(needs, opened, [tell(rollout.id, "rollout.phase-opened", now, decision.sentence)])
    }
    case "note-enough": {
      const marked = markPhase(rollout, decision.phase, { enoughAt: now })
      return save(needs, marked, [tell(rollout.id, "rollout.phase-succeeded", now, decision.sentence)])
    }
  }
}

/** The engine pauses a rollout and says why. */
async function pauseNow(needs: Needs, live: LiveRollout, reason: string): Promise<void> {
  const rollout: Rollout = { ...live.rollout, state: "paused", marks: { ...live.rollout.marks, reason } }
  const sentence = `The rollout ${rollout.id} paused itself: nothing new is offered. ${reason}`
  await save(needs, rollout, [tell(rollout.id, "rollout.paused", needs.clock.now(), sentence)])
  needs.live.noteOffers(live)
}

function markPhase(rollout: Rollout, index: number, more: Partial<PhaseMarks>): Rollout {
  const phases = rollout.marks.phases.map((marks, at) => (at === index ? { ...marks, ...more } : marks))
  return { ...rollout, marks: { ...rollout.marks, phases } }
}

async function save(needs: Needs, rollout: Rollout, events: readonly Change[]): Promise<void> {
  await commit(needs, engine, [{ put: "rollout", rollout }, ...events])
}

function tell(rolloutId: string, kind: OwnKind, at: number, sentence: string): Change {
  return eventOf({ at, kind, rolloutId, sentence })
}
type OwnKind = "rollout.phase-opened" | "rollout.phase-succeeded" | "rollout.paused"

/** Rollouts in which time alone has changed something. Called about once a second. */
export async function advanceByTime(needs: Needs): Promise<void> {
  const now = needs.clock.now()
  for (const live of needs.live.rollouts.values()) {
    if (live.wakeAt !== null && live.wakeAt <= now && live.rollout.state === "running")
      await advanceRollout(needs, live)
  }
}
