import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fieldType, makePatch } from "../../delta/index.ts"
import { latin1 } from "../../kit/bytes.ts"
import { PowerCut } from "../body.ts"
import { MemoryStorage } from "../memory-storage.ts"
import {
  type FirmwareFlash,
  openFirmwareFlash,
  programFlash,
  readFirmware,
  readFirmwareMark,
} from "./firmware-flash.ts"
import { isWhole, makeFirmware, readMark } from "./firmware-image.ts"
import { readFullPackage, writeFullPackage } from "./full-package.ts"
import { checkPackage, installPackage, prepareInstall } from "./install-package.ts"

const image = (version: string, sizeBytes = 12_000): Uint8Array => makeFirmware({ product: "M", version, sizeBytes })
const old = image("V1")
const next = image("V2", 13_000)
const patch = makePatch(old, next, { profile: "mcu", sectorSize: 4096 }).patch
const full = writeFullPackage({ from: "V1", to: "V2", product: "M", image: next })

async function drain(steps: AsyncGenerator<number, void>): Promise<readonly number[]> {
  const shares: number[] = []
  for await (const share of steps) shares.push(share)
  return shares
}

async function flashWith(storage: MemoryStorage, bytes: Uint8Array): Promise<FirmwareFlash> {
  const flash = await openFirmwareFlash(storage)
  await drain(programFlash(flash.memory, bytes))
  return flash
}

describe("firmware of virtual modules", () => {
  it("is the same bytes for the same name, and carries it", () => {
    expect(image("V1")).toEqual(old)
    expect(readMark(old)).toEqual({ product: "M", version: "V1", sizeBytes: 12_000 })
    expect(isWhole(old)).toBe(true)
  })

  it("shares so much between versions that a delta is far smaller than the image", () => {
    const made = makePatch(image("V1", 65_536), image("V2", 65_536), { profile: "mcu", sectorSize: 4096 })
    expect(made.patch.length).toBeLessThan(65_536 / 4)
  })

  it("is not whole with any byte changed", () => {
    for (let at = 0; at < old.length; at += 97) {
      const bad = old.slice()
      bad[at] = (bad[at] ?? 0) ^ 1
      expect(isWhole(bad), `byte ${at}`).toBe(false)
    }
  })

  it("refuses names and sizes that no module has", () => {
    for (const version of ["", 'a"b', "a b", "x".repeat(65)]) expect(() => image(version)).toThrow(RangeError)
    for (const size of [0, 1.5, 2 << 20]) expect(() => image("V1", size)).toThrow(RangeError)
  })
})

describe("the simple container", () => {
  it("is read back, whatever its filler", () => {
    for (const sizeBytes of [0, 50_000]) {
      const bytes = writeFullPackage({ from: "V1", to: "V2", product: "", image: next }, sizeBytes)
      expect(readFullPackage(bytes)).toEqual({ from: "V1", to: "V2", product: "", image: next })
      expect(bytes.length).toBe(Math.max(232 + next.length, sizeBytes))
    }
  })

  it("has its fields where docs/protocols/quectel.md says", () => {
    expect(latin1("WFF1")).toEqual(full.slice(0, 4))
    expect(full.slice(4, 8)).toEqual(Uint8Array.of(0xc8, 0x32, 0, 0))
    expect(full.slice(40, 43)).toEqual(latin1("V1\0"))
    expect(full.slice(104, 107)).toEqual(latin1("V2\0"))
    expect(full.slice(168, 170)).toEqual(latin1("M\0"))
    expect(full.slice(232)).toEqual(next)
  })

  it("is refused with any byte changed, cut anywhere, and as random bytes", () => {
    for (let at = 0; at < full.length; at += at < 240 ? 1 : 101) {
      const bad = full.slice()
      bad[at] = (bad[at] ?? 0) ^ 0x10
      expect(readFullPackage(bad), `byte ${at}`).toBeNull()
      expect(readFullPackage(full.subarray(0, at)), `cut at ${at}`).toBeNull()
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => readFullPackage(bytes) === null))
  })
})

describe("a package's check", () => {
  it.each([
    ["an empty one", new Uint8Array(0), "missing"],
    ["random bytes", latin1("PK\x03\x04 no package"), "damaged"],
    ["a damaged patch", patch.map((byte, at) => (at === patch.length - 3 ? byte ^ 1 : byte)), "damaged"],
    ["a streamed patch", makePatch(old, next).patch, "damaged"],
    ["a patch from another version", makePatch(image("V0"), next, { sectorSize: 4096 }).patch, "wrong-source"],
    [
      "an image from another version",
      writeFullPackage({ from: "V0", to: "V2", product: "M", image: next }),
      "wrong-source",
    ],
    [
      "an image for another module",
      writeFullPackage({ from: "V1", to: "V2", product: "X", image: next }),
      "wrong-product",
    ],
    [
      "an image that is too large",
      writeFullPackage({ from: "V1", to: "V2", product: "M", image: new Uint8Array(1_100_000) }),
      "no-space",
    ],
    ["the right patch", patch, null],
    ["the right image", full, null],
  ] as const)("says of %s what it is", async (_title, bytes, fault) => {
    expect(await checkPackage(await flashWith(new MemoryStorage(), old), bytes, "M")).toBe(fault)
  })

  it("reads a patch's product", async () => {
    const fields = [{ type: fieldType.product, value: latin1("X") }]
    const made = makePatch(old, next, { sectorSize: 4096, fields }).patch
    expect(await checkPackage(await flashWith(new MemoryStorage(), old), made, "M")).toBe("wrong-product")
  })
})

describe.each([
  ["a delta in place", patch],
  ["a whole image", full],
])("installing %s", (_title, bytes) => {
  it("ends with the new firmware, and tells how far it is", async () => {
    const flash = await flashWith(new MemoryStorage(), old)
    await prepareInstall(flash)
    const shares = await drain(installPackage(flash, bytes))
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    expect(shares.at(-1)).toBe(1)
    expect(await readFirmware(flash)).toEqual(next)
  })

  it("goes on after a power cut at every operation, whole or torn, and after a second one", async () => {
    for (let cutAt = 0; ; cutAt++) {
      const storage = new MemoryStorage()
      const flash = await flashWith(storage, old)
      await prepareInstall(flash)
      let left = cutAt
      storage.beforeChange = () => (left-- === 0 ? (cutAt % 4) / 4 : undefined)
      const first = await drain(installPackage(flash, bytes)).catch((error: unknown) => error)
      if (!(first instanceof PowerCut)) {
        expect(cutAt).toBeGreaterThan(7)
        break
      }
      let again = cutAt % 7
      storage.beforeChange = () => (again-- === 0 ? 0.5 : undefined)
      await drain(installPackage(flash, bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(PowerCut))
      storage.beforeChange = () => undefined
      await drain(installPackage(flash, bytes))
      expect(await readFirmware(flash), `cut at ${cutAt}`).toEqual(next)
    }
  })

  it("can be done again after a way back", async () => {
    const flash = await flashWith(new MemoryStorage(), old)
    const back = makePatch(next, old, { profile: "mcu", sectorSize: 4096 }).patch
    for (const [step, version] of [
      [bytes, "V2"],
      [back, "V1"],
      [bytes, "V2"],
    ] as const) {
      expect(await checkPackage(flash, step, "M")).toBeNull()
      await prepareInstall(flash)
      await drain(installPackage(flash, step))
      expect((await readFirmwareMark(flash))?.version).toBe(version)
    }
  })
})
