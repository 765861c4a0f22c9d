import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../kit/bytes.ts"
import { DeltaError } from "../delta-error.ts"
import { applyToFile, makeFilePatch, plainWrappings } from "./wrapped-patch.ts"
import { sectionedIntelHex } from "./sectioned-intel-hex.ts"
import { unwrapExactly } from "./wrapping.ts"

/** Sections of 2 to 40 bytes as MPLAB's linker writes them: the upper address twice, lower case, the end in upper case. */
function file(sections: number, changed: number): Uint8Array {
  const lines: string[] = []
  const write = (kind: number, offset: number, data: readonly number[]): void => {
    const bytes = [data.length, offset >> 8, offset & 255, kind, ...data]
    const sum = -bytes.reduce((total, byte) => total + byte, 0) & 255
    lines.push(`:${[...bytes, sum].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`)
  }
  let address = 0x1000fff0
  for (let section = 0; section < sections; section++) {
    const length = 2 + ((section * 7) % 39) + (section === changed ? 4 : 0)
    write(4, 0, [0, 0])
    write(4, 0, [address >>> 24, (address >>> 16) & 255])
    let upper = address >>> 16
    for (let at = 0; at < length; at += 16) {
      const here = address + at
      if (here >>> 16 !== upper) write(4, 0, [here >>> 24, (here >>> 16) & 255])
      upper = here >>> 16
      const bytes = Array.from({ length: Math.min(16, length - at) }, (_, i) => (section * 31 + (at + i) * 17) & 255)
      write(0, here & 0xffff, bytes)
    }
    address += length
  }
  return latin1(`${[...lines, ":00000001FF"].join("\r\n")}\r\n`)
}

describe("Intel HEX of thousands of sections", () => {
  it("is taken apart, records over a border of 64 KB as they are, and written again to the last bit", () => {
    const found = unwrapExactly(file(1500, -1), plainWrappings)
    expect(found?.wrapping.name).toBe("sectioned-intel-hex")
  })

  it("costs little more than what changed, though everything behind it moves", () => {
    const [before, after] = [file(1500, -1), file(1500, 700)]
    const made = makeFilePatch(before, after)
    expect(made.wrapping).toBe("sectioned-intel-hex")
    expect(applyToFile(made.patch, before)).toEqual(after)
    expect(made.patch.length).toBeLessThan(before.length / 100)
  })

  it("survives any recipe: a file, or a refusal", () => {
    const bytes = (most: number) => fc.uint8Array({ maxLength: most })
    fc.assert(
      fc.property(bytes(20), bytes(200), (recipe, content) => {
        try {
          sectionedIntelHex.wrap(content, recipe)
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
