import { describe, expect, it } from "vitest"
import { makePatch } from "../../../delta/index.ts"
import { PowerCut } from "../../body.ts"
import { MemoryStorage } from "../../memory-storage.ts"
import { firmware, packageFor, TestModule } from "./test-module.testing.ts"

const inPlace = (model: string): Uint8Array =>
  makePatch(firmware(model, "V1"), firmware(model, "V2"), { profile: "mcu", sectorSize: 4096 }).patch

/** A module of firmware V1 that has the package in reach, with its power to be cut at the n-th change from the command on. */
async function updating(
  model: string,
  bytes: Uint8Array,
  cutAt: number,
): Promise<{ module: TestModule; changes: () => number }> {
  const storage = new MemoryStorage()
  const module = new TestModule(model, { storage }).switchOn()
  await module.ready()
  module.http.files.set("/a.zip", bytes)
  let changes = 0
  storage.beforeChange = () => {
    changes += 1
    // Whole, torn or not at all.
    return changes - 1 === cutAt ? (cutAt % 4) / 4 : undefined
  }
  module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
  return { module, changes: () => changes }
}

async function versionOf(module: TestModule): Promise<string> {
  await module.ready()
  return (await module.ask("AT+QGMR"))[0] ?? ""
}

describe.each([
  ["AG35", "a delta in place", inPlace],
  ["AG35", "a whole image", packageFor],
  ["BG96", "a whole image", packageFor],
  ["EC2X-128", "a whole image", packageFor],
] as const)("a power cut at every change of an update of %s by %s", (model, _title, packageOf) => {
  const bytes = packageOf(model)

  it("leaves the old version, or the new one once the download was told to be over", async () => {
    for (let cutAt = 0; ; cutAt++) {
      const { module, changes } = await updating(model, bytes, cutAt)
      const over = module.until(/^RDY$/).catch(() => "power cut")
      if ((await over) === "RDY") {
        expect(changes()).toBeGreaterThan(15)
        await module.switchOff()
        break
      }
      expect(await module.ended(), `change ${cutAt}`).toBeInstanceOf(PowerCut)
      const wasTold = module.lines.includes('+QIND: "FOTA","HTTPEND",0')
      module.storage.beforeChange = () => undefined
      module.switchOn()
      const version = await versionOf(module)
      expect(wasTold ? ["V2"] : ["V1", "V2"], `change ${cutAt}: ${module.lines.join(" ")}`).toContain(version)
      if (version === "V1") {
        module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
        expect(await module.until(/"END"/), `change ${cutAt}`).toBe('+QIND: "FOTA","END",0')
        expect(await versionOf(module)).toBe("V2")
      }
      await module.switchOff()
    }
  })
})

it("a power cut at every change of the first start leaves a module that starts", async () => {
  for (let cutAt = 0; ; cutAt++) {
    let left = cutAt
    const storage = new MemoryStorage(() => (left-- === 0 ? 0.5 : undefined))
    const module = new TestModule("AG35", { storage }).switchOn()
    if ((await module.ready().catch(() => "cut")) !== "cut") {
      expect(cutAt).toBeGreaterThan(5)
      await module.switchOff()
      return
    }
    expect(await module.ended()).toBeInstanceOf(PowerCut)
    storage.beforeChange = () => undefined
    expect(await versionOf(module.switchOn()), `change ${cutAt}`).toBe("V1")
    await module.switchOff()
  }
})

it("a power cut at every change while the old version is restored ends with the old version", async () => {
  const bytes = inPlace("AG35")
  for (let cutAt = 0; ; cutAt++) {
    const storage = new MemoryStorage()
    const module = new TestModule("AG35", { storage }).switchOn("upgrade-fails-540")
    await module.ready()
    module.http.files.set("/a.zip", bytes)
    module.type(`AT+QFOTADL="${module.httpUrl("a.zip")}"`)
    for (let ends = 0; ends < 4; ends++) await module.until(/"END",540/)
    let left = cutAt
    storage.beforeChange = () => (left-- === 0 ? (cutAt % 4) / 4 : undefined)
    if ((await module.until(/^RDY$/).catch(() => "cut")) === "RDY") {
      expect(cutAt).toBeGreaterThan(5)
      expect(await versionOf(module)).toBe("V1")
      await module.switchOff()
      return
    }
    storage.beforeChange = () => undefined
    expect(await module.ended()).toBeInstanceOf(PowerCut)
    expect(await versionOf(module.switchOn("upgrade-fails-540")), `change ${cutAt}`).toBe("V1")
    await module.switchOff()
  }
})
