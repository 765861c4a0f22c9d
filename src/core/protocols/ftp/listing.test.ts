import { describe, expect, it } from "vitest"
import { formatFacts, formatListLine, formatTime, listingFacts, parseTime, sizeInListLine } from "./listing.ts"
import vectors from "./vectors.json" with { type: "json" }

const kinds = { file: "file", directory: "directory" } as const

function entryOf(vector: { kind: string; name: string; sizeBytes: number; iso: string }) {
  const kind = vector.kind === "file" ? kinds.file : kinds.directory
  return { kind, name: vector.name, sizeBytes: vector.sizeBytes, modifiedAt: new Date(vector.iso) }
}

describe("a listing", () => {
  it("has the form of ls -l, with the size as the fifth blank-separated token", () => {
    for (const vector of vectors.listLines) {
      expect(formatListLine(entryOf(vector), new Date(vector.now))).toBe(vector.line)
      expect(vector.line.split(/ +/)[4]).toBe(String(vector.sizeBytes))
      expect(sizeInListLine(vector.line)).toBe(vector.sizeBytes)
    }
  })

  it("has the facts of MLSD", () => {
    for (const vector of vectors.facts) expect(formatFacts(entryOf(vector), listingFacts)).toBe(vector.line)
  })

  it("names only the facts that were asked for", () => {
    const entry = entryOf({ kind: "file", name: "a b", sizeBytes: 5, iso: "2026-11-21T01:15:00Z" })
    expect(formatFacts(entry, ["size"])).toBe("size=5; a b")
    expect(formatFacts(entry, [])).toBe(" a b")
  })

  it("gives no size for a line without one", () => {
    for (const line of ["", "total 4", "a b c d e f", "-r--r--r-- 1 a b"]) expect(sizeInListLine(line)).toBeNull()
  })
})

describe("a time", () => {
  it("is read and written as the documents write it", () => {
    for (const { text, iso } of vectors.times) {
      expect(parseTime(text)?.toISOString()).toBe(iso)
      expect(formatTime(new Date(iso))).toBe(text.slice(0, 14))
    }
  })

  it("is refused when no calendar has it", () => {
    for (const text of ["", "20261321000000", "20260230000000", "2026112101150", "x"])
      expect(parseTime(text)).toBeNull()
  })
})
