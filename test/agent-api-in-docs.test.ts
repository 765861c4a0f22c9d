import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { withTables } from "../scripts/agent-api.ts"

it("docs/agent-api.md describes every call as the contract has it", () => {
  const page = readFileSync(new URL("../docs/agent-api.md", import.meta.url), "utf8")
  // If this fails: npx tsx scripts/write-agent-api.ts
  expect(page).toBe(withTables(page))
})
