import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { equalBytes, fromLatin1, latin1 } from "../../kit/bytes.ts"
import { boardImage, digestOf } from "./device/board.testing.ts"
import { freshBootControl, readBootControl } from "./codec/image.ts"
import { inspectImage, makeImage, mergeHex } from "./image-tool.ts"
import { readIntelHex, writeIntelHex } from "./codec/intel-hex.ts"
import { standardSlot } from "./models.ts"

function hexFile(blocks: readonly { address: number; bytes: Uint8Array }[], fileName = "app.hex") {
  return { fileName, bytes: latin1(writeIntelHex(blocks)) }
}

function application(version: number) {
  return hexFile([{ address: standardSlot.startAddress, bytes: boardImage(version) }])
}

function rules(result: ReturnType<typeof makeImage>): readonly string[] {
  return result.ok ? [] : result.faults.map((fault) => fault.rule)
}

describe("image make", () => {
  it("cuts the slot out of a HEX file, trims it after the highest used address and prints the digest", () => {
    const made = makeImage(application(4), {})
    expect(made.ok && equalBytes(made.bytes, boardImage(4))).toBe(true)
    expect(made.ok && made.notes).toContain(`"Digest":"${digestOf(boardImage(4))}"`)
  })

  it("gives the same image whether the linker wrote physical, cached or uncached addresses", () => {
    const physical = application(4)
    const text = fromLatin1(physical.bytes)
    expect(text).toContain(":020000041002E8")
    for (const segment of [":02000004900268", ":02000004B00248"]) {
      const linked = { fileName: "app.hex", bytes: latin1(text.replace(":020000041002E8", segment)) }
      expect(makeImage(linked, {})).toMatchObject({ ok: true, bytes: boardImage(4) })
    }
  })

  it("fills gaps with FF and leaves out bootloader and configuration words", () => {
    const made = makeImage(
      hexFile([
        { address: 0x10000000, bytes: latin1("bootloader") },
        { address: standardSlot.startAddress, bytes: freshBootControl(standardSlot) },
        { address: standardSlot.startAddress + 8192, bytes: latin1("code") },
        { address: 0x1fc55f8c, bytes: latin1("conf") },
      ]),
      {},
    )
    expect(made.ok && made.bytes.length).toBe(8196)
    expect(made.ok && made.bytes[5000]).toBe(0xff)
    expect(made.ok && made.notes.join("; ")).toContain("14 bytes outside the slot")
  })

  it("pads a factory image to the whole slot with status F8", () => {
    const made = makeImage(application(4), { factory: "" })
    expect(made.ok && made.bytes.length).toBe(0xdf000)
    expect(made.ok && readBootControl(made.bytes).status).toBe(0xf8)
    expect(made.ok && made.bytes.at(-1)).toBe(0xff)
  })

  it("knows the slot of the first releases by its boot address", () => {
    const image = boardImage(4, { model: "v3.5-low-slot" })
    const made = makeImage(hexFile([{ address: 0x10018000, bytes: image }]), {})
    expect(made.ok && equalBytes(made.bytes, image)).toBe(true)
  })

  it("is byte-identical every time", () => {
    const first = makeImage(application(4), {})
    const second = makeImage(application(4), {})
    expect(first).toEqual(second)
  })

  it("refuses a program without a boot-control sector, one linked below the slot, and none at all", () => {
    const code = new Uint8Array(0x30000).fill(0x42)
    expect(rules(makeImage(hexFile([{ address: 0x10000000, bytes: code }]), {}))).toEqual([
      "no-boot-control",
      "linked-outside-slot",
    ])
    expect(rules(makeImage(hexFile([{ address: 0x1fc00000, bytes: code }]), {}))).toEqual([
      "no-boot-control",
      "no-program",
    ])
    expect(rules(makeImage({ fileName: "a.hex", bytes: latin1("hello") }, {}))).toEqual(["hex-unreadable"])
  })
})

describe("Intel HEX", () => {
  it("is written and read back as the same bytes, also across 64 KiB borders", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x1001fff0, max: 0x10020010 }),
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        (address, bytes) => {
          const read = readIntelHex("a.hex", latin1(writeIntelHex([{ address, bytes }])))
          expect(read.ok && read.blocks.every((block, index) => index === 0 && block.address === address)).toBe(true)
          expect(read.ok && equalBytes(read.blocks[0]?.bytes ?? new Uint8Array(0), bytes)).toBe(true)
        },
      ),
    )
  })

  it("may hold a record that runs over a 64 KiB border, as Microchip's linker writes it", () => {
    // 4 bytes from 0x1001FFFE: two below the border, two above.
    const read = readIntelHex("a.hex", latin1(":020000041001e9\n:04fffe0001020304f5\n:00000001FF\n"))
    expect(read).toEqual({ ok: true, blocks: [{ address: 0x1001fffe, bytes: Uint8Array.of(1, 2, 3, 4) }] })
  })

  it("is refused when a record over a border has a wrong checksum, when it is cut short, and on any other bytes", () => {
    for (const text of [":020000041001e9\n:04fffe0001020304f6\n:00000001FF\n", ":020000041001e9\n", ":zz", ""]) {
      expect(readIntelHex("a.hex", latin1(text)).ok).toBe(false)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        readIntelHex("a.hex", bytes)
      }),
    )
  })
})

describe("image merge", () => {
  it("joins bootloader and application, and image make finds the application again", () => {
    const bootloader = hexFile([{ address: 0x10000000, bytes: new Uint8Array(0x2000).fill(0x11) }], "boot.hex")
    const merged = mergeHex([bootloader, application(4)])
    if (!merged.ok) throw new Error(merged.faults[0]?.sentence)
    const made = makeImage({ fileName: "factory.hex", bytes: merged.bytes }, {})
    expect(made.ok && equalBytes(made.bytes, boardImage(4))).toBe(true)
    expect(mergeHex([bootloader, application(4)])).toEqual(merged)
  })

  it("refuses overlaps with their addresses", () => {
    const tooLong = hexFile([{ address: 0x10000000, bytes: new Uint8Array(0x20010).fill(0x11) }], "boot.hex")
    const merged = mergeHex([tooLong, application(4)])
    expect(merged.ok ? [] : merged.faults).toEqual([
      {
        rule: "overlap",
        sentence: "boot.hex and app.hex both have bytes at 0x10020000 to 0x1002000F; link one of them elsewhere.",
      },
    ])
  })
})

describe("image inspect", () => {
  it("reads every field of an image back", () => {
    const report = inspectImage({ fileName: "a.bin", bytes: boardImage(4) })
    const fields = Object.fromEntries((report?.fields ?? []).map((field) => [field.name, field.value]))
    expect(fields).toMatchObject({
      length: "9096 bytes",
      Digest: digestOf(boardImage(4)),
      status: "FF (blank)",
      type: "03 (factory reset)",
      size: "FFFFFFFF (blank)",
      "boot address": "0xB0021000",
      digest: "blank",
      "signature byte": "F8",
    })
    expect(report?.faults).toEqual([])
  })

  it("reads HEX files of this chip, for the slot or not, and leaves other files to other families", () => {
    expect(inspectImage(application(4))?.title).toContain("for the OTA slot")
    expect(inspectImage(hexFile([{ address: 0x10000000, bytes: latin1("code") }]))?.faults.length).toBeGreaterThan(0)
    expect(inspectImage(hexFile([{ address: 0, bytes: latin1("avr") }]))).toBeNull()
    expect(inspectImage({ fileName: "a.bin", bytes: new Uint8Array(9000) })).toBeNull()
  })
})
