import { describe, expect, it } from "vitest"
import { concat, equalBytes, fromLatin1, hex, latin1 } from "./bytes.ts"

describe("bytes", () => {
  it("carries every byte through Latin-1 and back", () => {
    const all = Uint8Array.from({ length: 10_000 }, (_, i) => i & 0xff)
    expect(equalBytes(latin1(fromLatin1(all)), all)).toBe(true)
  })

  it("refuses a character that is no byte", () => {
    expect(() => latin1("€")).toThrow(RangeError)
  })

  it("joins chunks in their order", () => {
    expect(hex(concat([latin1("a"), new Uint8Array(0), latin1("bc")]))).toBe("616263")
  })

  it("tells arrays apart by length and by content", () => {
    expect(equalBytes(latin1("ab"), latin1("abc"))).toBe(false)
    expect(equalBytes(latin1("ab"), latin1("ac"))).toBe(false)
  })
})
