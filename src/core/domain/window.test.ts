import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isTimeZone, isWindowOpen, nextWindowChange, parseWindowHours, type Windows, zoneOf } from "./window.ts"

const windows = (timeZone: string, ...hours: string[]): Windows => ({
  timeZone,
  zoneLabel: "tz",
  hours: hours.map((text) => parseWindowHours(text) ?? { days: [], from: 0, to: 1 }),
})
const at = (text: string): number => Date.parse(text)

describe("a window's hours", () => {
  it("are read with and without days", () => {
    expect(parseWindowHours("22:00-05:00")).toEqual({ days: [0, 1, 2, 3, 4, 5, 6], from: 1320, to: 300 })
    expect(parseWindowHours("Mon-Fri 0:30 - 24:00")).toEqual({ days: [0, 1, 2, 3, 4], from: 30, to: 1440 })
    expect(parseWindowHours("Sat-Mon,Wed 08:00-09:00")?.days).toEqual([0, 2, 5, 6])
  })

  it.each([
    "",
    "25:00-26:00",
    "Mo 8:00-9:00",
    "8-9",
    "08:00-08:00",
    "08:61-09:00",
    "Mon-Tue-Wed 8:00-9:00",
    "8:00-0:00",
  ])("refuse %j", (text) => {
    expect(parseWindowHours(text)).toBeNull()
  })
})

describe("a maintenance window", () => {
  // 2026-07-03 is a Friday; Vienna is two hours ahead of UTC then, Kathmandu 5 h 45 min, New York four behind.
  const nights = windows("Europe/Vienna", "Fri 22:00-05:00")

  it("follows the device's own time zone, over midnight into the next day", () => {
    expect(isWindowOpen(nights, "Europe/Vienna", at("2026-07-03T19:59:00Z"))).toBe(false)
    expect(isWindowOpen(nights, "Europe/Vienna", at("2026-07-03T20:00:00Z"))).toBe(true)
    expect(isWindowOpen(nights, "Europe/Vienna", at("2026-07-04T02:59:59Z"))).toBe(true)
    expect(isWindowOpen(nights, "Europe/Vienna", at("2026-07-04T03:00:00Z"))).toBe(false)
    expect(isWindowOpen(nights, "Asia/Kathmandu", at("2026-07-03T16:15:00Z"))).toBe(true)
    expect(isWindowOpen(nights, "America/New_York", at("2026-07-04T01:59:00Z"))).toBe(false)
    expect(isWindowOpen(nights, "America/New_York", at("2026-07-04T02:00:00Z"))).toBe(true)
  })

  it("knows its next opening and its next end", () => {
    const tuesday = at("2026-06-30T12:00:00Z")
    expect(nextWindowChange(nights, "Europe/Vienna", tuesday)).toBe(at("2026-07-03T20:00:00Z"))
    expect(nextWindowChange(nights, "Europe/Vienna", at("2026-07-03T22:10:33Z"))).toBe(at("2026-07-04T03:00:00Z"))
    expect(nextWindowChange(windows("UTC", "00:00-24:00"), "UTC", tuesday)).toBeNull()
    expect(nextWindowChange(windows("UTC", "12:05-12:09"), "UTC", tuesday)).toBe(at("2026-06-30T12:05:00Z"))
  })

  it("meets the clock that is put forward and back as it is", () => {
    // Vienna: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
    const early = windows("Europe/Vienna", "02:00-02:30")
    expect(isWindowOpen(early, "Europe/Vienna", at("2026-03-29T01:10:00Z"))).toBe(false)
    expect(nextWindowChange(early, "Europe/Vienna", at("2026-03-28T12:00:00Z"))).toBe(at("2026-03-30T00:00:00Z"))
    expect(isWindowOpen(early, "Europe/Vienna", at("2026-10-25T00:10:00Z"))).toBe(true)
    expect(isWindowOpen(early, "Europe/Vienna", at("2026-10-25T01:10:00Z"))).toBe(true)
  })

  it("is open without windows, and never knows a change then", () => {
    expect(isWindowOpen(null, "", 0)).toBe(true)
    expect(nextWindowChange(null, "", 0)).toBeNull()
  })

  it("takes a device's label as its zone only where that is one", () => {
    expect(zoneOf(nights, { tz: "Asia/Kathmandu" })).toBe("Asia/Kathmandu")
    expect(zoneOf(nights, { tz: "Middle/Earth" })).toBe("Europe/Vienna")
    expect(zoneOf(nights, {})).toBe("Europe/Vienna")
    expect(isTimeZone("Middle/Earth")).toBe(false)
  })

  it("says a change exactly where open turns to closed, in every zone", () => {
    const zones = [
      "UTC",
      "Europe/Vienna",
      "Asia/Kathmandu",
      "America/St_Johns",
      "Pacific/Chatham",
      "Australia/Lord_Howe",
    ]
    const minute = fc.integer({ min: 0, max: 1439 })
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-01-01T00:00:00Z") }),
        fc.tuple(minute, minute).filter(([from, to]) => from !== to && to !== 0),
        fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }),
        (zone, now, [from, to], days) => {
          const one: Windows = { timeZone: "UTC", zoneLabel: null, hours: [{ days, from, to }] }
          const change = nextWindowChange(one, zone, now)
          if (change === null) throw new Error("a window of one span changes every week")
          const before = isWindowOpen(one, zone, now)
          expect(change).toBeGreaterThan(now)
          expect(isWindowOpen(one, zone, change)).toBe(!before)
          expect(isWindowOpen(one, zone, change - 60_000 < now ? now : change - 60_000)).toBe(before)
        },
      ),
      { numRuns: 60 },
    )
  })
})
