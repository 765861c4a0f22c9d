import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../../src/core/kit/bytes.ts"
import { readIntelHex } from "../../src/core/families/pic32mzw1/codec/intel-hex.ts"
import { readProgramHex } from "../../src/core/families/waspmote/codec/intel-hex.ts"
import { runProgram } from "./run-program.ts"

// GNU objcopy and srec_cat read the same generated Intel HEX files as our two readers, to the byte.

const folder = mkdtempSync(join(tmpdir(), "waft-hex-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function record(offset: number, kind: number, data: readonly number[]): string {
  const body = [data.length, offset >> 8, offset & 0xff, kind, ...data]
  const sum = -body.reduce((total, byte) => total + byte, 0) & 0xff
  const text = [...body, sum].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")
  return `:${text}`
}

/** A file that begins at 0 and runs on with gaps, past 64 KiB or over it with one record, and records of no bytes in it. */
const files = fc
  .record({
    pieces: fc.array(
      fc.record({
        gap: fc.constantFrom(0, 0, 0, 1, 300),
        bytes: fc.uint8Array({ minLength: 0, maxLength: 40 }),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    base: fc.constantFrom(0, 0xffe0, 0xfff8, 0xffff),
    line: fc.constantFrom("\n", "\r\n", "\n\n"),
    startRecord: fc.constantFrom<readonly string[]>([], [record(0, 5, [0, 0, 1, 0])], [record(0, 3, [0, 0, 1, 0])]),
    endRecord: fc.constantFrom(record(0, 1, []), record(0x1234, 1, [])),
    behind: fc.constantFrom("", "\x1a", "\0\0", "\n\n", " \n"),
  })
  .map(({ pieces, base, line, startRecord, endRecord, behind }) => {
    const lines = [record(0, 0, [1, 2, 3, 4])]
    let at = Math.max(base, 4)
    let upper = 0
    for (const { gap, bytes } of pieces) {
      at += gap
      if (at >> 16 !== upper) {
        upper = at >> 16
        lines.push(record(0, 4, [upper >> 8, upper & 0xff]))
      }
      lines.push(record(at & 0xffff, 0, [...bytes]))
      at += bytes.length
    }
    return `${[...lines, ...startRecord, endRecord].join(line)}\n${behind}`
  })

async function witness(program: string, args: readonly string[], output: string): Promise<Buffer> {
  rmSync(output, { force: true })
  const ended = await runProgram(program, args)
  expect(ended.code, `${program}: ${ended.stderr}`).toBe(0)
  return readFileSync(output)
}

/** The bytes from 0 on, gaps 0. */
function flat(blocks: readonly { readonly address: number; readonly bytes: Uint8Array }[]): Buffer {
  const whole = Buffer.alloc(Math.max(...blocks.map(({ address, bytes }) => address + bytes.length)))
  for (const { address, bytes } of blocks) whole.set(bytes, address)
  return whole
}

describe("Intel HEX", () => {
  it("is read as objcopy and srec_cat read it", async () => {
    const file = join(folder, "a.hex")
    const output = join(folder, "a.bin")
    await fc.assert(
      fc.asyncProperty(files, async (text) => {
        writeFileSync(file, latin1(text))
        const ours = readIntelHex("a.hex", latin1(text))
        const program = readProgramHex(latin1(text))
        expect(ours.ok && "program" in program).toBe(true)
        if (!ours.ok || !("program" in program)) return
        const theirs = await witness("objcopy", ["-I", "ihex", "-O", "binary", file, output], output)
        expect(flat(ours.blocks).equals(theirs)).toBe(true)
        expect((await witness("srec_cat", [file, "-intel", "-o", output, "-binary"], output)).equals(theirs)).toBe(true)
        const filled = await witness(
          "objcopy",
          ["-I", "ihex", "-O", "binary", "--gap-fill", "0xff", file, output],
          output,
        )
        expect(filled.equals(program.program)).toBe(true)
      }),
      { numRuns: 40, seed: 8 },
    )
  })

  it("is read with segment addresses, start records, any line end and its records in any order, as they read it", async () => {
    const file = join(folder, "c.hex")
    const output = join(folder, "c.bin")
    const data = [record(0, 0, [1, 2, 3]), record(3, 0, [4, 5]), record(0x40, 0, [6])]
    const segment = [record(0, 2, [0x10, 0]), record(5, 0, [7, 8])]
    const start = [record(0, 3, [0, 0, 0, 2]), record(0, 5, [0, 0, 0, 2])]
    for (const lines of [
      [...data, ...segment, ...start],
      [...start, ...data.reverse(), ...segment],
    ]) {
      for (const end of ["\n", "\r\n", "\r"]) {
        const text = [...lines, record(0, 1, [])].map((line) => line + end).join("")
        writeFileSync(file, text)
        const theirs = await witness("objcopy", ["-I", "ihex", "-O", "binary", file, output], output)
        expect(theirs).toHaveLength(0x10007)
        const ours = readIntelHex("c.hex", latin1(text))
        expect(ours.ok && flat(ours.blocks).equals(theirs)).toBe(true)
        expect("program" in readProgramHex(latin1(text))).toBe(true)
      }
    }
  })

  it("is read with what the two refuse, blanks and a byte order mark, as they read it without", async () => {
    const file = join(folder, "b.hex")
    const output = join(folder, "b.bin")
    const [text = ""] = fc.sample(files, { numRuns: 1, seed: 3 })
    writeFileSync(file, latin1(text))
    const theirs = await witness("objcopy", ["-I", "ihex", "-O", "binary", file, output], output)
    for (const dressed of [`\xef\xbb\xbf${text}`, `\n${text}`, text.replaceAll("\n", "  \n"), ` ${text}`]) {
      const ours = readIntelHex("b.hex", latin1(fromLatin1(latin1(dressed))))
      expect(ours.ok && flat(ours.blocks).equals(theirs)).toBe(true)
    }
  })
})
