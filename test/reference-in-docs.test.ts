import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { reference } from "../scripts/reference.ts"

it("docs/reference.md says what the program's tables say", () => {
  const page = readFileSync(new URL("../docs/reference.md", import.meta.url), "utf8")
  // If this fails: npx tsx scripts/write-reference.ts
  expect(page).toBe(`${reference()}\n`)
})
