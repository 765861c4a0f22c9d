import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, latin1 } from "../../kit/bytes.ts"
import { applyPatch } from "../apply-patch.ts"
import { readHeader } from "../container.ts"
import { DeltaError } from "../delta-error.ts"
import { firmwarePair } from "../firmware.testing.ts"
import { makePatch } from "../make-patch.ts"
import { intelHex, sparseIntelHex } from "./intel-hex.ts"
import { uf2 } from "./uf2.ts"
import { applyToFile, makeFilePatch, plainWrappings } from "./wrapped-patch.ts"
import { unwrapExactly } from "./wrapping.ts"

/** Written by hand: upper address 0800, 16 + 3 bytes, a gap, start address, in the styles that tools write. */
const hexFile = (newline: string): Uint8Array =>
  latin1(
    [
      ":020000040800F2",
      ":10000000000102030405060708090A0B0C0D0E0F78",
      ":03001000A0A1A20A",
      ":02002000B0B17D",
      ":04000005080000C12E",
      ":00000001FF",
      "",
    ].join(newline),
  )

/** A UF2 block by hand: flags 0x2000 (family present), 4 bytes at an address. */
function block(number: number, count: number, address: number, bytes: readonly number[]): Uint8Array {
  const whole = new Uint8Array(512)
  const view = new DataView(whole.buffer)
  const words = [0x0a324655, 0x9e5d5157, 0x2000, address, bytes.length, number, count, 0xe48bff56]
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true)
  whole.set(bytes, 32)
  view.setUint32(508, 0x0ab16f30, true)
  return whole
}

describe("Intel HEX", () => {
  it.each(["\n", "\r\n"])("is taken apart and written again to the last bit", (newline) => {
    const file = hexFile(newline)
    const found = unwrapExactly(file, plainWrappings)
    expect(found?.wrapping.name).toBe("intel-hex")
    const wanted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xa0, 0xa1, 0xa2]
    const gap = Array<number>(13).fill(0xff)
    expect([...(found?.content ?? [])]).toEqual([...wanted, ...gap, 0xb0, 0xb1])
  })

  it("is left alone when a sum is wrong, a line is no record, or it cannot be written the same", () => {
    const text = new TextDecoder().decode(hexFile("\n"))
    for (const other of [
      text.replace("0A\n:02", "0B\n:02"),
      text.replace(":03001000", ":04001000"),
      `# ${text}`,
      text.replace(":020000040800F2\n", ":020000040800F2\n:020000040800F2\n"),
      text.replace("A0A1A2", "a0A1A2"),
      "",
      ":",
    ]) {
      expect(unwrapExactly(latin1(other), plainWrappings)).toBeNull()
    }
  })

  it("of any content and layout comes back", () => {
    const segment = fc.record({
      gap: fc.integer({ min: 0, max: 300 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
    })
    const layout = fc.record({
      base: fc.constantFrom(0, 0xff80, 0x08000000, 0x1000fff0),
      recordBytes: fc.constantFrom(8, 16, 32, 255),
      parts: fc.array(segment, { minLength: 1, maxLength: 5 }),
    })
    fc.assert(
      fc.property(layout, ({ base, recordBytes, parts }) => {
        const file = latin1(plainHex(base, recordBytes, parts))
        const found = intelHex.unwrap(file)
        if (found === null) return // Gaps beyond measure.
        const again = intelHex.wrap(found.content, found.recipe)
        const second = intelHex.unwrap(again)
        expect(second?.content).toEqual(found.content)
        expect(again).toEqual(file)
      }),
    )
  })
})

/** HEX as objcopy writes it. */
function plainHex(base: number, recordBytes: number, parts: readonly { gap: number; bytes: Uint8Array }[]): string {
  const lines: string[] = []
  const line = (type: number, offset: number, data: readonly number[]): void => {
    const bytes = [data.length, offset >> 8, offset & 255, type, ...data]
    const sum = -bytes.reduce((total, byte) => total + byte, 0) & 255
    lines.push(`:${[...bytes, sum].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join("")}`)
  }
  let upper = 0
  let address = base
  for (const { gap, bytes } of parts) {
    address += gap
    for (let at = 0; at < bytes.length; ) {
      if (Math.floor(address / 65536) !== upper) {
        upper = Math.floor(address / 65536)
        line(4, 0, [upper >> 8, upper & 255])
      }
      const length = Math.min(recordBytes, bytes.length - at, 65536 - (address % 65536))
      line(0, address % 65536, [...bytes.subarray(at, at + length)])
      at += length
      address += length
    }
  }
  line(1, 0, [])
  return `${lines.join("\n")}\n`
}

describe("UF2", () => {
  const file = concat([
    block(0, 3, 0x10000000, [1, 2, 3, 4]),
    block(1, 3, 0x10000004, [5, 6, 7, 8]),
    block(2, 3, 0x10000010, [9, 9, 9, 9]),
  ])

  it("is taken apart and written again to the last bit", () => {
    const found = unwrapExactly(file, plainWrappings)
    expect(found?.wrapping.name).toBe("uf2")
    expect([...(found?.content ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, ...Array<number>(8).fill(0xff), 9, 9, 9, 9])
  })

  it("is left alone when a block is no block, differs from the others, or holds more than its payload", () => {
    for (const [at, byte] of [
      [0, 1],
      [8 + 512, 1],
      [20 + 512, 7],
      [32 + 100, 1],
      [511, 0],
    ] as const) {
      const other = file.slice()
      other[at] = byte
      expect(unwrapExactly(other, plainWrappings)).toBeNull()
    }
    expect(uf2.unwrap(file.subarray(0, 700))).toBeNull()
    expect(uf2.unwrap(new Uint8Array(0))).toBeNull()
  })
})

describe("a recipe of a hostile patch", () => {
  it("makes a file, or is refused", () => {
    fc.assert(
      fc.property(fc.constantFrom(...plainWrappings), fc.uint8Array({ maxLength: 40 }), (wrapping, recipe) => {
        try {
          expect(wrapping.wrap(new Uint8Array(100), recipe).length).toBeLessThan(200_000)
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError)
        }
      }),
    )
  })
})

describe("a patch between wrapped files", () => {
  const { oldBytes, newBytes } = firmwarePair(60)
  const hexOf = (bytes: Uint8Array): Uint8Array => latin1(plainHex(0x08000000, 16, [{ gap: 0, bytes }]))
  const files = { old: hexOf(oldBytes), new: hexOf(newBytes) }
  const made = makeFilePatch(files.old, files.new, { profile: "mcu" })

  it("is between what stands in flash, and far smaller than one between the files", () => {
    expect(made.wrapping).toBe("intel-hex")
    const between = makePatch(oldBytes, newBytes, { profile: "mcu" }).patch.length
    expect(made.patch.length).toBeLessThan(between + 80)
    expect(made.patch.length).toBeLessThan(makePatch(files.old, files.new, { profile: "mcu" }).patch.length / 2)
  })

  it("makes the file from the file, and the flash from the flash", () => {
    expect(applyToFile(made.patch, files.old)).toEqual(files.new)
    expect(applyToFile(made.patch, oldBytes)).toEqual(newBytes)
    expect(applyPatch(made.patch, oldBytes)).toEqual(newBytes)
  })

  it("may begin from a file that is wrapped in another style", () => {
    const other = latin1(plainHex(0x08000000, 32, [{ gap: 0, bytes: oldBytes }]))
    expect(applyToFile(made.patch, other)).toEqual(files.new)
  })

  it("refuses another file, and one that is not wrapped as the patch says", () => {
    expect(() => applyToFile(made.patch, hexOf(newBytes))).toThrow(expect.objectContaining({ code: "wrong-source" }))
    expect(() => applyToFile(made.patch, files.old.subarray(1))).toThrow(
      expect.objectContaining({ code: "wrong-source" }),
    )
    expect(() => applyToFile(made.patch, files.old, [])).toThrow(expect.objectContaining({ code: "unsupported" }))
  })

  it("in place is one for the device's flash", () => {
    const { patch } = makeFilePatch(files.old, files.new, { profile: "mcu", sectorSize: 512 })
    expect(readHeader(patch).header.sourceSize).toBe(oldBytes.length)
    expect(applyToFile(patch, files.old)).toEqual(files.new)
  })

  it("is one between the files as they are where only one of them is wrapped", () => {
    const mixed = makeFilePatch(oldBytes, files.new, { profile: "tiny" })
    expect(mixed.wrapping).toBeNull()
    expect(applyToFile(mixed.patch, oldBytes)).toEqual(files.new)
  })
})

describe("Intel HEX with option words far away", () => {
  /** Code at 0x1000, more of it 100 bytes on, option words at 0x0100a100: records of 16 bytes. */
  function farApart(code: Uint8Array): Uint8Array {
    const lines: string[] = []
    const write = (kind: number, offset: number, data: readonly number[]): void => {
      const bytes = [data.length, offset >> 8, offset & 255, kind, ...data]
      const sum = -bytes.reduce((total, byte) => total + byte, 0) & 255
      lines.push(`:${[...bytes, sum].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")}`)
    }
    for (let at = 0; at < code.length; at += 16) write(0, 0x1000 + at, [...code.subarray(at, at + 16)])
    write(0, 0x1000 + code.length + 100, [1, 2, 3])
    write(4, 0, [0x01, 0x00])
    write(0, 0xa101, [0xff, 0x5a, 0xc3])
    write(1, 0, [])
    return latin1(`${lines.join("\n")}\n`)
  }
  const images = firmwarePair(16)
  const whole = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length & ~15)
  const before = farApart(whole(images.oldBytes))
  const after = farApart(whole(images.newBytes))

  it("is taken apart without the gap, and written again to the last bit", () => {
    const found = unwrapExactly(after, plainWrappings)
    expect(found?.wrapping.name).toBe("sparse-intel-hex")
    const length = whole(images.newBytes).length
    expect(found?.content.subarray(0, length)).toEqual(whole(images.newBytes))
    const behind = [...(found?.content.subarray(length + 100) ?? [])]
    expect(behind.slice(0, 3)).toEqual([1, 2, 3])
    expect(behind.slice(-3)).toEqual([0xff, 0x5a, 0xc3])
    expect(found?.content.length).toBeLessThan(length + 120)
  })

  it("costs little more than the bytes in it, and the file comes out again", () => {
    const made = makeFilePatch(before, after)
    expect(made.wrapping).toBe("sparse-intel-hex")
    expect(applyToFile(made.patch, before)).toEqual(after)
    const raw = makePatch(whole(images.oldBytes), whole(images.newBytes))
    expect(made.header.payloadSize).toBeLessThan(raw.header.payloadSize * 1.1 + 16)
  })

  it("survives any recipe: a file, or a refusal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 64 }), (recipe, content) => {
        try {
          sparseIntelHex.wrap(content, recipe)
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
