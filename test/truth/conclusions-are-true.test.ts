import { beforeAll, describe, expect, it } from "vitest"
import { tallyRuns } from "./plans.testing.ts"
import { runTruth } from "./run.testing.ts"
import { type ModelScripts, pullModels, recordScripts } from "./scripts.testing.ts"

/** Runs of each model here; `npm run bench truth` does a million. */
const runs = 2500
const scriptsOf = new Map<string, ModelScripts>()

beforeAll(async () => {
  await Promise.all(
    pullModels.map(async ({ family, model }) => scriptsOf.set(model, await recordScripts(family, model))),
  )
})

function scripts(model: string): ModelScripts {
  const found = scriptsOf.get(model)
  if (found === undefined) throw new Error(`no scripts of ${model}`)
  return found
}

describe.each(pullModels.map(({ model }) => model))("what the server says of %s", (model) => {
  it("of a sound update is said at the third contact after it, at a board's fourth", () => {
    const run = runTruth({ scripts: scripts(model), faults: [], seed: 1, isPlain: true })
    expect(run).toMatchObject({
      end: "succeeded",
      contacts: scripts(model).family.pull.quietContacts.whole,
      falseSuccess: false,
    })
  })

  it("of every fault alone, and every two in a row, is never that it runs what it does not run", () => {
    const { old } = scripts(model)
    const lies: string[] = []
    for (const { fault } of old) {
      for (const next of [null, ...old.map((script) => script.fault)]) {
        const faults = next === null ? [fault] : [fault, next]
        const run = runTruth({ scripts: scripts(model), faults, seed: 1, isPlain: true })
        if (run.falseSuccess || run.falseFailure || run.falseDecline) lies.push(faults.join())
      }
    }
    expect(lies).toEqual([])
  })

  it("with networks that change, visitors, restarts, power cuts and second devices is true or taken back", () => {
    const lies: string[] = []
    const onLie = (seed: number): void => void lies.push(`seed ${seed}`)
    const tally = tallyRuns(scripts(model), { from: 1, count: runs, onLie })
    expect(tally).toMatchObject({ runs, falseSuccess: 0, falseDecline: 0, uncorrected: 0 })
    expect(tally.falseFailure).toBeLessThanOrEqual(1)
  })
})
