import { describe, expect, it } from "vitest"
import { decide } from "./decide.ts"
import { type ExplainedDevice, explainDevice, explainPhase, explainRollout, phaseState } from "./explain.ts"
import { pacedAfterMs, pacedCount } from "./pacing.ts"
import type { RolloutPlan } from "../domain/plan.ts"
import { parsePlanFile } from "./plan-file.ts"
import { newPhaseTally, nothingSpent, type PhaseTally, type Tally } from "./tally.ts"

const hour = 3_600_000
const noon = Date.UTC(2026, 6, 3, 12)

function plan(text: string): RolloutPlan {
  const parsed = parsePlanFile(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.plan
}
const tally = (phases: readonly Partial<PhaseTally>[], more: Partial<Tally> = {}): Tally => ({
  state: "running",
  approvedAt: null,
  phases: phases.map((phase) => ({ ...newPhaseTally, ...phase })),
  offered: 0,
  paceFrom: { at: noon, offered: 0 },
  spent: nothingSpent,
  reserved: nothingSpent,
  dearest: { bytes: 10, sms: 1, money: 0 },
  ...more,
})
const wait = (count: number, zone = ""): Pick<PhaseTally, "counts" | "ready"> => ({
  counts: { waiting: count },
  ready: { [zone]: count },
})
const open = { openedAt: noon }

const canaries = plan(
  "releases: r\nphases:\n  - {name: canary, count: 50, soak: 2h, success-at-least: 95, no-show-at-most: 5, failure-at-most: 4}",
)

describe("the engine", () => {
  it("opens the first phase, offers it to all of it, and lets the second wait", () => {
    const fresh = tally([wait(50), wait(100)])
    expect(decide(canaries, fresh, noon)).toEqual([
      { kind: "open-phase", phase: 0, sentence: "Phase canary was opened for 50 devices." },
    ])
    const opened = tally([{ ...wait(50), ...open }, wait(100)])
    expect(decide(canaries, opened, noon)).toEqual([{ kind: "offer", phase: 0, count: 50, zones: [""] }])
  })

  it("opens the next phase when enough have succeeded and the soak is over, not before", () => {
    const most = { counts: { succeeded: 47, offered: 3 }, ...open }
    expect(decide(canaries, tally([most, wait(9)]), noon)).toEqual([])
    const enough = { counts: { succeeded: 48, offered: 2 }, ...open }
    expect(decide(canaries, tally([enough, wait(9)]), noon)).toMatchObject([{ kind: "note-enough", phase: 0 }])
    const soaking = { ...enough, enoughAt: noon }
    expect(decide(canaries, tally([soaking, wait(9)]), noon + 1)).toEqual([{ kind: "wake", at: noon + 2 * hour }])
    expect(decide(canaries, tally([soaking, wait(9)]), noon + 2 * hour)).toMatchObject([
      { kind: "open-phase", phase: 1 },
    ])
  })

  it.each([
    [
      { succeeded: 40, "no-show": 3, offered: 7 },
      "In phase canary 3 of 50 devices fell silent; no-show-at-most 5 % allows 2.",
    ],
    [{ succeeded: 17, "no-show": 2, offered: 31 }, null],
    [
      { succeeded: 18, "no-show": 2, offered: 30 },
      "In phase canary 2 of the 20 devices at their end fell silent; no-show-at-most 5 % allows 1 of so many.",
    ],
    [{ failed: 3, offered: 47 }, "In phase canary 3 of 50 devices failed; failure-at-most 4 % allows 2."],
    [
      { declined: 3, offered: 47 },
      "In phase canary 48 of 50 devices must succeed (success-at-least 95 %), and only 47 still can.",
    ],
    [
      { failed: 2, superseded: 10, offered: 38 },
      "In phase canary 2 of 40 devices failed; failure-at-most 4 % allows 1.",
    ],
  ])("with %j is in trouble as it should be", (counts, reason) => {
    const decided = decide(canaries, tally([{ counts, ...open }, wait(9)]), noon)
    if (reason === null) expect(decided).toEqual([])
    else expect(decided).toEqual([{ kind: "pause", reason }])
  })

  it("goes back on trouble where the plan wants that", () => {
    const back = { ...canaries, onTrouble: "roll-back" as const }
    expect(decide(back, tally([{ counts: { failed: 3, offered: 47 }, ...open }, wait(9)]), noon)).toMatchObject([
      { kind: "roll-back" },
    ])
  })

  it("does not stop again for what an operator took note of when resuming, but for the next one", () => {
    const pardoned = { failed: 0, noShow: 3 }
    const going = { counts: { "no-show": 3, offered: 47 }, ...open, pardoned }
    expect(decide(canaries, tally([going, wait(9)]), noon)).toEqual([])
    const worse = { counts: { "no-show": 6, offered: 44 }, ...open, pardoned }
    expect(decide(canaries, tally([worse, wait(9)]), noon)).toMatchObject([{ kind: "pause" }])
  })

  it("counts a failed try that will be repeated as a failure", () => {
    const again = {
      counts: { waiting: 3, offered: 47 },
      again: { failed: 3, noShow: 0 },
      ...open,
      nextRetryAt: noon + hour,
    }
    expect(decide(canaries, tally([again, wait(9)]), noon)).toMatchObject([{ kind: "pause" }])
  })

  it("waits for approval, for its start and for a gate", () => {
    const gated = plan(
      "releases: r\napproval: required\nstart: 2026-07-03T13:00:00Z\nphases: [{rest: true, gate: manual}]",
    )
    expect(decide(gated, tally([wait(1)]), noon)).toEqual([])
    expect(decide(gated, tally([wait(1)], { approvedAt: noon }), noon)).toEqual([{ kind: "wake", at: noon + hour }])
    expect(decide(gated, tally([wait(1)], { approvedAt: noon }), noon + hour)).toEqual([])
    const opened = tally([{ ...wait(1), gateOpenedAt: noon }], { approvedAt: noon })
    expect(decide(gated, opened, noon + hour)).toMatchObject([{ kind: "open-phase" }])
  })

  it("offers inside windows alone, zone by zone, and wakes when one opens", () => {
    const nights = plan("releases: r\nwindows: {time-zone: UTC, zone-label: tz, hours: 20:00-23:00}")
    const waiting: Partial<PhaseTally> = { counts: { waiting: 5 }, ready: { UTC: 2, "Asia/Tokyo": 3 }, openedAt: noon }
    expect(decide(nights, tally([waiting]), noon)).toEqual([
      { kind: "offer", phase: 0, count: 3, zones: ["Asia/Tokyo"] },
    ])
    const rest: Partial<PhaseTally> = { counts: { waiting: 2, offered: 3 }, ready: { UTC: 2 }, openedAt: noon }
    expect(decide(nights, tally([rest]), noon)).toEqual([{ kind: "wake", at: noon + 8 * hour }])
  })

  it("keeps to the most in flight, to the pace and to the budget", () => {
    const waiting: Partial<PhaseTally> = {
      counts: { waiting: 90, offered: 8, downloading: 2 },
      ready: { "": 90 },
      openedAt: noon,
    }
    expect(decide(plan("releases: r\nmax-in-flight: 12"), tally([waiting]), noon)).toMatchObject([{ count: 2 }])
    expect(decide(plan("releases: r\nmax-in-flight: 10"), tally([waiting]), noon)).toEqual([])
    const paced = plan("releases: r\npace: 6/h")
    expect(decide(paced, tally([waiting], { offered: 10 }), noon + 2 * hour)).toMatchObject([{ count: 3 }])
    expect(decide(paced, tally([waiting], { offered: 13 }), noon + 2 * hour)).toEqual([
      { kind: "wake", at: noon + 130 * 60_000 },
    ])
    const capped = plan("releases: r\nbudget: {bytes: 1000}")
    const spent = { bytes: 700, sms: 0, money: 0 }
    const reserved = { bytes: 100, sms: 0, money: 0 }
    const dearest = { bytes: 90, sms: 0, money: 0 }
    expect(decide(capped, tally([waiting], { spent, reserved, dearest }), noon)).toMatchObject([{ count: 2 }])
    expect(decide(capped, tally([waiting], { spent, reserved: { ...reserved, bytes: 290 }, dearest }), noon)).toEqual(
      [],
    )
    const idle: Partial<PhaseTally> = { counts: { waiting: 90, succeeded: 10 }, ready: { "": 90 }, openedAt: noon }
    expect(decide(capped, tally([idle], { spent: { ...spent, bytes: 950 }, dearest }), noon)).toEqual([
      { kind: "pause", reason: "It has spent 950 of 1000 bytes, and the next device may take 90." },
    ])
  })

  it("ends with everybody, or with those under way when the plan's end has come", () => {
    const simple = plan("releases: r\nend: 2026-07-03T13:00:00Z")
    expect(decide(simple, tally([{ counts: { succeeded: 5 }, ...open }]), noon)).toMatchObject([
      { kind: "finish", end: "succeeded" },
    ])
    const some = tally([{ counts: { succeeded: 5, waiting: 3 }, ready: { "": 3 }, ...open }])
    expect(decide(simple, some, noon + hour)).toMatchObject([
      { kind: "finish", end: "failed", reason: "The plan's end came while 3 devices still waited" },
    ])
    const flying = tally([{ counts: { offered: 1, waiting: 3 }, ready: { "": 3 }, ...open }])
    expect(decide(simple, flying, noon + hour)).toEqual([])
    expect(decide(simple, tally([{}]), noon)).not.toContainEqual(expect.objectContaining({ kind: "finish" }))
  })

  it("does nothing while it is paused or over", () => {
    expect(decide(canaries, tally([wait(5), wait(5)], { state: "paused" }), noon)).toEqual([])
    expect(decide(canaries, tally([wait(5), wait(5)], { state: "over" }), noon)).toEqual([])
  })
})

describe("a growing pace", () => {
  it("is the integral of what it grows to, up to its most, and says when the next may begin", () => {
    const pace = { perHour: 10, doubleEveryMs: hour, mostPerHour: 40 }
    // 10 an hour that double every hour: (2^t - 1) x 10 / ln 2.
    expect(pacedCount(pace, 2 * hour)).toBeCloseTo(1 + 30 / Math.LN2, 6)
    expect(pacedCount(pace, 5 * hour)).toBeCloseTo(1 + 30 / Math.LN2 + 120, 6)
    for (const count of [1, 2, 17, 100]) {
      const at = pacedAfterMs(pace, count)
      expect(pacedCount(pace, at)).toBeGreaterThanOrEqual(count)
      if (at > 0) expect(pacedCount(pace, at - 1)).toBeLessThan(count)
    }
  })
})

describe("an explanation", () => {
  const now = noon + hour
  const going = tally([
    { counts: { succeeded: 41, offered: 2, "no-show": 2, waiting: 5 }, ready: { "": 5 }, ...open },
    wait(9),
  ])
  const waiting: ExplainedDevice = { phase: 0, state: "waiting", zone: "", retryAt: null, sentence: "" }

  it("says of a phase what it waits for", () => {
    expect(explainPhase(canaries, going, 0, now)).toBe(
      "Phase canary is open: 41 have succeeded, 48 of 50 must; 2 under way; 5 wait; 2 fell silent.",
    )
    expect(explainPhase(canaries, going, 1, now)).toBe(
      "Phase everybody is not open: it opens when 48 of 50 devices of phase canary have succeeded; 41 have, 2 fell silent.",
    )
    const soaking = tally([{ counts: { succeeded: 50 }, ...open, enoughAt: noon }, wait(9)])
    expect(phaseState(canaries, soaking, 0, now)).toBe("soaking")
    expect(explainPhase(canaries, soaking, 1, now)).toBe(
      "Phase everybody is not open: phase canary soaks for 1 h more, until 2026-07-03 14:00 UTC.",
    )
  })

  it("says of a rollout why it does not go on", () => {
    const ended = { state: "paused", reason: "In phase canary 3 of 50 devices fell silent." }
    expect(explainRollout(canaries, { ...going, state: "paused" }, now, ended)).toBe(
      "It is paused: nothing new is offered. In phase canary 3 of 50 devices fell silent.",
    )
    expect(explainRollout({ ...canaries, approval: true }, going, now, ended)).toContain("`waft rollout approve`")
  })

  it("says of a device why it is not updating", () => {
    const of = (device: Partial<ExplainedDevice>, changed: Partial<RolloutPlan> = {}, more: Partial<Tally> = {}) =>
      explainDevice({ ...canaries, ...changed }, { ...going, ...more }, { ...waiting, ...device }, now)
    expect(of({ phase: 1 })).toBe(
      "It waits for phase everybody: it opens when 48 of 50 devices of phase canary have succeeded; 41 have, 2 fell silent.",
    )
    expect(of({})).toBe("It waits for its turn in phase canary.")
    expect(of({}, { maxInFlight: 2 })).toBe(
      "It waits for its turn in phase canary: 2 devices are under way, which is the most at once.",
    )
    expect(of({}, {}, { state: "paused" })).toBe(
      "The rollout is paused: it is offered nothing before `waft rollout resume`.",
    )
    expect(of({ retryAt: now + hour })).toBe(
      "Its last try did not succeed; the next may begin at 2026-07-03 14:00 UTC.",
    )
    const windows = { timeZone: "UTC", zoneLabel: null, hours: [{ days: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 60 }] }
    expect(of({ zone: "UTC" }, { windows })).toBe("Its maintenance window is closed until 2026-07-04 00:00 UTC (UTC).")
    const pace = { perHour: 1, doubleEveryMs: null, mostPerHour: null }
    expect(of({}, { pace }, { offered: 2 })).toBe(
      "It waits for its turn in phase canary: the pace lets the next one begin at 2026-07-03 14:00 UTC.",
    )
  })
})
