import { expect, it } from "vitest"
import { clausesOf } from "./group-clauses.ts"

it.each([
  ["site=north", [["site", "site=north"]]],
  [
    "site=north and model in (3g, 4g), running<3",
    [
      ["site", "site=north"],
      ["model", "model in (3g, 4g)"],
      ["running", "running<3"],
    ],
  ],
  [
    'label.site="a and b" and not model=4g',
    [
      ["site", 'label.site="a and b"'],
      [null, "not model=4g"],
    ],
  ],
  [
    "(id=a or id=b) and family=telit",
    [
      [null, "(id=a or id=b)"],
      ["family", "family=telit"],
    ],
  ],
  ["site=north or site=south and model=4g", [[null, "site=north or site=south and model=4g"]]],
])("%s has the clauses %j", (expression, clauses) => {
  expect(clausesOf(expression).map(({ key, text }) => [key, text])).toEqual(clauses)
})
