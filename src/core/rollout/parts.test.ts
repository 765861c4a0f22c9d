import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { assignPhases, bucketOf, rankOf } from "./assign.ts"
import { overCap, priced, tariffOf } from "./budget.ts"
import { forbiddenUpgrade } from "./compatibility.ts"
import { parsePlanFile } from "./plan-file.ts"
import { learnGap, newRhythm, nextContact, parseRhythm, type Rhythm, rhythmOf, rhythmText } from "./rhythm.ts"

const hour = 3_600_000

describe("the phases of a plan", () => {
  const planOf = (text: string) => {
    const parsed = parsePlanFile(`releases: r\nphases:\n${text}`)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
    return parsed.plan
  }
  const fleet = Array.from({ length: 20 }, (_, i) => ({
    id: `d${i}`,
    kind: i === 19 ? "rare" : i % 5 === 0 ? "some" : "usual",
  }))
  const odd = () => (device: { readonly id: string }) => Number(device.id.slice(1)) % 2 === 1

  it("take devices by rank, one of each model first", () => {
    const { phases, uncovered } = assignPhases(planOf("  - {count: 4, covers: models}\n  - {percent: 25}"), fleet, odd)
    expect(phases.flatMap((phase, at) => (phase === 0 ? [at] : []))).toEqual([0, 1, 2, 19])
    expect(phases.filter((phase) => phase === 1)).toHaveLength(5)
    expect(phases.filter((phase) => phase === 2)).toHaveLength(11)
    expect(uncovered).toEqual([])
  })

  it("say which models a phase is too small for", () => {
    const { uncovered } = assignPhases(planOf("  - {name: canary, count: 2, covers: models}"), fleet, odd)
    expect(uncovered).toEqual([{ phase: "canary", kinds: ["rare"] }])
  })

  it("take the devices of a group, and every device belongs to exactly one", () => {
    const { phases } = assignPhases(planOf("  - {count: 3}\n  - {group: odd=1}"), fleet, odd)
    expect(phases.slice(0, 8)).toEqual([0, 0, 0, 1, 2, 1, 2, 1])
    expect(phases).toHaveLength(fleet.length)
  })

  it("have an order of their own in every rollout, without two neighbours staying neighbours", () => {
    const buckets = Array.from({ length: 2000 }, (_, i) => bucketOf(`mote-${i}`))
    expect(new Set(buckets).size).toBeGreaterThan(1990)
    expect(buckets.filter((bucket) => bucket < 2 ** 30).length).toBeGreaterThan(900)
    const order = (m: number) =>
      [...buckets.keys()].sort((a, b) => rankOf(buckets[a] ?? 0, m) - rankOf(buckets[b] ?? 0, m)).slice(0, 20)
    expect(order(7)).toEqual(order(7))
    expect(order(7)).not.toEqual(order(1_234_567))
    expect(rankOf(2 ** 31 - 2, 2 ** 31 - 2)).toBe(1)
  })
})

describe("a device's rhythm", () => {
  const learn = (gaps: readonly number[]): Rhythm => {
    const rhythm = newRhythm()
    for (const gap of gaps) learnGap(rhythm, gap)
    return rhythm
  }

  it("is the median of its last gaps, in nine bytes, whatever one outlier was", () => {
    const rhythm = learn([hour, hour * 1.05, hour * 0.95, 30 * hour, hour, hour])
    expect(rhythm).toHaveLength(9)
    expect(parseRhythm(rhythmText(rhythm))).toEqual(rhythm)
    expect(rhythmOf(rhythm)?.medianMs).toBeGreaterThan(hour * 0.93)
    expect(rhythmOf(rhythm)?.medianMs).toBeLessThan(hour * 1.07)
    expect(rhythmOf(learn([hour, hour]))).toBeNull()
  })

  it("follows a device that changes it", () => {
    const rhythm = learn([...Array.from({ length: 20 }, () => hour), ...Array.from({ length: 8 }, () => 24 * hour)])
    expect(rhythmOf(rhythm)?.medianMs).toBeGreaterThan(22 * hour)
  })

  it("does not take the requests of one session for contacts", () => {
    expect(learn([100, 2000, 29_999, Number.NaN, -5])).toEqual(newRhythm())
    expect(parseRhythm("what?")).toEqual(newRhythm())
  })

  it("holds any gap up to 110 days to within 3.3 percent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 30_000, max: 105 * 24 * hour }), (gap) => {
        const median = rhythmOf(learn([gap, gap, gap]))?.medianMs ?? 0
        expect(Math.abs(median / gap - 1)).toBeLessThan(0.033)
      }),
    )
  })

  it("says when the device is expected, and that it is overdue", () => {
    const rhythm = learn([hour, hour, hour])
    const { medianMs = 0 } = rhythmOf(rhythm) ?? {}
    expect(nextContact(rhythm, 1000, 2000)).toMatchObject({ at: 1000 + medianMs, isOverdue: false })
    expect(nextContact(rhythm, 0, 2.5 * hour)).toMatchObject({ at: 3 * medianMs, isOverdue: true })
    expect(nextContact(newRhythm(), 0, 0)).toBeNull()
  })
})

describe("a release's rules", () => {
  const upgrade = {
    target: "5",
    rules: { floor: "3", forbidden: ["4"] },
    allowsDowngrade: false,
    compare: (a: string, b: string) => Number(a) - Number(b),
  }
  it.each([
    ["3", null],
    ["2", "It runs 2"],
    ["4", "forbids that pair"],
    ["6", "5 is older"],
    [null, "nobody knows what it runs"],
  ])("over version %s say %s", (running, words) => {
    const sentence = forbiddenUpgrade({ ...upgrade, running })
    if (words === null) expect(sentence).toBeNull()
    else expect(sentence).toContain(words === "It runs 2" ? "it runs 2" : words)
  })

  it("let a downgrade through where the plan allows it, and anything where there are none", () => {
    expect(forbiddenUpgrade({ ...upgrade, running: "6", allowsDowngrade: true })).toBeNull()
    expect(forbiddenUpgrade({ ...upgrade, running: null, rules: { floor: null, forbidden: [] } })).toBeNull()
  })
})

describe("a tariff", () => {
  const parsed = parsePlanFile(
    "releases: r\nbudget: {tariffs: {label: sim, plans: {iot: {per-MB: 0.5, per-SMS: 0.08, sms: 10}}}}",
  )
  const budget = parsed.ok ? parsed.plan.budget : null
  it("prices bytes and messages by the device's label, and caps its SIM plan", () => {
    if (budget === null) throw new Error("no plan")
    const tariff = tariffOf(budget, { sim: "iot" })
    expect(priced({ bytes: 2_000_000, sms: 5 }, tariff).money).toBeCloseTo(1.4)
    expect(priced({ bytes: 2_000_000, sms: 5 }, tariffOf(budget, {})).money).toBe(0)
    expect(overCap(tariff?.cap ?? { bytes: null, sms: null }, { bytes: 0, sms: 8 }, { bytes: 1, sms: 3 })).toBe(
      "8 of 10 messages are spent, and this update takes 3",
    )
    expect(overCap({ bytes: 10, sms: null }, { bytes: 5, sms: 9 }, { bytes: 5, sms: 9 })).toBeNull()
  })
})
