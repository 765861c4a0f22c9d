import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { hex, latin1 } from "../../../kit/bytes.ts"
import { lintUpgradeTxt } from "../server/lint-upgrade-txt.ts"
import { longestUpgradeTxtBytes, makeNoFile, makeUpgradeTxt } from "./upgrade-txt.ts"
import vectors from "../vectors.json" with { type: "json" }

const good = "FILE:PROG001\nPATH:/\nSIZE:56999\nVERSION:11\n"

function rulesOf(text: string): readonly string[] {
  return lintUpgradeTxt(latin1(text)).map((fault) => fault.rule)
}

describe("UPGRADE.TXT", () => {
  it("is written byte for byte as in the guide's examples", () => {
    for (const vector of vectors.upgradeTxt) {
      const { name, sizeBytes, version } = vector
      const text =
        name === undefined || sizeBytes === undefined || version === undefined
          ? makeNoFile()
          : makeUpgradeTxt({ name, sizeBytes, version })
      expect(hex(latin1(text)), vector.source).toBe(vector.hex)
    }
  })

  it("never breaks a rule of its own linter, whatever is offered, and stays short", () => {
    const notices = fc.record({
      name: fc.stringMatching(/^[A-Z0-9_]{7}$/).filter((name) => name !== "NO_FILE"),
      sizeBytes: fc.integer({ min: 513, max: 123_392 }),
      version: fc.integer({ min: 0, max: 127 }),
    })
    fc.assert(
      fc.property(notices, (notice) => {
        const text = makeUpgradeTxt(notice)
        expect(rulesOf(text)).toEqual([])
        expect(text.length).toBeLessThanOrEqual(longestUpgradeTxtBytes)
      }),
    )
    expect(rulesOf(makeNoFile())).toEqual([])
  })
})

describe("the linter of UPGRADE.TXT", () => {
  const broken: readonly (readonly [text: string, rules: readonly string[]])[] = [
    [vectors.upgradeTxtSubFolder.text, vectors.upgradeTxtSubFolder.rules],
    ["", ["empty-file"]],
    [good.replaceAll("\n", "\r\n"), ["carriage-return"]],
    [good.slice(0, -1), ["no-final-line-end"]],
    [`\xef\xbb\xbf${good}`, ["byte-order-mark"]],
    [good.replace("FILE:PROG001\n", ""), ["no-file-label"]],
    [good.replace("PATH:/\n", ""), ["no-path-label"]],
    [good.replace("SIZE:56999\n", ""), ["no-size-label"]],
    [good.replace("VERSION:11\n", ""), ["no-version-label"]],
    [good.replace("FILE:", "File:"), ["no-file-label", "strange-line"]],
    ["PATH:/\nFILE:PROG001\nSIZE:56999\nVERSION:11\n", ["colon-before-file", "label-order"]],
    [good.replace("PROG001", "PROG1"), ["file-name-length"]],
    [good.replace("PROG001", "PRÖG001"), ["not-ascii", "file-name-characters"]],
    [good.replace("PATH:/", "PATH:"), ["path-empty"]],
    [good.replace("PATH:/", "PATH:demo"), ["path-not-absolute"]],
    [good.replace("PATH:/", `PATH:/${"d".repeat(60)}`), ["sub-folder-path", "path-too-long"]],
    [good.replace("PATH:/", "PATH: /"), ["blank-in-path", "path-not-absolute"]],
    [good.replace("56999", "0x99"), ["size-not-a-number"]],
    [good.replace("56999", "512"), ["size-impossible"]],
    [good.replace("56999", "123393"), ["size-impossible"]],
    [good.replace(":11", ":eleven"), ["version-not-a-number"]],
    [good.replace(":11", ":256"), ["version-not-a-byte"]],
    [good.replace(":11", ":255"), ["version-255"]],
    [good.replace(":11", ":128"), ["version-above-127"]],
    [`${good}VERSION:12\n`, ["repeated-version"]],
    [`${good}hello\n`, ["strange-line"]],
    [`${good}${"#".repeat(254)}\n`, ["longer-than-254-bytes", "strange-line"]],
  ]

  it.each(broken)("finds the faults of %j", (text, rules) => {
    expect(rulesOf(text)).toEqual(rules)
  })

  it("finds nothing wrong with the guide's root directory example", () => {
    expect(rulesOf(good)).toEqual([])
  })

  it("takes any bytes without failing and says every fault in one sentence", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        for (const fault of lintUpgradeTxt(bytes)) expect(fault.sentence).toMatch(/\.$/)
      }),
    )
  })
})
