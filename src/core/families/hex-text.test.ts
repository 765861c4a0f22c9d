import { describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../kit/bytes.ts"
import { beginsAsHex, plainHex } from "./hex-text.ts"
import { readIntelHex } from "./pic32mzw1/codec/intel-hex.ts"
import { looksLikeIntelHex, readProgramHex } from "./waspmote/codec/intel-hex.ts"

const data = ":04000000DEADBEEFC4"
const end = ":00000001FF"
const plain = `${data}\n${end}\n`

/** What editors, serial tools and old linkers make of a file, none of which moves or changes a byte. */
const dressed: Readonly<Record<string, string>> = {
  "blank lines": `${data}\n\n \r\n${end}\n\n`,
  "a leading blank line": `\r\n\n${data}\r\n${end}\r\n`,
  "a byte order mark": `\xef\xbb\xbf${plain}`,
  "a byte order mark and a blank line": `\xef\xbb\xbf\n${plain}`,
  "Ctrl-Z at the end": `${plain}\x1a`,
  "a block filled with Ctrl-Z": `${plain}${"\x1a".repeat(99)}`,
  "NULs at the end": `${plain}\0\0\0`,
  "blanks behind lines": `${data}  \r\n${end}\t\n `,
  "blanks before lines": `  ${data}\n\t${end}\n`,
  "a record of no bytes": `${data}\n:0000000000\n${end}\n`,
  "a record of no bytes before the others": `:0000000000\n${plain}`,
  "a start address in the end record": `${data}\n:00123401B9\n`,
  "CR alone": `${data}\r${end}\r`,
  "no line ends": `${data}${end}`,
  "small digits": plain.toLowerCase(),
}

describe("Intel HEX as it is found", () => {
  it.each(Object.keys(dressed))("is read with %s", (name) => {
    const bytes = latin1(dressed[name] ?? "")
    expect(plainHex(fromLatin1(bytes)).toUpperCase()).toBe(plain)
    expect(looksLikeIntelHex(bytes)).toBe(true)
    const program = Uint8Array.of(0xde, 0xad, 0xbe, 0xef)
    expect(readProgramHex(fromLatin1(bytes))).toEqual({ program })
    expect(readIntelHex("a.hex", bytes)).toEqual({ ok: true, blocks: [{ address: 0, bytes: program }] })
  })

  it("has a record cut in two that passes 64 KiB, where addresses are linear", () => {
    const crossing = ":04FFFE00010203 04F5".replace(" ", "")
    expect(plainHex(crossing)).toBe(":02FFFE000102FE\n:020000040001F9\n:020000000304F7\n:020000040000FA\n")
    // A segment's offset wraps instead (type 02); the strict reader behind refuses that.
    expect(plainHex(`:020000021000EC\n${crossing}`)).toBe(`:020000021000EC\n${crossing}\n`)
  })

  it.each([
    ["hello", 'line 3 is no record: "hello"'],
    [":0400000\x1b", 'line 3 is no record: ":0400000?"'],
    [":05000000DEADBEEFC3", "line 3 says 5 data bytes and has 4"],
    [":04000000DEADBEEFC5", "Checksum failed at line 3"],
    [":04000000DEAD BEEFC4", "line 3 is no record"],
  ])("is refused with %j in it, by its line", (line, reason) => {
    expect(() => plainHex(`${data}\n\n${line}\n${end}\n`)).toThrow(reason)
  })

  it("is no HEX with text before the first record", () => {
    for (const text of ["", "hello", "S0:", "\x1a:"]) expect(beginsAsHex(text)).toBe(false)
  })
})
