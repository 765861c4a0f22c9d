import { expect, it } from "vitest"
import { isSameText } from "./is-same-text.ts"

it.each([
  ["abc", "abc", true],
  ["", "", true],
  ["abc", "abd", false],
  ["abc", "ab", false],
  ["ab", "abc", false],
  ["abab", "ab", false],
  ["", "abc", false],
  ["abc", "", false],
  ["\u0000", "", false],
  ["ä", "a", false],
])("%j and %j are the same: %s", (given, secret, isSame) => {
  expect(isSameText(given, secret)).toBe(isSame)
})
