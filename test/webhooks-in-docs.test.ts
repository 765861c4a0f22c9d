import { readFileSync } from "node:fs"
import { Value } from "typebox/value"
import { describe, expect, it } from "vitest"
import { eventCatalogue, exampleEvents } from "../scripts/webhooks.ts"
import { eventRow } from "../src/core/domain/events/table.ts"

describe("docs/webhooks.md", () => {
  it("lists every kind of event, as the program has it; `npx tsx scripts/write-webhooks.ts` writes it", () => {
    const page = readFileSync(new URL("../docs/webhooks.md", import.meta.url), "utf8")
    expect(page.split("<!-- events -->\n\n")[1]).toBe(`${eventCatalogue()}\n`)
  })

  it("shows of each kind an example that the server could tell", () => {
    const examples = exampleEvents()
    expect(examples.length).toBeGreaterThan(60)
    for (const { event } of examples) {
      const { kind, data } = event as { readonly kind: string; readonly data: object }
      const row = eventRow(kind)
      expect(row !== null && Value.Check(row.data, data), kind).toBe(true)
    }
  })
})
