import { describe, expect, it } from "vitest"
import type { EvidenceKind } from "../evidence.ts"
import type { UpdateState } from "../update.ts"
import { foldRollout, isEnded, type RolloutSummary } from "./fold.ts"
import type { WaftEvent } from "./table.ts"

const summary: RolloutSummary = { id: "o-1", state: "running", devices: 2, counts: { waiting: 2 } }
const common = { seq: 1, at: 5, actor: null, releaseId: null, basis: null, sentence: "s" }
const moved = (kind: EvidenceKind, from: UpdateState, to: UpdateState, rolloutId = "o-1"): WaftEvent => ({
  ...common,
  kind: `update.${kind}`,
  deviceId: "a",
  rolloutId,
  data: { from, to, attempt: 1 },
})

describe("a rollout's summary", () => {
  it("follows its updates from state to state", () => {
    const after = [
      moved("offer-made", "waiting", "offered"),
      moved("transfer-started", "offered", "downloading"),
    ].reduce(foldRollout, summary)
    expect(after.counts).toEqual({ waiting: 1, downloading: 1 })
  })

  it("is left alone by other rollouts and by what moves nothing", () => {
    expect(foldRollout(summary, moved("offer-made", "waiting", "offered", "o-2"))).toBe(summary)
    expect(foldRollout(summary, moved("offer-read", "offered", "offered"))).toBe(summary)
  })

  it("takes pause, resumption and end from the rollout's own events", () => {
    const own = { ...common, deviceId: null, rolloutId: "o-1" }
    const paused = foldRollout(summary, { ...own, kind: "rollout.paused", data: {} })
    expect([paused.state, isEnded(paused)]).toEqual(["paused", false])
    expect(foldRollout(paused, { ...own, kind: "rollout.resumed", data: {} }).state).toBe("running")
    const aborted = foldRollout(paused, { ...own, kind: "rollout.aborted", data: { counts: { cancelled: 2 } } })
    expect(aborted).toEqual({ id: "o-1", state: "aborted", devices: 2, counts: { cancelled: 2 } })
    expect(isEnded(aborted)).toBe(true)
  })
})
