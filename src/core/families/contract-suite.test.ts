import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { PowerCut } from "./body.ts"
import type { Upload } from "./family.ts"
import { families } from "./index.ts"
import { boardImage } from "./pic32mzw1/board.testing.ts"
import { ContractBench } from "./testing/contract-bench.testing.ts"

/** A program of each family, by version 2 or 3 and model. A new family adds one line. */
const samples: Readonly<Record<string, (version: 2 | 3, model: string) => Pick<Upload, "fileName" | "bytes">>> = {
  waspmote: (version) => ({
    fileName: "PROG001.hex",
    bytes: readFileSync(new URL(`../../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url)),
  }),
  pic32mzw1: (version, model) => ({ fileName: `v${version}.bin`, bytes: boardImage(version, { model }) }),
}

function upload(family: string, version: 2 | 3, model: string): Upload {
  const sample = samples[family]
  if (sample === undefined) throw new Error(`the contract suite has no sample program of ${family}`)
  return { ...sample(version, model), version: String(version), models: [], options: {} }
}

/** Models that have a device in software: those with a fault list of their own, or all when the list is for any. */
const benches = families.flatMap((family) => {
  const own = new Set(family.device.faults.map((row) => row.model).filter((model) => model !== "any"))
  const models = family.models.filter((model) => own.size === 0 || own.has(model.id))
  return models.map((model) => ({ family, model: model.id, title: `${family.id} ${model.id}` }))
})

describe.each(benches)("the contract of a family, kept by $title", ({ family, model }) => {
  const success = family.device.faults.find(
    (row) => row.fault === "none" && (row.model === model || row.model === "any"),
  )?.code

  it("a good image succeeds, and the device then leaves the offer alone", async () => {
    const bench = new ContractBench(family, model)
    bench.offer(upload(family.id, 2, model))
    const end = await bench.contact()
    expect(end, bench.lines.join("\n")).toMatchObject({ code: success, running: { version: "2" } })
    expect(bench.fetched).toHaveLength(2)
    await bench.contact()
    expect(bench.fetched).toHaveLength(1)
  })

  it("a corrupt image fails with a code that has words, and the old program stays", async () => {
    const bench = new ContractBench(family, model)
    bench.offer(upload(family.id, 2, model))
    await bench.contact()
    bench.offer(upload(family.id, 3, model), (image) =>
      image.map((byte, index) => (index >= 16 && index < 64 ? byte ^ 0xff : byte)),
    )
    const end = await bench.contact()
    expect(end.code).not.toBe(success)
    expect(end.words).not.toBe("")
    expect(end.running.version).toBe("2")
  })

  it("a device that finds nothing for it keeps what it runs", async () => {
    const bench = new ContractBench(family, model)
    const before = (await bench.contact()).running.version
    bench.powerOff()
    expect((await bench.contact()).running.version).toBe(before)
  })

  it("power cut at steps all over an update ends in the old or the new program, and the next contacts finish it", async () => {
    const total = await countChanges(model, family)
    // Every step is cut in the family's own tests; here about six, spread over the whole update.
    for (let step = 0; step < total; step += Math.max(1, Math.floor(total / 6))) {
      const bench = await offeredBench(model, family)
      let left = step
      bench.storage.beforeChange = () => (left-- > 0 ? undefined : 0.5)
      await expect(bench.contact(), `step ${step}`).rejects.toThrow(PowerCut)
      bench.storage.beforeChange = () => undefined
      bench.powerOff()
      const versions: string[] = []
      for (let contact = 0; contact < 3 && versions.at(-1) !== "3"; contact++) {
        versions.push((await bench.contact()).running.version)
      }
      expect(["2", "3"], `step ${step}`).toContain(versions[0])
      expect(versions.at(-1), `step ${step}: ${versions.join()}`).toBe("3")
    }
  })

  it("a repeated message changes nothing", () => {
    const bench = new ContractBench(family, model)
    const offer = bench.offer(upload(family.id, 2, model))
    expect(bench.offer(upload(family.id, 2, model))).toEqual(offer)
    const once = family.afterFetch({}, offer)
    expect(family.afterFetch(once, offer)).toEqual(once)
  })

  it("what the server stores of an offer and a device survives being written as JSON", () => {
    const bench = new ContractBench(family, model)
    const offer = bench.offer(upload(family.id, 2, model))
    expect(JSON.parse(JSON.stringify(offer))).toEqual(offer)
    const state = family.afterFetch({}, offer)
    expect(JSON.parse(JSON.stringify(state))).toEqual(state)
  })

  // What is said of any model is shown on the family's first.
  const faults = family.device.faults.filter(
    (row) => row.model === model || (row.model === "any" && model === family.models[0]?.id),
  )
  it.each(faults)("the fault $fault ends with $code, which has words", async ({ fault, code, words }) => {
    const bench = new ContractBench(family, model)
    bench.offer(upload(family.id, 2, model))
    const end = await bench.contact(fault)
    expect(end.code, bench.lines.join("\n")).toBe(code)
    expect(end.words).toBe(words)
    expect(words).not.toBe("")
  })

  it("every moment of an update has a sentence for the operator", () => {
    const bench = new ContractBench(family, model)
    const offer = bench.offer(upload(family.id, 2, model))
    const facts = { version: "2", model, offer, sizeBytes: 5000, takenBytes: 100, wholeFetches: 1, reads: 1 }
    for (const [moment, sentence] of Object.entries(family.pull.words)) {
      expect(sentence(facts), moment).toMatch(/^[A-Z].{20,}\.$/)
    }
  })
})

/** A device that runs version 2 and is offered version 3. */
async function offeredBench(model: string, family: (typeof families)[number]): Promise<ContractBench> {
  const bench = new ContractBench(family, model)
  bench.offer(upload(family.id, 2, model))
  await bench.contact()
  bench.offer(upload(family.id, 3, model))
  return bench
}

async function countChanges(model: string, family: (typeof families)[number]): Promise<number> {
  const bench = await offeredBench(model, family)
  let changes = 0
  bench.storage.beforeChange = () => {
    changes += 1
    return undefined
  }
  await bench.contact()
  return changes
}
