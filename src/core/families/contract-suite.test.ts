import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { PowerCut } from "./body.ts"
import type { Upload } from "./family.ts"
import { families } from "./index.ts"
import { boardImage } from "./pic32mzw1/device/board.testing.ts"
import * as quectel from "./quectel/device/contract-host.testing.ts"
import { packageFor } from "./quectel/device/test-module.testing.ts"
import * as telit from "./telit/device/contract-host.testing.ts"
import { packageFor as telitPackage } from "./telit/device/test-module.testing.ts"
import { urcLine } from "./telit/codec/urcs.ts"
import { ContractBench, type ContractPartner } from "./testing/contract-bench.testing.ts"

type Sample = Pick<Upload, "fileName" | "bytes"> & Partial<Pick<Upload, "models" | "options">>

/**
 * A program of each family, by version 2 or 3, model, and the code that the update is to end in. A new family adds one line,
 * and one below when its devices rest at a port.
 */
const samples: Readonly<Record<string, (version: 2 | 3, model: string, code: string) => Sample>> = {
  waspmote: (version) => ({
    fileName: "PROG001.hex",
    bytes: readFileSync(new URL(`../../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url)),
  }),
  ddi: (version) => ({ fileName: "update.swu", bytes: new Uint8Array(3000 * version).fill(version) }),
  pic32mzw1: (version, model) => ({ fileName: `v${version}.bin`, bytes: boardImage(version, { model }) }),
  quectel: (version, model, code) => ({
    fileName: "update.zip",
    bytes: packageFor(model, String(version - 1), String(version)),
    models: [model],
    options: { from: String(version - 1), ...(code.startsWith("HTTPEND") ? { transport: "http" } : {}) },
  }),
  telit: (version, model, code) => {
    const from = versionOf("telit", version === 2 ? 1 : 2)
    const isAsked = code === urcLine("question") || code === urcLine("answerTimeout")
    return {
      fileName: "delta.bin",
      bytes: telitPackage(from, versionOf("telit", version), model),
      models: [model],
      options: { from, mode: isAsked ? "manual" : "automatic" },
    }
  },
}

const partners: Readonly<Record<string, ContractPartner>> = {
  quectel: quectel.contractPartner,
  telit: telit.contractPartner,
}

/** Versions 1, 2 and 3 as a family writes them; absent = just so. */
const versions: Readonly<Record<string, (version: number) => string>> = { telit: (version) => `13.00.00${version + 2}` }

function versionOf(family: string, version: 1 | 2 | 3): string {
  return versions[family]?.(version) ?? String(version)
}

function upload(family: string, version: 2 | 3, model: string, code = ""): Upload {
  const sample = samples[family]
  if (sample === undefined) throw new Error(`the contract suite has no sample program of ${family}`)
  return { models: [], options: {}, ...sample(version, model, code), version: versionOf(family, version) }
}

function benchOf(family: (typeof families)[number], model: string): ContractBench {
  return new ContractBench({ family, model, firmware: versionOf(family.id, 1), partner: partners[family.id] })
}

/**
 * Models that have a device in software: those with a fault list of their own, or all when the list is for any. Of models
 * with lists of their own the unusual ones are like others; their family's own tests look at how they differ.
 */
const benches = families.flatMap((family) => {
  const own = new Set(family.device.faults.map((row) => row.model).filter((model) => model !== "any"))
  const models = family.models.filter(({ id, isUnusual }) => own.size === 0 || (own.has(id) && isUnusual !== true))
  return models.map((model) => ({ family, model: model.id, title: `${family.id} ${model.id}` }))
})

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
