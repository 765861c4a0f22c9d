import { beforeAll, describe, expect, it } from "vitest"
import { type Lie, lies } from "./lies.testing.ts"
import { oldRules } from "./old-rules.testing.ts"
import { faultsOf } from "./plans.testing.ts"
import { runTruth, type TruthRun } from "./run.testing.ts"
import { type ModelScripts, pullModels, recordScripts } from "./scripts.testing.ts"

const scriptsOf = new Map<string, ModelScripts>()

beforeAll(async () => {
  await Promise.all(
    pullModels.map(async ({ family, model }) => scriptsOf.set(model, await recordScripts(family, model))),
  )
})

function play(lie: Lie, rule?: Lie["under"]): TruthRun {
  const today = scriptsOf.get(lie.model)
  if (today === undefined) throw new Error(`no model ${lie.model}`)
  const { family } = today
  const scripts = rule === undefined ? today : { ...today, family: { ...family, pull: oldRules[rule](family.pull) } }
  if ("faults" in lie) return runTruth({ scripts, faults: lie.faults, seed: 1, isPlain: true })
  const names = scripts.old.map(({ fault }) => fault)
  return runTruth({ scripts, faults: faultsOf(names, lie.seed), seed: lie.seed })
}

const isLie = (run: TruthRun): boolean => run.falseSuccess || run.falseDecline || !run.isCorrected

describe("what the server once said and was not so", () => {
  it.each(
    lies.map((lie) => ({ lie, title: `${lie.model} ${"seed" in lie ? lie.seed : lie.faults.join()}: ${lie.shown}` })),
  )("$title", ({ lie }) => {
    const run = play(lie)
    expect(isLie(run), run.story.join("\n")).toBe(false)
    if (lie.under !== undefined) expect(isLie(play(lie, lie.under)), `under the old rule: ${lie.under}`).toBe(true)
  })

  it("every old rule has one, but for two that the gateway's own tests hold", () => {
    const without = Object.keys(oldRules).filter((rule) => !lies.some(({ under }) => under === rule))
    expect(without).toEqual(["an end that nobody saw was a good one", "whoever has the login is the device"])
  })
})
