import { describe, expect, it } from "vitest"
import { limits, type LimitName } from "../../core/kit/limits.ts"
import { callingCode, isDear } from "./number-plan.ts"
import { allowedNumbers, SmsBudget } from "./sms-budget.ts"

function budgetOf(set: readonly string[] | "any", perDay = 1000, own = "+393312345678") {
  const met: LimitName[] = []
  const clock = { now: 0 }
  const allowed = allowedNumbers(set, own)
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
    expect(budgetOf("any").budget.refuse("+4917112345678")).toBeNull()
  })

  it("is bounded so where nothing is set: own country only, without its premium numbers and what shares its code", () => {
    const refused = (own: string, to: string): boolean => budgetOf([], 1000, own).budget.refuse(to) !== null
    expect(refused("+393312345678", "+393351234567")).toBe(false)
    for (const to of ["+39144123456", "+39892123456", "+4917112345678", "+979123456789", "+881612345678"]) {
      expect(refused("+393312345678", to), to).toBe(true)
    }
    expect(refused("+15550100200", "+12125550100")).toBe(false)
    for (const to of ["+19005550100", "+18765550100", "+14735550100"])
      expect(refused("+15550100200", to), to).toBe(true)
    expect(refused("+447700900123", "+447700900124")).toBe(false)
    for (const to of ["+449091234567", "+447012345678", "+447781123456"]) {
      expect(refused("+447700900123", to), to).toBe(true)
    }
    // What shares a code is foreign to each other, both ways.
    expect(refused("+18765550100", "+18765550199")).toBe(false)
    expect(refused("+18765550100", "+12125550100")).toBe(true)
    expect(refused("+79031234567", "+77011234567")).toBe(true)
    expect(budgetOf("any").budget.refuse("+4917112345678")).toBeNull()
  })

  it("keeps from what a setting means no more than it says", () => {
    const refused = (set: string, to: string): boolean => budgetOf([set]).budget.refuse(to) !== null
    expect(refused("+1", "+14165550100")).toBe(false)
    for (const to of ["+18765550100", "+19005550100"]) expect(refused("+1", to), to).toBe(true)
    expect(refused("+1876", "+18765550100")).toBe(false)
    expect(refused("+77", "+77011234567")).toBe(false)
    expect(refused("+447", "+447012345678")).toBe(true)
    expect(refused("+4470", "+447012345678")).toBe(false)
  })

  it("takes SIMs of machines for what they are, and premium numbers that are dialled too long or too short for what they are", () => {
    // Ranges for machines of the Netherlands, France, Spain, Sweden, Norway, Austria, Denmark; few of them stand in a plan.
    const machines =
      "+3197012345678 +33700123456789 +34590123456789 +46719123456789 +4759123456789012 +4367612345678901 +45371234567890"
    for (const number of machines.split(" ")) expect(isDear(number), number).toBe(false)
    for (const number of "+39892123 +398921234567 +49137712345 +3948888 +4489123".split(" ")) {
      expect(isDear(number), number).toBe(true)
    }
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

  it("knows a number's calling code", () => {
    expect(["+393351", "+15550100", "+4917", "+35312345", "+7900"].map(callingCode)).toEqual([
      "+39",
      "+1",
      "+49",
      "+353",
      "+7",
    ])
  })
})
