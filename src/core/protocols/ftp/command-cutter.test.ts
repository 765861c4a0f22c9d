import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, latin1 } from "../../kit/bytes.ts"
import { encodeCommand, parseCommand } from "./command.ts"
import { CommandCutter } from "./command-cutter.ts"
import vectors from "./vectors.json" with { type: "json" }

const script = "USER mote-1\r\nPASS s3cret\nTYPE I\r\n\xff\xf4\xff\xf2ABOR\r\nRETR UPGRADE.TXT\r\n"
const scriptLines = ["USER mote-1", "PASS s3cret", "TYPE I", "ABOR", "RETR UPGRADE.TXT"]

/** The bytes themselves, and without each one of them. */
function lossesOf(bytes: string): readonly string[] {
  return [bytes, ...Array.from(bytes, (_, at) => bytes.slice(0, at) + bytes.slice(at + 1))]
}

describe("the command cutter", () => {
  it("gives the same lines however two cuts divide the bytes", () => {
    const bytes = latin1(script)
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 7) {
        const cutter = new CommandCutter(512)
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        expect(parts.flatMap((part) => cutter.push(part))).toEqual(scriptLines)
      }
    }
  })

  it("gives the same lines for random bytes in one packet and byte by byte", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const whole = new CommandCutter(64).push(bytes)
        const cutter = new CommandCutter(64)
        const drops = Array.from(bytes, (byte) => cutter.push(Uint8Array.of(byte))).flat()
        expect(drops).toEqual(whole)
      }),
    )
  })

  it("keeps nothing of the packet's own memory", () => {
    const cutter = new CommandCutter(64)
    const packet = latin1("NO")
    cutter.push(packet)
    packet.fill(0)
    expect(cutter.push(latin1("OP\r\n"))).toEqual(["NOOP"])
  })

  it("takes an IAC before ordinary text out alone, since the urgent byte after it may have travelled out of band", () => {
    expect(new CommandCutter(64).push(latin1("\xff\xf4\xffABOR\r\n"))).toEqual(["ABOR"])
  })

  it("reads ABOR without its line feed, which may have travelled out of band, and once with it", () => {
    const cutter = new CommandCutter(64)
    expect(cutter.push(latin1("ABOR\r"))).toEqual(["ABOR"])
    expect(cutter.push(latin1("NOOP\r\n"))).toEqual(["NOOP"])
    expect(cutter.push(latin1("ABOR\r"))).toEqual(["ABOR"])
    expect(cutter.push(latin1("\nNOOP\r\n"))).toEqual(["NOOP"])
  })

  it("reads Telnet's Synch before ABOR at every cut, whichever of its bytes was urgent and is lost", () => {
    const synch = "\xff\xf4\xff\xf2"
    for (const end of ["\r\n", "\n", "\r\r\n", "\r"]) {
      for (const signs of lossesOf(synch)) {
        const bytes = latin1(`NOOP\r\n${signs}ABOR${end}`)
        for (let first = 0; first <= bytes.length; first++) {
          for (let second = first; second <= bytes.length; second++) {
            const cutter = new CommandCutter(64)
            const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
            expect(parts.flatMap((part) => cutter.push(part))).toEqual(["NOOP", "ABOR"])
            const rest = end === "\r" ? "\nNOOP\r\n" : "NOOP\r\n"
            expect(cutter.push(latin1(rest))).toEqual(["NOOP"])
          }
        }
      }
    }
  })

  it("drops any number of CRs before a line's LF", () => {
    expect(new CommandCutter(64).push(latin1("PASV\r\r\nRETR a\rb\r\r\r\n"))).toEqual(["PASV", "RETR a\rb"])
  })

  it("takes out option negotiations and reads a doubled IAC as the byte", () => {
    const cutter = new CommandCutter(64)
    expect(cutter.push(latin1("\xff\xfb\x01\xff\xfd\x03RETR a\xff\xffb\r\n"))).toEqual(["RETR a\xffb"])
  })

  it("gives null for a line over the limit and goes on with the next", () => {
    const cutter = new CommandCutter(8)
    expect(cutter.push(latin1("12345678\r\n123456789\r\nNOOP\r\n"))).toEqual(["12345678", null, "NOOP"])
    expect(cutter.push(concat([latin1("x".repeat(100)), latin1("\nNOOP\n")]))).toEqual([null, "NOOP"])
  })

  it("holds no more than the limit of an endless line and counts what it threw away", () => {
    const cutter = new CommandCutter(8)
    for (let i = 0; i < 100; i++) expect(cutter.push(latin1("xxxxxxxxxx"))).toEqual([])
    expect(cutter.discardedBytes).toBe(1000)
    expect(cutter.push(latin1("\r\nQUIT\r\n"))).toEqual([null, "QUIT"])
  })

  it("reads UTF-8, and Latin-1 where the bytes are no UTF-8", () => {
    expect(new CommandCutter(64).push(Uint8Array.of(0xc3, 0xa4, 0x0a, 0xe4, 0x0a))).toEqual(["ä", "ä"])
  })
})

describe("a command line", () => {
  it("is parsed as the documents write it", () => {
    for (const { line, verb, argument } of vectors.commands) expect(parseCommand(line)).toEqual({ verb, argument })
  })

  it("survives encode and decode", () => {
    for (const { verb, argument } of vectors.commands) {
      const [line] = new CommandCutter(64).push(encodeCommand(verb, argument))
      expect(parseCommand(line ?? "")).toEqual({ verb, argument })
    }
  })

  it("is refused without a verb of letters", () => {
    for (const line of ["", " NOOP", "123", "NO-OP", "\0NOOP", "ABCDEFGHI"]) expect(parseCommand(line)).toBeNull()
  })

  it("cannot be broken out of by an argument", () => {
    expect(() => encodeCommand("RETR", "a\r\nDELE b")).toThrow("no CR, LF or NUL")
  })
})
