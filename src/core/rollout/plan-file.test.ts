import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { noCap, retryAfterMs, type RolloutPlan, silenceLimitMs, simplePlan, usualGuards } from "../domain/plan.ts"
import { mistakeText, parsePlanFile } from "./plan-file.ts"

const whole = `
name: Greenhouse 12
releases: [r-motes, r-boards]
group: site=north and running < 12
phases:
  - name: canary
    count: 10
    covers: models
    soak: 24h
    success-at-least: 95 %
    no-show-at-most: 20
    minimum-sample: 5
  - name: a tenth
    percent: 10
    gate: manual
  - name: the south
    group: site=south
  - rest: true
guards:
  failure-at-most: 2.5
on-trouble: roll-back
silence:
  default: 7d
  states: { downloading: 2h }
  families: { telit: 3d }
  rhythms: 3
retries: { times: 2, after: 30m, growth: 3, of: [no-show] }
pace: { start: 50/h, double-every: 6h, most: 2400/d }
max-in-flight: 50
windows:
  time-zone: Europe/Vienna
  zone-label: tz
  hours: [Mon-Fri 22:00-05:00, "Sat,Sun 00:00-24:00"]
start: 2026-12-01T22:00:00Z
end: 2026-12-24T12:00:00+01:00
approval: required
priority: 5
allow-downgrade: true
budget:
  bytes: 200 MB
  sms: 500
  money: 40.5
  per-device-and-day: { bytes: 5 MiB, sms: 6 }
  tariffs:
    label: sim
    plans:
      iot: { per-MB: 0.05, per-SMS: 0.08, bytes: 1 GB }
`

const hour = 3_600_000

function read(text: string): RolloutPlan {
  const parsed = parsePlanFile(text)
  if (!parsed.ok) throw new Error(parsed.mistakes.map(mistakeText).join("\n"))
  return parsed.plan
}

describe("a plan file", () => {
  it("is read whole", () => {
    const plan = read(whole)
    expect(plan.phases.map(({ name, size }) => [name, size])).toEqual([
      ["canary", { kind: "count", count: 10 }],
      ["a tenth", { kind: "percent", percent: 10 }],
      ["the south", { kind: "group", group: "site=south" }],
      ["everybody", { kind: "rest" }],
    ])
    expect(plan.phases[0]).toMatchObject({ coversModels: true, soakMs: 24 * hour, gate: "automatic" })
    expect(plan.phases[0]?.guards).toEqual({
      successAtLeast: 95,
      failureAtMost: 2.5,
      noShowAtMost: 20,
      minimumSample: 5,
    })
    expect(plan.phases[1]).toMatchObject({ gate: "manual", guards: { ...usualGuards, failureAtMost: 2.5 } })
    expect(plan).toMatchObject({
      name: "Greenhouse 12",
      releases: ["r-motes", "r-boards"],
      onTrouble: "roll-back",
      silence: { defaultMs: 168 * hour, states: { downloading: 2 * hour }, families: { telit: 72 * hour }, rhythms: 3 },
      retries: { times: 2, afterMs: hour / 2, growth: 3, of: ["no-show"] },
      pace: { perHour: 50, doubleEveryMs: 6 * hour, mostPerHour: 100 },
      maxInFlight: 50,
      startsAt: Date.UTC(2026, 11, 1, 22),
      endsAt: Date.UTC(2026, 11, 24, 11),
      approval: true,
      priority: 5,
      allowsDowngrade: true,
      budget: {
        bytes: 200e6,
        sms: 500,
        money: 40.5,
        perDeviceAndDay: { bytes: 5 * (1 << 20), sms: 6 },
        tariffs: { label: "sim", plans: { iot: { perMegabyte: 0.05, perSms: 0.08, cap: { bytes: 1e9, sms: null } } } },
      },
    })
    expect(plan.windows?.hours).toHaveLength(2)
  })

  it("may be JSON, and what it does not say is filled in", () => {
    const plan = read('{"releases": "r-1", "phases": [{"count": 3}]}')
    expect(plan.phases.map(({ name }) => name)).toEqual(["phase 1", "everybody"])
    expect(plan.phases[0]?.guards).toEqual(usualGuards)
    expect(plan).toMatchObject({ allowsDowngrade: false, onTrouble: "pause", budget: { ...noCap, money: null } })
  })

  it("survives being stored as JSON", () => {
    expect(JSON.parse(JSON.stringify(read(whole)))).toEqual(read(whole))
  })

  it.each([
    ["", "line 1, column 1: the file is empty; a plan names at least its releases"],
    ["name: x", "line 1, column 1: the plan names no releases"],
    ["releases: r\nphase: []", 'line 2, column 1: a plan knows no "phase"; it takes name, releases, group'],
    [
      "releases: r\nmax_in_flight: 5",
      'line 2, column 1: a plan knows no "max_in_flight"; did you mean "max-in-flight"?',
    ],
    [
      "releases: r\nphases:\n  - count: 0",
      'line 3, column 12: count must be a whole number from 1 to 10000000, not "0"',
    ],
    [
      "releases: r\nphases:\n  - name: a\n  - rest: true",
      "line 3, column 5: a phase takes one of count, percent, group and rest",
    ],
    ["releases: r\nphases:\n  - count: 1\n    percent: 3", "line 3, column 5: a phase takes one of"],
    [
      "releases: r\nphases:\n  - rest: true\n  - count: 3",
      "line 3, column 5: the phase with the rest must be the last",
    ],
    [
      "releases: r\nphases:\n  - {name: a, count: 1}\n  - {name: a, count: 2}",
      'line 4, column 5: two phases are called "a"',
    ],
    ["releases: r\nphases:\n  - {name: everybody, count: 1}", 'only the phase with the rest may be called "everybody"'],
    ["releases: r\nphases:\n  - percent: 101", "line 3, column 14: percent must be a share from 0 to 100 percent"],
    ["releases: r\ngroup: site=", "line 2, column 8: The group expression is not understood: a value"],
    ["releases: r\nsilence: forever", "line 2, column 10: silence must be a time such as 30s"],
    ["releases: r\nsilence: { states: { succeeded: 1h } }", 'line 2, column 22: states knows no "succeeded"'],
    ["releases: r\nwindows: { hours: 22-5 }", "line 2, column 19: hours must be hours such as 22:00-05:00"],
    [
      "releases: r\nwindows: { time-zone: Middle/Earth, hours: 22:00-05:00 }",
      "must be a time zone such as Europe/Vienna",
    ],
    ["releases: r\npace: 0/h", "line 2, column 7: pace must be devices in a time"],
    ["releases: r\npace: { most: 5/h }", "line 2, column 7: pace needs a start"],
    ["releases: r\nstart: tomorrow", "line 2, column 8: start must be a moment with its offset"],
    ["releases: r\nstart: 2026-12-02T00:00:00Z\nend: 2026-12-01T00:00:00Z", "the plan's end is not after its start"],
    ["releases: r\nbudget: { bytes: 5 horses }", "line 2, column 18: bytes must be a number of bytes"],
    ["releases: r\nbudget: { tariffs: { label: sim } }", "tariffs need the label"],
    ["releases: r\non-trouble: panic", 'line 2, column 13: on-trouble must be pause or roll-back, not "panic"'],
    ["releases: r\nreleases: s", "line 2, column 1: Map keys must be unique"],
    ["releases: [r", "line 1, column 13: Flow sequence"],
    ["releases: r\nname: *name", "line 2, column 7"],
    ["- releases", "line 1, column 1: a plan must be a mapping"],
    [`# ${"x".repeat(70_000)}`, "a plan file has at most 65536 characters"],
  ])("with the mistake in %j is refused with its line and reason", (text, words) => {
    const parsed = parsePlanFile(text)
    expect(parsed.ok).toBe(false)
    expect(parsed.ok ? "" : parsed.mistakes.map(mistakeText).join("\n")).toContain(words)
  })

  it("tells all its mistakes at once", () => {
    const parsed = parsePlanFile("releases: r\nsilence: x\npriority: -1\nphases:\n  - count: many\n")
    expect(parsed.ok ? [] : parsed.mistakes.map(({ line }) => line)).toEqual([2, 3, 5, 5])
  })

  it("is read or refused, whatever is damaged in it", () => {
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(20), fc.string({ maxLength: 8 }), (at, cut, put) => {
        const parsed = parsePlanFile(whole.slice(0, at) + put + whole.slice(at + cut))
        if (!parsed.ok) expect(parsed.mistakes.length).toBeGreaterThan(0)
        else expect(parsed.plan.releases.length).toBeGreaterThan(0)
      }),
    )
  })
})

describe("a plan's limits for one device", () => {
  const plan = read(whole)
  it("take the most particular silence, and never less than its own rhythm wants", () => {
    const limit = (state: "offered" | "downloading", family: string, rhythmMs: number | null): number =>
      silenceLimitMs(plan, { state, family, rhythmMs })
    expect(limit("downloading", "telit", null)).toBe(2 * hour)
    expect(limit("offered", "telit", hour)).toBe(72 * hour)
    expect(limit("offered", "waspmote", null)).toBe(168 * hour)
    expect(limit("offered", "waspmote", 100 * hour)).toBe(300 * hour)
    expect(
      silenceLimitMs(simplePlan({ releases: [], group: null, silenceMs: 5 }), {
        state: "offered",
        family: "telit",
        rhythmMs: 9,
      }),
    ).toBe(5)
  })

  it("let a silent device be tried again, later each time", () => {
    expect([1, 2, 3].map((tryNumber) => retryAfterMs(plan, { state: "no-show", tryNumber }))).toEqual([
      hour / 2,
      1.5 * hour,
      null,
    ])
    expect(retryAfterMs(plan, { state: "failed", tryNumber: 1 })).toBeNull()
  })
})
