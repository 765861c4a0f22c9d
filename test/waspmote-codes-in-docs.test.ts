import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { withTables } from "../scripts/waspmote-codes.ts"

it("docs/protocols/waspmote.md lists every return code as the code has it", () => {
  const page = readFileSync(new URL("../docs/protocols/waspmote.md", import.meta.url), "utf8")
  // If this fails: npx tsx scripts/write-waspmote-codes.ts
  expect(page).toBe(withTables(page))
})
