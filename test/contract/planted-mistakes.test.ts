import { describe, expect, it } from "vitest"
import { benches } from "../../src/core/families/contract-samples.testing.ts"
import { families } from "../../src/core/families/index.ts"
import { checks } from "./checks.ts"
import { mistakes } from "./planted-mistakes.ts"

/** The model on which a family's mistakes are planted: of DDI's one that reports nothing. */
const models: Readonly<Record<string, string>> = { ddi: "other" }

const planted = mistakes.flatMap(({ name, families: ids, make, seenBy }) =>
  ids.map((id) => {
    const bench = benches.find(({ family, model }) => family.id === id && model === (models[id] ?? model))
    if (bench === undefined) throw new Error(`nothing to plant a mistake in: ${id}`)
    return { name, id, model: bench.model, family: make(bench.family), seenBy }
  }),
)

describe("a mistake that is planted in a family is seen by its contract", () => {
  it.each(planted)("$name, in $id", async ({ family, model, seenBy }) => {
    const failure: unknown = await Promise.resolve()
      .then(() => checks[seenBy]({ family, model }))
      .then(
        () => null,
        (error: unknown) => error,
      )
    // An error of another kind would say that the mistake broke the suite, not that the suite saw it.
    expect(failure, `${seenBy} passes`).toMatchObject({ name: "AssertionError" })
  })

  it("in every family there is one of each kind that it can have", () => {
    for (const { id } of families)
      expect(mistakes.filter(({ families: ids }) => ids.includes(id)).length).toBeGreaterThanOrEqual(5)
  })
})
