import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { hex, latin1 } from "../../../kit/bytes.ts"
import { type BlindStop, MemoryOverrun, readBlindly, readStrictly, type StrictStop } from "../device/read-notice.ts"
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

/** Notices with lines missing, doubled, out of order, misspelt, with any line end, and now and then NO_FILE. */
const notices = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        ...["FILE:PROG001", "FILE:PROG001", "FILE:NO_FILE", "FILE:PROG1", "FILE :PROG001", "File:PROG001"],
        ...["PATH:/", "PATH:/", "PATH:", "PATH :/", "SIZE:56999", "SIZE:56999", "SIZE: 56999", "size:1"],
        ...["VERSION:11", "VERSION:11", "VERSION:", "VERSION :11", "VERSION", "# PATH", ""],
      ),
      fc.constantFrom("\n", "\n", "\n", "\n", "\r\n", "\r", ""),
    ),
    { maxLength: 7 },
  )
  .map((lines) => lines.map((parts) => parts.join("")).join(""))
/** The same in the usual order, where one thing is wrong at most. */
const nearlyGood = fc
  .tuple(fc.constantFrom("PROG001", "NO_FILE"), fc.integer({ min: 0, max: 4 }), fc.constantFrom("\n", "\r\n"))
  .map(([name, missing, end]) => {
    const lines = [`FILE:${name}`, "PATH:/", "SIZE:56999", "VERSION:11"].filter((_, at) => at !== missing)
    return lines.map((line) => line + end).join("")
  })

const strictCodes: Readonly<Record<StrictStop, readonly [string, string]>> = {
  "no-file-label": ["5", "0023"],
  "name-length": ["4", "0022"],
  "no-file": ["6", "0024"],
  "no-path": ["7", "0025"],
  "no-size": ["8", "0026"],
  "no-version": ["9", "0027"],
}
const blindCodes: Readonly<Record<BlindStop, readonly [string, string]>> = {
  "no-file-label": ["-23", "-66"],
  "no-path": ["-24", "-67"],
  "no-version": ["-25", "-68"],
}

/** What a reader makes of a notice; null where it wrote past a buffer, after which nothing is sure. */
async function readBy<Read>(read: () => Read | Promise<Read>): Promise<Read | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MemoryOverrun) return null
    throw error
  }
}

describe("the linter of UPGRADE.TXT", () => {
  it("says of every notice what the virtual motes do with it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(notices, nearlyGood), async (text) => {
        const strict = await readBy(() => readStrictly(text, () => Promise.resolve()))
        const blind = await readBy(() => readBlindly(text, 60))
        const faults = text === "" ? [] : lintUpgradeTxt(latin1(text))
        const firm = faults.filter(({ rule }) => /^no-.*-label$|^carriage-return$/.test(rule))
        const said = firm.map(({ sentence }) => sentence).join("\n")
        const claims = (pattern: RegExp): readonly string[] =>
          [...said.matchAll(pattern)].map((match) => match[1] ?? "")
        if (typeof strict === "string") {
          const [fourG, wifiPro] = strictCodes[strict]
          expect(new Set([...claims(/4G returns (\d+)/g), fourG]), text).toEqual(new Set([fourG]))
          expect(new Set([...claims(/ERROR_CODE_(\d+)/g), wifiPro]), text).toEqual(new Set([wifiPro]))
        }
        if (typeof blind === "string") {
          const [thirdGeneration, gprs] = blindCodes[blind]
          expect(new Set([...claims(/3G returns (-\d+)/g), thirdGeneration]), text).toEqual(new Set([thirdGeneration]))
          expect(new Set([...claims(/and GPRS (-\d+)/g), gprs]), text).toEqual(new Set([gprs]))
        }
        const isRead = strict !== null && blind !== null && typeof blind !== "string"
        const isNothing = isRead && strict === "no-file" && blind.name === "NO_FILE"
        const isProgram = isRead && typeof strict !== "string" && strict.name === blind.name
        if (text !== "" && !isNothing && !isProgram) expect(faults.length, text).toBeGreaterThan(0)
        if (text !== "" && faults.length === 0 && isProgram) {
          expect(strict).toEqual({ name: "PROG001", path: "/", sizeBytes: 56_999, version: 11 })
          expect(blind).toEqual({ name: "PROG001", path: "/", version: 11 })
        }
      }),
      { numRuns: 2000 },
    )
  })

  const broken: readonly (readonly [text: string, rules: readonly string[]])[] = [
    [vectors.upgradeTxtSubFolder.text, vectors.upgradeTxtSubFolder.rules],
    ["", ["empty-file"]],
    [good.replaceAll("\n", "\r\n"), ["carriage-return"]],
    [good.slice(0, -1), ["no-final-line-end"]],
    [good.replaceAll("\n", "\r"), ["lone-carriage-return", "no-final-line-end", "file-name-length"]],
    [good.replaceAll("\n", "\\n"), ["written-line-end", "no-final-line-end", "file-name-length"]],
    ["FILE:NO_FILE\n", ["no-path-label", "no-version-label"]],
    ["FILE:NO_FILE\nPATH:\nVERSION:\n", []],
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
