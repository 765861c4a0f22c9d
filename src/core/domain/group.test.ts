import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseGroup } from "./group.ts"
import type { GroupContext, GroupMember } from "./group-member.ts"
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

  const context: GroupContext = {
    compareVersions: (_, a, b) => Number(a) - Number(b),
    now: () => 10 * 86_400_000,
    savedGroup: (name) => (name === "north" ? ({ labels }) => labels.site === "north" : null),
  }

  it.each([
    ["running < 4", true],
    ["running<3", false],
    ["running <= 3", true],
    ["running > 2 and running < 10", true],
    ["model in (3g, 4*)", true],
    ["model not in (3g, 4*)", false],
    ["model in (3g), site=north", false],
    ["id in (m-17)", true],
    ["last_seen > 7d", true],
    ["last_seen > 9d", false],
    ["last_seen < 1w", false],
    ["state=offered", true],
    ["state!=offered", false],
    ["floor >= 2", true],
    ["floor > 2.5", false],
    ["cellar > 1", false],
    ["group=north", true],
    ["not group=north", false],
    ["group != north", false],
    ['"and"=x or id=m-17', true],
    ["in=x or id=m-17", true],
  ])("with the fleet around it, %s is %s for the mote", (text, expected) => {
    const member = { ...mote, labels: { ...mote.labels, floor: "2" }, state: "offered", lastSeenAt: 1.5 * 86_400_000 }
    expect(parseGroup(text, context)(member)).toBe(expected)
  })

  it("counts a device that never came as silent for longer than any time", () => {
    expect(parseGroup("last_seen > 500w", context)(mote)).toBe(true)
    expect(parseGroup("last_seen < 500w", context)(mote)).toBe(false)
  })

  it.each([
    ["id=a )", '")" was not expected, at character 6'],
    ["id=a and", 'a key such as id, model or a label was expected where "the end" stands, at character 9'],
    ["model < 4g", "model has no order; it takes = and !=, at character 7"],
    ["last_seen > soon", "last_seen is compared with a time such as 30m, 12h or 7d, at character 13"],
    ["site in north", 'a "(" must follow "in", at character 9'],
    ["site in (north", 'a ")" is missing, at character 15'],
    ['id="a', "the closing quotation mark is missing, at character 4"],
    ["floor > high", 'the label floor is compared with a number, not with "high", at character 9'],
    ["id=a or group=south", "there is no saved group south, at character 15"],
    ["id ! a", '"! a" was not expected, at character 4'],
  ])("%s is refused at its character", (text, detail) => {
    expect(() => parseGroup(text, context)).toThrow(detail)
  })

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
