import { describe, expect, it } from "vitest"
import { moduleProfile, moduleProfiles } from "./models.ts"
import { type EndEvent, moduleResult, resultCodes } from "./result-codes.ts"
import vectors from "./vectors.json" with { type: "json" }

const named = (codes: readonly { readonly event: string; readonly code: number; readonly words: string }[]) =>
  codes.map(({ event, code, words }) => ({ event, code, words }))

describe("the result codes", () => {
  it("of an AG35 are the 27 of the guide's Table 1, in its words", () => {
    expect(named(resultCodes(moduleProfile("AG35")))).toEqual(named(vectors.codes))
    expect(vectors.codes).toHaveLength(27)
  })

  it.each(moduleProfiles)("of $id have words and a sentence each, once", (profile) => {
    const codes = resultCodes(profile)
    for (const { words, sentence } of codes) {
      expect(words).not.toBe("")
      expect(sentence).toMatch(/^[A-Z].{20,}\.$/)
    }
    expect(new Set(codes.map(({ event, code }) => `${event} ${code}`)).size).toBe(codes.length)
  })

  it("mean different things on different modules", () => {
    const retry = (model: string, event: EndEvent, code: number) =>
      moduleResult(moduleProfile(model), event, code).retry
    expect(retry("EP06", "END", 511)).toBe("device")
    expect(retry("BG96", "END", 511)).toBe("wrong-package")
    expect(retry("EP06", "HTTPEND", 708)).toBe("transient")
    expect(retry("BG96", "HTTPEND", 708)).toBe("device")
  })

  it("keep a number that no document lists, as a failure", () => {
    for (const code of [-1, 0.5, 999, 4_294_967_296]) {
      expect(moduleResult(moduleProfile("AG35"), "END", code)).toMatchObject({
        code,
        isKnown: false,
        retry: "permanent",
      })
    }
    // AG35's guide knows one FTP error; another module's number is not its.
    expect(moduleResult(moduleProfile("AG35"), "FTPEND", 627).isKnown).toBe(false)
  })

  /** quectel.md 4.7.6, number by number. */
  it.each([
    ["transient", [601, 602, 603, 604, 605, 606, 607, 608, 609, 614, 615, 616]],
    ["permanent", [610, 611, 612, 613, 617, 618, 619, 620, 621, 622, 623, 624, 625, 626, 627, 628, 629, 630, 631]],
  ] as const)("are %s over FTP where the rules say so", (retry, codes) => {
    for (const code of codes)
      expect(moduleResult(moduleProfile("EP06"), "FTPEND", code).retry, String(code)).toBe(retry)
  })

  it.each([
    [
      "transient",
      [701, 702, 703, 704, 705, 706, 707, 708, 709, 710, 714, 715, 716, 717, 718, 719, 720, 721, 722, 727, 728],
    ],
    ["permanent", [711, 712, 713, 723, 730]],
  ] as const)("are %s over HTTP where the rules say so", (retry, codes) => {
    for (const code of codes)
      expect(moduleResult(moduleProfile("EP06"), "HTTPEND", code).retry, String(code)).toBe(retry)
  })
})
