import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { firmwarePair, numbers } from "../../src/core/delta/firmware.testing.ts"
import {
  type FlashLayout,
  flashFor,
  makePatch,
  PowerCut,
  type SimulatedFlash,
  updateInPlace,
} from "../../src/core/delta/index.ts"

/** Updates until it gets through; power fails at each of `cuts` operations after the start or the last restart. */
function updateWithCuts(
  patch: Uint8Array,
  device: { flash: SimulatedFlash; layout: FlashLayout },
  cuts: readonly number[],
): number {
  const { flash, layout } = device
  let happened = 0
  for (const cut of [...cuts, 0]) {
    flash.cutAt = cut === 0 ? 0 : flash.operations + cut
    flash.tear = (cut % 7) / 6
    try {
      updateInPlace(patch, flash, layout)
      return happened
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      happened++
    }
  }
  throw new Error("not reached: the last round has no cut")
}

const imageOf = (flash: SimulatedFlash, length: number): Uint8Array => flash.bytes.subarray(0, length)

describe("an update in place", () => {
  const { oldBytes, newBytes } = firmwarePair(14)
  const { patch } = makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize: 512 })
  const operationsOf = (granularity: 1 | 4 | 8): number => {
    const { flash, layout } = flashFor(patch, oldBytes, granularity)
    updateInPlace(patch, flash, layout)
    return flash.operations
  }

  it("survives a power cut at every single operation, torn at a different place each time", () => {
    const operations = operationsOf(8)
    for (let cut = 1; cut <= operations; cut++) {
      const device = flashFor(patch, oldBytes, 8)
      expect(updateWithCuts(patch, device, [cut])).toBe(1)
      expect(imageOf(device.flash, newBytes.length), `cut at ${cut}`).toEqual(newBytes)
    }
  })

  it.each([1, 4] as const)("survives cuts on a flash that programs %i bytes at a time", (granularity) => {
    const operations = operationsOf(granularity)
    const next = numbers(granularity)
    for (let round = 0; round < 150; round++) {
      const device = flashFor(patch, oldBytes, granularity)
      updateWithCuts(patch, device, [1 + (next() % operations)])
      expect(imageOf(device.flash, newBytes.length), `round ${round}`).toEqual(newBytes)
    }
  })

  it("survives two, three and ten cuts in one update, also during recovery", () => {
    const operations = operationsOf(8)
    const next = numbers(3)
    for (let round = 0; round < 300; round++) {
      const device = flashFor(patch, oldBytes, 8)
      const cuts = Array.from(
        { length: [2, 3, 10][round % 3] ?? 2 },
        (_, i) => 1 + (next() % (i === 0 ? operations : 200)),
      )
      updateWithCuts(patch, device, cuts)
      expect(imageOf(device.flash, newBytes.length), `round ${round}`).toEqual(newBytes)
    }
  })

  it("finishes a thousand updates out of a thousand with power failing at random", () => {
    const operations = operationsOf(8)
    const next = numbers(4)
    let finished = 0
    for (let round = 0; round < 1000; round++) {
      const device = flashFor(patch, oldBytes, 8)
      updateWithCuts(patch, device, [1 + (next() % operations), 1 + (next() % operations)])
      if (Buffer.compare(imageOf(device.flash, newBytes.length), newBytes) === 0) finished++
    }
    expect(finished).toBe(1000)
  })
})

const root = fileURLToPath(new URL("../..", import.meta.url))
const corpus = join(process.env["WAFT_SHARED"] ?? join(root, "..", "shared"), "corpus")
const pairs = existsSync(corpus)
  ? readdirSync(corpus)
      .filter((family) => statSync(join(corpus, family)).isDirectory())
      .flatMap((family) => readdirSync(join(corpus, family)).map((name) => join(family, name)))
      .filter((name) => statSync(join(corpus, name, "new.bin")).size < 290_000)
      .filter((name) => !name.startsWith("hard"))
      .slice(0, 12)
  : []

describe.skipIf(pairs.length === 0)(
  "an update in place on the corpus beside the repository (skipped where it is absent)",
  () => {
    it.each(pairs)("of %s survives cuts at random operations", (name) => {
      const oldBytes = new Uint8Array(readFileSync(join(corpus, name, "old.bin")))
      const newBytes = new Uint8Array(readFileSync(join(corpus, name, "new.bin")))
      const { patch } = makePatch(oldBytes, newBytes, { profile: "mcu", sectorSize: 4096 })
      const whole = flashFor(patch, oldBytes, 8)
      updateInPlace(patch, whole.flash, whole.layout)
      const next = numbers(name.length)
      for (let round = 0; round < 3; round++) {
        const device = flashFor(patch, oldBytes, 8)
        const cuts = [1 + (next() % whole.flash.operations), 1 + (next() % 5000), 1 + (next() % 5000)]
        updateWithCuts(patch, device, cuts)
        expect(Buffer.compare(imageOf(device.flash, newBytes.length), newBytes), `round ${round}`).toBe(0)
      }
    })
  },
)
