import { describe, expect, it } from "vitest"
import { PowerCut } from "./body.ts"
import { MemoryStorage } from "./memory-storage.ts"

const flashGeometry = { sizeBytes: 1024, sectorBytes: 256 }

describe("storage in memory", () => {
  it("is new: filled with 0xFF, and keeps what was written from one opening to the next", async () => {
    const storage = new MemoryStorage()
    const eeprom = await storage.memory("eeprom", { sizeBytes: 700 })
    expect([...(await eeprom.read(254, 4))]).toEqual([0xff, 0xff, 0xff, 0xff])
    await eeprom.write(254, Uint8Array.of(1, 2, 3, 4))
    expect([...(await (await storage.memory("eeprom", { sizeBytes: 700 })).read(253, 6))]).toEqual([
      255, 1, 2, 3, 4, 255,
    ])
  })

  it("as flash only clears bits until the sector is erased", async () => {
    const flash = await new MemoryStorage().memory("flash", flashGeometry)
    await flash.write(300, Uint8Array.of(0b1100_1100))
    await flash.write(300, Uint8Array.of(0b1010_1010))
    expect((await flash.read(300, 1))[0]).toBe(0b1000_1000)
    await flash.write(100, Uint8Array.of(7))
    await flash.erase(511)
    expect([(await flash.read(300, 1))[0], (await flash.read(100, 1))[0]]).toEqual([0xff, 7])
  })

  it("refuses what lies outside, and an erasure of EEPROM", async () => {
    const storage = new MemoryStorage()
    const eeprom = await storage.memory("eeprom", { sizeBytes: 10 })
    await expect(eeprom.write(8, new Uint8Array(3))).rejects.toThrow(RangeError)
    await expect(eeprom.erase(0)).rejects.toThrow(/is no flash/)
  })

  it("tears a write when the power fails in the middle of it", async () => {
    const storage = new MemoryStorage()
    const flash = await storage.memory("flash", flashGeometry)
    storage.beforeChange = () => 0.5
    await expect(flash.write(0, new Uint8Array(4))).rejects.toThrow(PowerCut)
    storage.beforeChange = () => undefined
    expect([...(await flash.read(0, 4))]).toEqual([0, 0, 0xff, 0xff])
  })

  it("names every change before it happens", async () => {
    const deeds: string[] = []
    const storage = new MemoryStorage((deed) => {
      deeds.push(deed)
      return undefined
    })
    const flash = await storage.memory("flash", flashGeometry)
    const card = await storage.files("sd")
    await flash.erase(0)
    await flash.write(0, Uint8Array.of(1))
    await card.create("A")
    await card.append("A", Uint8Array.of(1))
    await card.remove("A")
    expect(deeds).toEqual(["flash erase", "flash write", "sd create", "sd append", "sd remove"])
  })
})
