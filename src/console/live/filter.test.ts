import { describe, expect, it } from "vitest"
import { stateIn, typedFilter, withState, withoutState } from "./filter.ts"

describe("a filter's chips", () => {
  it.each([
    ["", "failed", "state=failed"],
    ["site=oslo", "failed", "site=oslo and state=failed"],
    ["site=oslo or site=rome", "failed", "(site=oslo or site=rome) and state=failed"],
    ["site=oslo and state=failed", "no-show", "site=oslo and state=no-show"],
    ["state=failed and site=oslo", "offered", "site=oslo and state=offered"],
  ] as const)("%j with %s is %j", (filter, state, expected) => {
    expect(withState(filter, state)).toBe(expected)
    expect(stateIn(expected)).toBe(state)
  })

  it("give back the filter as it was", () => {
    for (const filter of ["", "site=oslo", "site=oslo or site=rome"]) {
      expect(withoutState(withState(filter, "failed"))).toBe(filter)
      expect(withState(withState(filter, "failed"), null)).toBe(filter)
    }
  })

  it("a bare word is looked for in ids, an expression is left as it is", () => {
    expect(typedFilter(" mote-7 ")).toBe('id="*mote-7*"')
    expect(typedFilter("site=oslo")).toBe("site=oslo")
    expect(typedFilter("@north")).toBe("@north")
  })
})
