import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type GroupMember, parseGroup } from "./group.ts"
import { Refusal } from "./refusal.ts"

const mote: GroupMember = {
  id: "m-17",
  family: "waspmote",
  model: "4g",
  running: "3",
  labels: { site: "north", model: "shadow", "a b": "c d" },
}

describe("a group expression", () => {
  it.each([
    ["id=m-17", true],
    ["id=m-*", true],
    ["id=*7", true],
    ["id=m*1*7", true],
    ["id=m-171", false],
    ["id=*-17*8", false],
    ["model=4g", true],
    ["model!=4g", false],
    ["label.model=shadow", true],
    ["site=north and model=3g", false],
    ["site=north, model=4g", true],
    ["site=south or site=north and model=4g", true],
    ["(site=south or site=north) and model=3g", false],
    ["not site=south", true],
    ["not (site=north)", false],
    ["missing=x", false],
    ["missing!=x", true],
    ['"a b"="c d"', true],
    ["running=3", true],
  ])("%s is %s for the mote", (text, expected) => {
    expect(parseGroup(text)(mote)).toBe(expected)
  })

  it.each(["", "site", "site=", "=north", "site=north)", "(site=north", "site==north", "a=b c=d", "and", 'a="b'])(
    "refuses %j with a sentence",
    (text) => {
      expect(() => parseGroup(text)).toThrow(Refusal)
    },
  )

  it("is refused beyond its limits instead of exhausting the stack", () => {
    expect(() => parseGroup(`${"(".repeat(400)}a=b${")".repeat(400)}`)).toThrow(/nested/)
    expect(() => parseGroup(`a=${"b".repeat(2000)}`)).toThrow(/longer/)
  })

  it("parses or refuses whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        try {
          parseGroup(text)(mote)
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal)
        }
      }),
    )
  })
})
