import { describe, expect, it } from "vitest"
import type { Evidence, EvidenceKind } from "./evidence.ts"
import { advance, type Progress, type UpdateState, updateStates, updateTransitions } from "./update.ts"

const states = Object.keys(updateStates) as UpdateState[]
const kinds = [...new Set(Object.values(updateTransitions).flatMap((row) => Object.keys(row)))] as EvidenceKind[]

const at = (state: UpdateState): Progress => ({
  state,
  attempt: 1,
  basis: "observed",
  since: 1,
  sentence: "before",
  code: null,
})
const evidence = (kind: EvidenceKind): Evidence => ({ kind, basis: "observed", at: 2, sentence: "after" })

describe("an update", () => {
  it("follows its table for every state and every piece of evidence", () => {
    for (const state of states) {
      for (const kind of kinds) {
        expect(advance(at(state), evidence(kind))?.state, `${state} + ${kind}`).toBe(updateTransitions[state][kind])
      }
    }
  })

  it("can reach every state", () => {
    const reached = new Set<UpdateState>(["waiting"])
    for (let grown = true; grown; ) {
      const before = reached.size
      for (const state of reached) for (const next of Object.values(updateTransitions[state])) reached.add(next)
      grown = reached.size > before
    }
    expect([...reached].sort()).toEqual([...states].sort())
  })

  it("is not changed by a device that repeats itself", () => {
    const once = advance(at("offered"), evidence("transfer-started"))
    expect(once).not.toBeNull()
    expect(advance(once as Progress, evidence("transfer-started"))).toBeNull()
  })

  it("never moves backwards within an attempt", () => {
    const rank = Object.fromEntries(states.map((state, i) => [state, i]))
    for (const state of states) {
      for (const kind of kinds) {
        const next = advance(at(state), evidence(kind))
        // The next hop of a way begins at its beginning, and what was concluded can be taken back.
        if (next === null || next.attempt > 1 || state === "no-show" || kind === "hop-installed") continue
        if (updateStates[state].over) continue
        expect(rank[next.state], `${state} + ${kind}`).toBeGreaterThanOrEqual(rank[state] as number)
      }
    }
  })

  it("counts an attempt when a device fetches again what it had whole", () => {
    expect(advance(at("downloaded"), evidence("transfer-started"))?.attempt).toBe(2)
    expect(advance(at("offered"), evidence("transfer-started"))?.attempt).toBe(1)
  })
})
