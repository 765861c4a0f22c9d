import { parse } from "csv-parse/sync"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { anyText } from "./any-text.testing.ts"
import { cleanText, cleanTexts, csvCell, hasHidden, shown, shownJson, type TextKind, textBounds } from "./clean-text.ts"

const kinds = Object.keys(textBounds) as TextKind[]

describe("a text of somebody else", () => {
  it("is shown with its characters that steer or hide as escapes", () => {
    expect(shown("a\u0000b\u001b[2J\u007f\u009b1m\n")).toBe("a\\u{0}b\\u{1b}[2J\\u{7f}\\u{9b}1m\\u{a}")
    expect(shown("\u202eexe.\u2069\u200b\ufeff\u00ad\u2028\u{e0041}")).toBe(
      "\\u{202e}exe.\\u{2069}\\u{200b}\\u{feff}\\u{ad}\\u{2028}\\u{e0041}",
    )
    expect(shown("\ud800x\u3164\u{e0101}\ue000")).toBe("\\u{d800}x\\u{3164}\\u{e0101}\\u{e000}")
    expect(shown("Grüße, 版本 1.0 ✓ 🌾")).toBe("Grüße, 版本 1.0 ✓ 🌾")
  })

  it("hides nothing and steers nothing, whatever it was, within its bound; cleaning it again changes nothing", () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(...kinds), (text, kind) => {
        const clean = cleanText(text, kind)
        expect(hasHidden(clean)).toBe(false)
        expect(clean.length).toBeLessThanOrEqual(textBounds[kind])
        expect(cleanText(clean, kind)).toBe(clean)
      }),
      { numRuns: 3000 },
    )
    expect(cleanText("\u001b".repeat(1_000_000), "version")).toHaveLength(textBounds.version)
    expect(cleanText(`${"9".repeat(126)}🌾🌾`, "version")).toBe(`${"9".repeat(126)}…`)
    expect(cleanText("9".repeat(129), "version")).toBe(`${"9".repeat(127)}…`)
  })

  it("is cleaned wherever it stands in a value; a clean value comes back as the same object", () => {
    const value = { version: "v".repeat(200), deep: [{ sentence: "a\u0007" }, 1, null], fine: { a: ["b"] } }
    const clean = cleanTexts(value, "memory")
    expect(clean).toEqual({
      version: `${"v".repeat(127)}…`,
      deep: [{ sentence: "a\\u{7}" }, 1, null],
      fine: value.fine,
    })
    expect(clean.fine).toBe(value.fine)
    expect(cleanTexts(clean, "memory")).toBe(clean)
  })

  it("stands in JSON without steering whoever prints that, and programs read it unchanged", () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(undefined, 2), (text, indent) => {
        const json = shownJson({ [text]: [text] }, indent)
        expect(hasHidden(json.replaceAll("\n", ""))).toBe(false)
        expect(JSON.parse(json)).toEqual({ [text]: [text] })
      }),
      { numRuns: 1000 },
    )
  })

  it("is one cell of a CSV file and no formula", () => {
    for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"]) expect(csvCell(text)).not.toMatch(/^"?[=+\-@\t]/)
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const rows: unknown = parse(`${csvCell(one)},${csvCell(other)},end\n`, { relax_column_count: true })
        const [cells] = rows as [string[]]
        expect(cells).toHaveLength(3)
        for (const cell of cells) expect(cell).not.toMatch(/^[=+\-@\t\r]/)
      }),
      { numRuns: 1000 },
    )
  })
})
