import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { deltaAppendix } from "../scripts/delta-appendix.ts"

it("docs/delta-format-appendix.md holds the tables and listings that the decoder runs on", () => {
  const page = readFileSync(new URL("../docs/delta-format-appendix.md", import.meta.url), "utf8")
  // If this fails: npx tsx scripts/write-delta-appendix.ts
  expect(page).toBe(`${deltaAppendix()}\n`)
})
