import { describe, expect, it } from "vitest"
import { parsePlanFile } from "./plan-file.ts"
import { type Odds, rehearse, type Rehearsal, type RehearsalWish, type TwinDevice } from "./rehearse.ts"

const hour = 3_600_000
const good: Odds = { cut: 0, failure: 0, silence: 0 }

function planOf(text: string) {
  const parsed = parsePlanFile(`releases: r\n${text}`)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.plan
}

const twins = (count: number, more: Partial<TwinDevice> = {}): TwinDevice[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `d-${i}`,
    phase: 0,
    kind: "waspmote/4g",
    family: "waspmote",
    zone: "",
    rhythm: { medianMs: hour, spreadMs: hour / 10 },
    cost: { bytes: 1000, sms: 2, money: 0 },
    isThere: false,
    isImpossible: false,
    ...more,
  }))

function run(wish: Partial<RehearsalWish> & Pick<RehearsalWish, "plan" | "devices">): Rehearsal {
  const running = rehearse({
    odds: { any: good },
    seed: 1,
    startsAt: Date.UTC(2026, 6, 3),
    horizonMs: 72 * hour,
    resumesAfterMs: null,
    ...wish,
  })
  for (;;) {
    const next = running.next()
    if (next.done === true) return next.value
  }
}

describe("a rehearsal", () => {
  it("of devices without a fault brings all to the release, and counts bytes and messages", () => {
    const result = run({ plan: planOf(""), devices: twins(100) })
    expect(result).toMatchObject({
      end: "succeeded",
      succeeded: 100,
      failed: 0,
      noShow: 0,
      bytes: 100_000,
      sms: 200,
      pauses: [],
    })
    // The first contact within one rhythm, what came of it at the next.
    expect(result.durationMs).toBeGreaterThan(hour)
    expect(result.durationMs).toBeLessThan(3 * hour)
  })

  it("gives the same answer to the same wish, and another one to another seed", () => {
    const wish = { plan: planOf(""), devices: twins(200), odds: { any: { cut: 0.2, failure: 0.05, silence: 0.02 } } }
    expect(run(wish)).toEqual(run(wish))
    expect(run({ ...wish, seed: 2 }).durationMs).not.toBe(run(wish).durationMs)
  })

  it("stops in the canary phase where a build bricks one model, and says who is stuck", () => {
    const devices = twins(60).map((twin, i) => ({ ...twin, phase: i < 10 ? 0 : 1, kind: i % 2 === 0 ? "bad" : "ok" }))
    const plan = planOf("silence: 6h\nphases: [{name: canary, count: 10, no-show-at-most: 20}]")
    const result = run({ plan, devices, odds: { any: good, bad: { cut: 0, failure: 0, silence: 1 } } })
    expect(result).toMatchObject({ end: "paused", phasesOpenedMs: [0, null], succeeded: 5 })
    expect(result.pauses[0]?.reason).toContain("3 of 10 devices fell silent")
    expect(result.noShow).toBeGreaterThanOrEqual(3)
    expect(result.stuck.length).toBeGreaterThan(0)
  })

  it("goes on after pauses where somebody resumes, and tries again as the plan says", () => {
    const plan = planOf("silence: 6h\nretries: {times: 2, after: 1h}\nguards: {failure-at-most: 10}")
    const odds = { any: { cut: 0, failure: 0.3, silence: 0 } }
    const result = run({ plan, devices: twins(50), odds, resumesAfterMs: hour })
    expect(result.pauses.length).toBeGreaterThan(0)
    expect(result.succeeded).toBeGreaterThan(45)
    expect(result.bytes).toBeGreaterThan(50_000)
  })

  it("leaves alone who runs the release, and fails who cannot take it", () => {
    const devices = [...twins(3, { isThere: true }), ...twins(2, { isImpossible: true, id: "x" })]
    const result = run({ plan: planOf("guards: {success-at-least: 0, failure-at-most: 100}"), devices })
    expect(result).toMatchObject({ end: "failed", succeeded: 3, failed: 2, bytes: 0 })
  })

  it("keeps the budget, and opens only the windows of the plan", () => {
    const capped = run({ plan: planOf("budget: {bytes: 20 kB}"), devices: twins(100) })
    expect(capped.end).toBe("paused")
    expect(capped.bytes).toBe(20_000)
    const nights = run({ plan: planOf("windows: {hours: 20:00-23:00}"), devices: twins(10, { zone: "UTC" }) })
    expect(nights.phasesOpenedMs).toEqual([0])
    expect(nights.durationMs).toBeGreaterThan(20 * hour)
  })

  it("of 10,000 devices over three days costs little, by the steps it takes and not by the clock", () => {
    const plan = planOf(
      "phases: [{count: 50}, {percent: 10, soak: 6h}]\npace: {start: 100/h, double-every: 6h}\nwindows: {zone-label: tz, hours: 06:00-22:00}",
    )
    const zones = ["UTC", "Asia/Tokyo", "America/New_York"]
    const devices = twins(10_000).map((twin, i) => ({
      ...twin,
      phase: i < 50 ? 0 : i < 1050 ? 1 : 2,
      zone: zones[i % 3] ?? "",
    }))
    const running = rehearse({
      plan,
      devices,
      odds: { any: { cut: 0.05, failure: 0.01, silence: 0.005 } },
      seed: 3,
      startsAt: 0,
      horizonMs: 72 * hour,
      resumesAfterMs: null,
    })
    let yields = 0
    for (let next = running.next(); ; next = running.next(), yields++) {
      if (next.done === true) {
        expect(next.value.succeeded + next.value.failed + next.value.noShow + next.value.unfinished).toBe(10_000)
        expect(next.value.succeeded).toBeGreaterThan(1000)
        break
      }
    }
    expect(yields).toBeLessThan(200)
  })
})
