import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../src/core/kit/bytes.ts"
import { release, TestBoard } from "../../src/core/families/pic32mzw1/device/board.testing.ts"
import { freshBootControl, imageFaults } from "../../src/core/families/pic32mzw1/codec/image.ts"
import { makeImage } from "../../src/core/families/pic32mzw1/image-tool.ts"
import { readIntelHex, writeIntelHex } from "../../src/core/families/pic32mzw1/codec/intel-hex.ts"
import { standardSlot } from "../../src/core/families/pic32mzw1/models.ts"
import { sharedInput } from "../shared-inputs.ts"

const folder = sharedInput("firmware", "pic32mzw1")
const files = folder === null ? [] : readdirSync(folder).filter((name) => name.endsWith(".hex"))
const read = (name: string): Uint8Array => readFileSync(join(folder ?? "", name))

describe("Microchip's out-of-the-box firmware for the Curiosity board", () => {
  it.skipIf(folder !== null)("is not on this machine (shared/firmware/pic32mzw1): the tests on it are left out", () => {
    expect(files).toEqual([])
  })

  it.each(files)("%s is refused by image make, which names what is missing", (name) => {
    const result = makeImage({ fileName: name, bytes: read(name) }, {})
    const faults = result.ok ? [] : result.faults
    expect(faults.map((fault) => fault.rule)).toEqual(["no-boot-control", "linked-outside-slot"])
    expect(faults[0]?.sentence).toContain("no boot-control sector at 0x10020000")
    expect(faults[1]?.sentence).toContain("linked at 0x10000000")
  })

  it.each(files)("%s gives an image of real size behind a boot-control sector, and a board boots it", async (name) => {
    const hexFile = readIntelHex(name, read(name))
    if (!hexFile.ok) throw new Error(hexFile.faults[0]?.sentence)
    const most = standardSlot.sizeBytes - 4096
    const code = new Uint8Array(most).fill(0xff)
    let end = 0
    for (const block of hexFile.blocks) {
      const at = block.address - 0x10000000
      if (at < 0 || at >= most) continue
      code.set(block.bytes.subarray(0, most - at), at)
      end = Math.max(end, Math.min(most, at + block.bytes.length))
    }
    const blocks = [
      { address: standardSlot.startAddress, bytes: freshBootControl(standardSlot) },
      { address: standardSlot.startAddress + 4096, bytes: code.subarray(0, end) },
    ]
    const file = { fileName: "app.hex", bytes: latin1(writeIntelHex(blocks)) }
    const made = makeImage(file, {})
    if (!made.ok) throw new Error(made.faults[0]?.sentence)
    expect(made).toEqual(makeImage(file, {}))
    expect(made.bytes.length).toBeGreaterThan(800_000)
    expect(imageFaults(made.bytes)).toEqual([])
    const end7 = await new TestBoard().poll(release(7, made.bytes))
    expect(end7).toMatchObject({ code: "DB_ENTRY_SUCCESS", running: { version: "7" } })
  })
})
