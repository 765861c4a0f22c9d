import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import { lintListing, listingLinter } from "./lint-listing.ts"

describe("the linter of FTP listings", () => {
  const lines: readonly (readonly [text: string, rules: readonly string[]])[] = [
    ["-rw-r--r--   1 ota      ota         46999 Nov 20 10:00 PROG001\r\n", []],
    ["total 4\n-rw-r--r-- 1 ftp ftp 46999 Nov 20 10:00 PROG001\n", []],
    ["", ["listing-empty"]],
    ["11-20-26  10:00AM                46999 PROG001\r\n", ["listing-dos-form"]],
    ["type=file;size=46999;modify=20261120100000; PROG001\r\n", ["listing-mlsd-form"]],
    ["-rw-r--r-- 1 ota 46999 Nov 20 10:00 PROG001\r\n", ["listing-no-size"]],
    ["-rw-r--r-- 1 ota ota\r\n", ["listing-too-few-words"]],
    ["drwxr-xr-x 2 ota ota 4096 Nov 20 10:00 OTA\r\n", ["listing-of-directory"]],
  ]

  it.each(lines)("judges %j as a 3G modem reads it", (text, rules) => {
    expect(lintListing(text).map((fault) => fault.rule)).toEqual(rules)
  })

  it("knows a listing by its first line, and UPGRADE.TXT is none", () => {
    expect(listingLinter.matches("reply.txt", latin1("-rw-r--r-- 1 ota ota 5 Nov 20 10:00 X"))).toBe(true)
    expect(listingLinter.matches("UPGRADE.TXT", latin1("FILE:PROG001\n"))).toBe(false)
  })
})
