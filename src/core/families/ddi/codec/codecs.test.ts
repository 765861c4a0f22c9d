import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import { readConfirmation, readFeedback } from "./feedback.ts"
import { jsonText } from "./json-text.ts"
import { readTar } from "./tar.ts"

interface Vectors {
  readonly feedback: readonly { readonly section: string; readonly body: string; readonly reads: object }[]
  readonly noFeedback: readonly { readonly section: string; readonly body: string }[]
}
const vectors = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8")) as Vectors

describe("a feedback", () => {
  it.each(vectors.feedback)("is read as clients send it: $section", ({ body, reads }) => {
    expect(readFeedback(latin1(body))).toEqual(reads)
  })

  it.each(vectors.noFeedback)("is refused: $section", ({ body }) => {
    expect(readFeedback(latin1(body))).toHaveProperty("fault")
  })

  it("has no control characters, however many details of whatever length it brings", () => {
    const details = Array.from({ length: 50 }, (_, i) => `\u001b[2J${i}\n${"x".repeat(1000)}`)
    const feedback = readFeedback(latin1(jsonText({ status: { execution: "closed", details } })))
    if ("fault" in feedback) throw new Error(feedback.fault)
    expect(feedback.details).toHaveLength(20)
    for (const one of feedback.details) expect(one).toMatch(/^\P{C}{1,300}$/u)
  })

  it("of any bytes is read or refused, and throws never", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (bytes) => {
          readFeedback(bytes)
          readConfirmation(bytes)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("a confirmation", () => {
  it.each([
    ['{"confirmation":"confirmed"}', true],
    ['{"confirmation":"denied","code":3,"details":["not today"]}', false],
  ])("%s", (body, isConfirmed) => {
    expect(readConfirmation(latin1(body))).toMatchObject({ isConfirmed })
  })

  it("that says neither is refused", () => {
    expect(readConfirmation(latin1('{"confirmation":"maybe"}'))).toHaveProperty("fault")
  })
})

describe("JSON on the wire", () => {
  it("is ASCII and says the same", () => {
    const value = { name: "Gärtnerei № 5 \u{1f331}" }
    expect(jsonText(value)).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(jsonText(value))).toEqual(value)
  })
})

describe("a bundle", () => {
  it("is what tar packs, in its order, with the folder at its top", () => {
    const dir = mkdtempSync(join(tmpdir(), "waft-tar-"))
    try {
      writeFileSync(join(dir, "a.bin"), "0123456789")
      writeFileSync(join(dir, "b.bin"), new Uint8Array(1500).fill(7))
      const bytes = execFileSync("tar", ["--format=ustar", "-C", dir, "-cf", "-", "./b.bin", "./a.bin"])
      const files = readTar(bytes)
      expect(files?.map(({ name, bytes: { length } }) => [name, length])).toEqual([
        ["b.bin", 1500],
        ["a.bin", 10],
      ])
      for (let cut = 1; cut < 1024; cut += 37) expect(readTar(bytes.subarray(0, cut)) ?? []).toEqual([])
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  it("of any bytes is read or refused", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => void readTar(bytes)))
  })
})
