import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fotaEvents, parseFotaUrc } from "./fota-urc.ts"
import vectors from "./fota-urc-vectors.json" with { type: "json" }

describe("the line of an update", () => {
  it("is read as the guides print it", () => {
    for (const { line, event, value } of vectors.lines) expect(parseFotaUrc(line), line).toEqual({ event, value })
  })

  it("is told from every other line", () => {
    for (const line of vectors.others) expect(parseFotaUrc(line), line).toBeNull()
  })

  it("means nothing else when it is cut: a part of it is read as nothing, or as the same event with a shorter number", () => {
    for (const { line, event, value } of vectors.lines) {
      for (let cut = 0; cut < line.length; cut++) {
        const head = parseFotaUrc(line.slice(0, cut))
        if (head !== null) expect([head.event, String(value).startsWith(String(head.value))]).toEqual([event, true])
        if (cut > 0) expect(parseFotaUrc(line.slice(cut))).toBeNull()
      }
    }
  })

  it("is never made of random text, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(parseFotaUrc(text)).toBeNull()
      }),
    )
    const pieces = ["+QIND: ", '"FOTA"', ",", " ", '"END"', '"UPDATING"', "0", "100", "%", '"', "FOTA"]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const urc = parseFotaUrc(parts.join(""))
        if (urc === null || urc.event === "UNFINISHED") return
        expect(fotaEvents[urc.event].value === "none").toBe(urc.value === null)
      }),
    )
  })
})
