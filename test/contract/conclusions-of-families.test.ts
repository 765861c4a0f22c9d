import { describe, it } from "vitest"
import { benches } from "../../src/core/families/contract-samples.testing.ts"
import { checks } from "./checks.ts"

describe.each(benches)("the server, of $title,", ({ family, model }) => {
  it.each(Object.entries(checks))("%s", (_, check) => check({ family, model }))
})
