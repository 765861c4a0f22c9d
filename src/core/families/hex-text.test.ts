import fc from "fast-check"
import strictHex from "nrf-intel-hex"
import { describe, expect, it } from "vitest"
import { latin1 } from "../kit/bytes.ts"
import { beginsAsHex, MalformedHex, readHex } from "./hex-text.ts"
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
    expect(looksLikeIntelHex(bytes)).toBe(true)
    const program = Uint8Array.of(0xde, 0xad, 0xbe, 0xef)
    expect(readProgramHex(bytes)).toEqual({ program })
    expect(readIntelHex("a.hex", bytes)).toEqual({ ok: true, blocks: [{ address: 0, bytes: program }] })
  })

  it("goes on over 64 KiB where addresses are linear, and not where they are segmented", () => {
    const crossing = ":04FFFE000102030405 F0".slice(0, 17) + "F5"
    expect(readHex(latin1(`${crossing}\n${end}`))).toEqual([{ address: 0xfffe, bytes: Uint8Array.of(1, 2, 3, 4) }])
    // A segment's offset wraps instead (type 02).
    expect(() => readHex(latin1(`:020000021000EC\n${crossing}\n${end}`))).toThrow("line 2 wraps over its segment")
  })

  it.each([
    ["hello", 'line 3 is no record: "hello"'],
    [":0400000\x1b", 'line 3 is no record: ":0400000?"'],
    [":05000000DEADBEEFC3", "line 3 says 5 data bytes and has 4"],
    [":04000000DEADBEEFC5", "checksum failed at line 3"],
    [":04000000DEAD BEEFC4", "line 3 is no record"],
  ])("is refused with %j in it, by its line", (line, reason) => {
    expect(() => readHex(latin1(`${data}\n\n${line}\n${end}\n`))).toThrow(reason)
  })

  it("is no HEX with text before the first record", () => {
    for (const text of ["", "hello", "S0:", "\x1a:"]) expect(beginsAsHex(latin1(text))).toBe(false)
  })
})

/** A record of that type. */
function record(offset: number, kind: number, data: readonly number[]): string {
  const octets = [data.length, offset >> 8, offset & 0xff, kind, ...data]
  const sum = -octets.reduce((total, octet) => total + octet, 0) & 0xff
  return `:${[...octets, sum].map((octet) => octet.toString(16).padStart(2, "0")).join("")}`
}

/** The library that is strict, as it is imported from CommonJS. */
const strict = strictHex as unknown as { readonly fromHex: (text: string) => Iterable<[number, Uint8Array]> }

describe("Intel HEX of any shape", () => {
  const placed = fc.record({
    upper: fc.integer({ min: 0, max: 3 }),
    offset: fc.integer({ min: 0, max: 40 }),
    data: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 8 }),
  })

  it("is read as a strict library reads it, records in any order, or refused as it refuses it", () => {
    fc.assert(
      fc.property(fc.array(placed, { maxLength: 12 }), fc.boolean(), (records, isLinear) => {
        const lines = records.flatMap(({ upper, offset, data }) => [
          record(0, isLinear ? 4 : 2, [0, upper]),
          record(offset, 0, data),
        ])
        const text = [...lines, end].join("\n")
        let theirs: readonly [number, Uint8Array][] | null = null
        try {
          theirs = [...strict.fromHex(text)]
        } catch {
          expect(() => readHex(latin1(text))).toThrow("overlapping data")
        }
        if (theirs === null) return
        expect(readHex(latin1(text)).map(({ address, bytes }) => [address, bytes])).toEqual(theirs)
      }),
      { seed: 20_261_128, numRuns: 500 },
    )
  })

  it("is refused where it is cut, and where a digit is another", () => {
    const text = `${record(0, 4, [0, 1])}\n${data}\n${record(4, 0, [1, 2])}\n${end}`
    for (let at = 0; at < text.length; at++) {
      expect(() => readHex(latin1(text.slice(0, at))), `cut at ${at}`).toThrow(MalformedHex)
      const other = text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1)
      expect(() => readHex(latin1(other)), `another at ${at}`).toThrow(MalformedHex)
    }
  })

  it("is refused with more separate pieces than any program has, with addresses beyond 32 bits, and with odd ones", () => {
    const pieces = Array.from({ length: 20_000 }, (_, at) => record(2 * at, 0, [1]))
    expect(() => readHex(latin1([...pieces, end].join("\n")))).toThrow("more than 16384 separate pieces")
    const beyond = [record(0, 4, [0xff, 0xff]), record(0xffff, 0, [1, 2]), end].join("\n")
    expect(() => readHex(latin1(beyond))).toThrow("beyond the last address")
    expect(() => readHex(latin1([record(0, 4, [1]), end].join("\n")))).toThrow("tells an address in 1 bytes")
    expect(() => readHex(latin1([record(0, 6, []), end].join("\n")))).toThrow("has the type 6")
  })
})
