import { expect, it } from "vitest"
import { makePatch } from "../../src/core/delta/index.ts"
import { PowerCut } from "../../src/core/families/body.ts"
import { MemoryStorage } from "../../src/core/families/memory-storage.ts"
import { firmware, TestModule } from "../../src/core/families/quectel/device/test-module.testing.ts"

/** Numbers from 0 to 2^32 - 1, the same in every run. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state ^ (state >>> 15)) >>> 0
  }
}

const patch = makePatch(firmware("AG35", "V1"), firmware("AG35", "V2"), { profile: "tiny", sectorSize: 4096 }).patch

/** Lets the power fail after so many changes, in the middle of one. */
function armed(storage: MemoryStorage, next: () => number): void {
  let left = next() % 30
  const tear = (next() % 8) / 8
  storage.beforeChange = () => (left-- === 0 ? tear : undefined)
}

it("an AG35 in place on simulated flash, with random power cuts, ends on the new version 1,000 times out of 1,000", async () => {
  const next = numbers(20_261_121)
  let cuts = 0
  let reached = 0
  for (let run = 0; run < 1000; run++) {
    const storage = new MemoryStorage()
    const module = new TestModule("AG35", { storage }).switchOn()
    module.http.files.set("/a.zip", patch)
    await module.ready()
    armed(storage, next)
    module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    // One cut in the update at least, and as often another while it goes on.
    for (let powered = 0; ; powered++) {
      const line = await module.until(/^RDY$/).catch(() => "cut")
      if (line === "cut") {
        expect(await module.ended()).toBeInstanceOf(PowerCut)
        cuts += 1
        storage.beforeChange = () => undefined
        if (powered < 3 && next() % 2 === 0) armed(storage, next)
        module.switchOn()
        continue
      }
      await module.ready()
      const [version] = await module.ask("AT+QGMR")
      if (version === "V2") break
      module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    }
    storage.beforeChange = () => undefined
    if ((await module.switchOff()).running.version === "V2") reached += 1
  }
  expect(reached).toBe(1000)
  expect(cuts).toBeGreaterThan(900)
})
