import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { withTables } from "../scripts/quectel-codes.ts"

it("docs/protocols/quectel.md lists every result code as the code has it", () => {
  const page = readFileSync(new URL("../docs/protocols/quectel.md", import.meta.url), "utf8")
  // If this fails: npx tsx scripts/write-quectel-codes.ts
  expect(page).toBe(withTables(page))
})
