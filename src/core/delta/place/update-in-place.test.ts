import { describe, expect, it } from "vitest"
import { readPatch } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import { firmwarePair } from "../firmware.testing.ts"
import { makePatch } from "../make-patch.ts"
import type { FlashLayout } from "./flash.ts"
import { PowerCut, type SimulatedFlash } from "./simulated-flash.ts"
import { updateInPlace, updateInPlaceSteps } from "./update-in-place.ts"
import { flashFor } from "./verify.ts"

const { oldBytes, newBytes } = firmwarePair(14)
const { patch } = makePatch(oldBytes, newBytes, { profile: "tiny", sectorSize: 512 })

/** Runs an update until it gets through, restarting after each cut. */
function runToEnd(flash: SimulatedFlash, layout: FlashLayout, onCut: (cuts: number) => void): number {
  for (let cuts = 0; ; cuts++) {
    try {
      updateInPlace(patch, flash, layout)
      return cuts
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      onCut(cuts + 1)
    }
  }
}

const image = (flash: SimulatedFlash): Uint8Array => flash.bytes.subarray(0, newBytes.length)

describe("an update in place", () => {
  it("needs no second slot: the new image stands where the old one was", () => {
    const { flash, layout } = flashFor(patch, oldBytes)
    updateInPlace(patch, flash, layout)
    expect(image(flash)).toEqual(newBytes)
  })

  it("ends on the new image after a power cut at any of a third of its flash operations, whole or torn", () => {
    const { flash: whole, layout } = flashFor(patch, oldBytes, 8)
    updateInPlace(patch, whole, layout)
    for (let cutAt = 1; cutAt <= whole.operations; cutAt += 1 + (cutAt % 3)) {
      const { flash } = flashFor(patch, oldBytes, 8)
      flash.cutAt = cutAt
      flash.tear = (cutAt % 5) / 4
      runToEnd(flash, layout, () => (flash.cutAt = 0))
      expect(image(flash), `cut at ${cutAt}`).toEqual(newBytes)
    }
  })

  it("can be done group by group, with the share that is done", () => {
    const { flash, layout } = flashFor(patch, oldBytes)
    const shares = [...updateInPlaceSteps(patch, flash, layout)]
    expect(shares).toHaveLength(Math.ceil(Math.ceil(newBytes.length / 512) / readPatch(patch).header.stagingSectors))
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    expect(shares.at(-1)).toBe(1)
    expect(image(flash)).toEqual(newBytes)
  })

  it("touches nothing when the old image in flash is another one", () => {
    const { flash, layout } = flashFor(patch, oldBytes)
    flash.bytes[40] = 0
    const before = flash.bytes.slice()
    expect(() => updateInPlace(patch, flash, layout)).toThrow(DeltaError)
    expect(flash.operations).toBe(0)
    expect(flash.bytes).toEqual(before)
  })

  it("does nothing when it is started again after it has finished", () => {
    const { flash, layout } = flashFor(patch, oldBytes)
    updateInPlace(patch, flash, layout)
    const { operations } = flash
    updateInPlace(patch, flash, layout)
    expect(flash.operations).toBe(operations)
  })

  it("refuses a layout whose working sectors lie in the image", () => {
    const { flash, layout } = flashFor(patch, oldBytes)
    expect(() => updateInPlace(patch, flash, { ...layout, staging: 0 })).toThrow(DeltaError)
    expect(flash.operations).toBe(0)
  })
})
