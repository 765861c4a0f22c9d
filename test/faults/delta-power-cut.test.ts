import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
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
import { sharedInput } from "../shared-inputs.ts"
import { CutRig, randomCuts } from "./cut-rig.testing.ts"

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

const corpus = sharedInput("corpus")
/** Cuts for each pair; `WAFT_CUTS=2000` for the long run, which takes some minutes a pair. */
const cutsEach = Number(process.env["WAFT_CUTS"] ?? 40)
const largest = cutsEach > 40 ? 1_200_000 : 290_000
const most = 12

/** Real pairs, the smallest of each family first, so that many instruction sets are among them. */
function realPairs(folder: string): readonly string[] {
  const families = readdirSync(folder).filter(
    (family) => family !== "hard" && statSync(join(folder, family)).isDirectory(),
  )
  return families
    .flatMap((family) => {
      const names = readdirSync(join(folder, family)).map((name) => join(family, name))
      const sizes = names.map((name) => ({ name, size: statSync(join(folder, name, "new.bin")).size }))
      return sizes.sort((a, b) => a.size - b.size).map((pair, rank) => ({ ...pair, rank }))
    })
    .filter(({ size }) => size <= largest)
    .sort((a, b) => a.rank - b.rank || a.size - b.size)
    .map(({ name }) => name)
    .slice(0, most)
}

const pairs = corpus === null ? [] : realPairs(corpus)

describe.skipIf(pairs.length === 0)(
  "an update in place on the corpus beside the repository (skipped where it is absent)",
  () => {
    it.each(pairs)(
      `of %s survives ${cutsEach} cuts at random operations, torn, a third of them twice`,
      (name) => {
        const read = (file: string): Uint8Array => new Uint8Array(readFileSync(join(corpus ?? "", name, file)))
        const images = { oldBytes: read("old.bin"), newBytes: read("new.bin") }
        const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "mcu", sectorSize: 4096 })
        const rig = new CutRig(patch, images, 8)
        const cuts = randomCuts(rig, cutsEach, numbers(name.length))
        expect(rig.tryAll(cuts)).toBe(cutsEach)
      },
      300_000 + cutsEach * 1000,
    )
  },
)

describe("the rig that tries cuts", () => {
  const { oldBytes, newBytes } = firmwarePair(14)
  const { patch } = makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize: 512 })

  it("finds the same as whole updates do, at every operation", () => {
    const rig = new CutRig(patch, { oldBytes, newBytes }, 8)
    const cuts = Array.from({ length: rig.operations }, (_, i) => ({
      operation: i + 1,
      tear: (i % 7) / 6,
      again: i % 3 === 0 ? 1 + (i % 50) : 0,
      isWhole: i % 10 === 0,
    }))
    expect(rig.tryAll(cuts)).toBe(rig.operations)
  })

  it("notices a byte that an update leaves wrong", () => {
    const rig = new CutRig(patch, { oldBytes, newBytes }, 8)
    const wrong = newBytes.slice()
    wrong[100] = (wrong[100] ?? 0) ^ 1
    expect(() => new CutRig(patch, { oldBytes, newBytes: wrong }, 8)).toThrow("other bytes")
    rig.images.newBytes[100] = (rig.images.newBytes[100] ?? 0) ^ 1
    const cuts = Array.from({ length: 20 }, (_, i) => ({ operation: 1 + i * 90, tear: 0.5, again: 0, isWhole: false }))
    expect(() => rig.tryAll(cuts)).toThrow("other bytes")
  })
})
