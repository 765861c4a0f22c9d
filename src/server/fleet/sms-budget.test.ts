import { describe, expect, it } from "vitest"
import { limits, type LimitName } from "../../core/kit/limits.ts"
import { allowedNumbers, countryOf, SmsBudget } from "./sms-budget.ts"

function budgetOf(allowed: readonly string[] | null, perDay = 1000) {
  const met: LimitName[] = []
  const clock = { now: 0 }
  const budget = new SmsBudget({ allowed, perDay, monotonic: () => clock.now, hit: (limit) => met.push(limit) })
  return { budget, met, clock }
}

describe("what short messages may cost", () => {
  it("is bounded by number ranges: foreign and dear ones are refused unless they are named", () => {
    const { budget, met } = budgetOf(["+39"])
    expect(budget.refuse("+393351234567")).toBeNull()
    for (const number of ["+4917112345678", "+398991234567", "+979123456789", "89912", "112", "", "+39"]) {
      expect(budget.refuse(number), number).not.toBeNull()
    }
    expect(new Set(met)).toEqual(new Set(["sms.number"]))
    expect(budgetOf(["+39", "+3989"]).budget.refuse("+398991234567")).toBeNull()
    expect(budgetOf(null).budget.refuse("+4917112345678")).toBeNull()
  })

  it("is bounded so where nothing is set: own country only, without its premium numbers and what shares its code", () => {
    const refused = (own: string, to: string): boolean => budgetOf(allowedNumbers([], own)).budget.refuse(to) !== null
    expect(refused("+393312345678", "+393351234567")).toBe(false)
    for (const to of ["+39144123456", "+39892123456", "+4917112345678", "+979123456789", "+881612345678"]) {
      expect(refused("+393312345678", to), to).toBe(true)
    }
    expect(refused("+15550100200", "+12125550100")).toBe(false)
    for (const to of ["+19005550100", "+18765550100", "+14735550100"])
      expect(refused("+15550100200", to), to).toBe(true)
    expect(refused("+447700900123", "+447700900124")).toBe(false)
    for (const to of ["+449091234567", "+447012345678"]) expect(refused("+447700900123", to), to).toBe(true)
    expect(budgetOf(allowedNumbers("any", "+39331")).budget.refuse("+4917112345678")).toBeNull()
  })

  it("is bounded by number and day, and in all", () => {
    const { budget, met, clock } = budgetOf(["+39"], 40)
    const { most } = limits["sms.per-number-day"]
    for (let n = 0; n < most; n++) expect(budget.refuse("+393351234567")).toBeNull()
    expect(budget.refuse("+393351234567")).toMatch(/has had 24 messages today/)
    for (let n = most; n < 40; n++) expect(budget.refuse(`+39335123456${n % 10}${n}`)).toBeNull()
    expect(budget.refuse("+393359999999")).toMatch(/40 messages were sent today/)
    expect(met).toEqual(["sms.per-number-day", "sms.per-day"])
    clock.now += 86_400_000
    expect(budget.refuse("+393351234567")).toBeNull()
  })

  it("knows a number's country", () => {
    expect(["+393351", "+15550100", "+4917", "+35312345", "+7900"].map(countryOf)).toEqual([
      "+39",
      "+1",
      "+49",
      "+353",
      "+7",
    ])
  })
})
