import { describe, expect, it } from "vitest"
import { faultNames, orderedModels, orderedPlan, runOrdered } from "./ordered.testing.ts"

/** Sequences of faults of each model here; `npm run bench truth` plays more. */
const sequences = 12

/** Sequences after which a device that runs the release was once said to have failed: given up for its bytes, and late. */
const givenUpWrongly = [7, 53]

describe.each(orderedModels)("what the server says of $family.id $model", ({ family, model }) => {
  it("after every fault alone is never that it runs what it does not run", async () => {
    const lies: string[] = []
    for (const fault of faultNames({ family, model })) {
      // What is said of any model is shown on the family's first.
      const isAny = family.device.faults.some((row) => row.fault === fault && row.model === "any")
      if (isAny && model !== family.models[0]?.id) continue
      const run = await runOrdered({ family, model, faults: [fault] })
      if (run.falseSuccess || run.falseRecord) lies.push(`${fault}\n  ${run.story.join("\n  ")}`)
    }
    expect(lies).toEqual([])
  })

  it("after two and three in a row, with restarts of the server, is true as well", async () => {
    const lies: string[] = []
    for (let seed = 1; seed <= sequences; seed++) {
      const run = await runOrdered(orderedPlan({ family, model }, seed))
      if (run.falseSuccess || run.falseRecord) lies.push(`seed ${seed}\n  ${run.story.join("\n  ")}`)
    }
    expect(lies).toEqual([])
  })

  it("is no failure where the device runs the release in the end", async () => {
    const lies: string[] = []
    for (const seed of givenUpWrongly) {
      const run = await runOrdered(orderedPlan({ family, model }, seed))
      if (run.falseFailure) lies.push(`seed ${seed}\n  ${run.story.join("\n  ")}`)
    }
    expect(lies).toEqual([])
  })
})
