import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { cutMiddle, fitColumns } from "./fit-columns.ts"

describe("columns that fit a terminal", () => {
  it("stay as they are where there is room", () => {
    expect(fitColumns([10, 20, 30], 64)).toEqual([10, 20, 30])
  })

  it("let the widest give way first", () => {
    expect(fitColumns([10, 20, 100], 80)).toEqual([10, 20, 46])
    expect(fitColumns([50, 60, 10], 80)).toEqual([33, 33, 10])
  })

  it("never become so narrow that they say nothing, and otherwise fit", () => {
    const width = fc.integer({ min: 1, max: 300 })
    fc.assert(
      fc.property(
        fc.array(width, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 20, max: 250 }),
        (widths, most) => {
          const fitted = fitColumns(widths, most)
          const line = fitted.reduce((sum, one) => sum + one, 2 * (fitted.length - 1))
          expect(fitted.every((one, at) => one <= (widths[at] ?? 0))).toBe(true)
          expect(line <= most || fitted.every((one) => one <= 12)).toBe(true)
          expect(fitted.every((one, at) => one >= Math.min(12, widths[at] ?? 0))).toBe(true)
        },
      ),
    )
  })
})

describe("a text cut in the middle", () => {
  it("keeps both ends and is exactly as long as it may be", () => {
    expect(cutMiddle("AG35CEVAR05A07M4G", 12)).toBe("AG35CE…07M4G")
    expect(cutMiddle("short", 12)).toBe("short")
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 40 }), (text, most) => {
        const cut = cutMiddle(text, most)
        expect(cut.length).toBe(Math.min(text.length, most))
        expect(cut.slice(0, 1)).toBe(text.slice(0, 1))
      }),
    )
  })
})
