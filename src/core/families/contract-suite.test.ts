import { describe, expect, it } from "vitest"
import { PowerCut } from "./body.ts"
import { benches, partners, upload, versionOf } from "./contract-samples.testing.ts"
import type { families } from "./index.ts"
import { ContractBench } from "./testing/contract-bench.testing.ts"

function benchOf(family: (typeof families)[number], model: string): ContractBench {
  return new ContractBench({ family, model, firmware: versionOf(family.id, 1), partner: partners[family.id] })
}

describe.each(benches)("the contract of a family, kept by $title", ({ family, model }) => {
  const [second, third] = [versionOf(family.id, 2), versionOf(family.id, 3)]
  const success = family.device.faults.find(
    (row) => row.fault === "none" && (row.model === model || row.model === "any"),
  )?.code

  it("a good image succeeds, and the device then leaves the offer alone", async () => {
    const bench = benchOf(family, model)
    bench.offer(upload(family.id, 2, model))
    const end = await bench.contact()
    expect(end, bench.lines.join("\n")).toMatchObject({ code: success, running: { version: second } })
    // Where the device says how it ended, the server has come to the same end.
    if (family.conversation !== undefined) expect(bench.evidence.at(-1)).toBe("installed")
    else expect(bench.evidence.filter((kind) => kind !== "offer-read").at(-1) ?? "installed").toBe("installed")
    expect(bench.imagesFetched).toBe(1)
    await bench.contact()
    expect(bench.imagesFetched).toBe(0)
  })

  it("a corrupt image fails with a code that has words, and the old program stays", async () => {
    const bench = benchOf(family, model)
    bench.offer(upload(family.id, 2, model))
    await bench.contact()
    const installed = () => bench.evidence.filter((kind) => kind === "installed").length
    const before = installed()
    bench.offer(upload(family.id, 3, model), (image) =>
      image.map((byte, index) => (index >= 16 && index < 64 ? byte ^ 0xff : byte)),
    )
    const end = await bench.contact()
    expect(end.code).not.toBe(success)
    expect(end.words).not.toBe("")
    expect(end.running.version).toBe(second)
    expect(installed()).toBe(before)
  })

  it("a device that finds nothing for it keeps what it runs", async () => {
    const bench = benchOf(family, model)
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
      const seen: string[] = []
      for (let contact = 0; contact < 3 && seen.at(-1) !== third; contact++) {
        seen.push((await bench.contact()).running.version)
      }
      expect([second, third], `step ${step}`).toContain(seen[0])
      expect(seen.at(-1), `step ${step}: ${seen.join()}`).toBe(third)
    }
  })

  it("a repeated message changes nothing", () => {
    const bench = benchOf(family, model)
    const offer = bench.offer(upload(family.id, 2, model))
    expect(bench.offer(upload(family.id, 2, model))).toEqual(offer)
    const once = family.afterFetch({}, offer)
    expect(family.afterFetch(once, offer)).toEqual(once)
  })

  it("what the server stores of an offer and a device survives being written as JSON", () => {
    const bench = benchOf(family, model)
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
    const bench = benchOf(family, model)
    bench.offer(upload(family.id, 2, model, code))
    const end = await bench.contact(fault, code)
    expect(end.code, bench.lines.join("\n")).toBe(code)
    expect(end.words).toBe(words)
    expect(words).not.toBe("")
  })

  it("every moment of an update has a sentence for the operator", () => {
    const bench = benchOf(family, model)
    const offer = bench.offer(upload(family.id, 2, model))
    const tries = { wholeFetches: 1, failedInstalls: 1, grounds: "whole", reads: 1, needed: 2 } as const
    const facts = { version: second, model, offer, sizeBytes: 5000, takenBytes: 100, ...tries }
    for (const [moment, sentence] of Object.entries(family.pull.words)) {
      expect(sentence(facts), moment).toMatch(/^[A-Z].{20,}\.$/)
    }
  })
})

/** A device that runs version 2 and is offered version 3. */
async function offeredBench(model: string, family: (typeof families)[number]): Promise<ContractBench> {
  const bench = benchOf(family, model)
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
