import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromLatin1, latin1 } from "../../kit/bytes.ts"
import { type AtCommands, AtInterpreter } from "./interpreter.ts"

interface Toy {
  value: string
  readonly deeds: string[]
}

const commands: AtCommands<Toy> = {
  I: { basic: (_toy, value) => ({ lines: value === 9 ? [] : ["Maker", `Model ${value ?? "-"}`] }) },
  "+CGMR": { execute: () => ({ lines: ["V1"] }), test: () => ({}) },
  "+SET": {
    read: (toy) => ({ lines: [`+SET: "${toy.value}"`] }),
    write: (toy, values) => {
      if (values.length !== 1) return "ERROR"
      toy.value = values[0]?.text ?? ""
      return { afterwards: () => toy.deeds.push("after OK") }
    },
  },
  "+PIN": { read: () => ({ cme: 10, words: "SIM not inserted" }) },
  "+DATA": {
    write: (toy, [size]) => ({
      takes: {
        prompts: ["CONNECT"],
        sizeBytes: Number(size?.text),
        done: (bytes) => {
          toy.value = fromLatin1(bytes)
          return {}
        },
      },
    }),
  },
}

function toy(): {
  readonly module: Toy
  readonly type: (text: string) => Promise<string>
  readonly at: AtInterpreter<Toy>
} {
  const module: Toy = { value: "", deeds: [] }
  let sent = ""
  const write = (bytes: Uint8Array): void => {
    sent += fromLatin1(bytes)
  }
  const at = new AtInterpreter({ module, commands, write, longestLine: 40 })
  const type = async (text: string): Promise<string> => {
    sent = ""
    await at.take(latin1(text))
    return sent
  }
  return { module, type, at }
}

describe("the device's end of an AT port", () => {
  it.each([
    ["AT\r", "AT\r\r\nOK\r\n"],
    ["at\r", "at\r\r\nOK\r\n"],
    ["AT+CGMR\r\n", "AT+CGMR\r\r\nV1\r\n\r\nOK\r\n\n"],
    ["AT+CGMR=?\r", "AT+CGMR=?\r\r\nOK\r\n"],
    ["AT+CGMR?\r", "AT+CGMR?\r\r\nERROR\r\n"],
    ["AT+NOTHING\r", "AT+NOTHING\r\r\nERROR\r\n"],
    ["ATI3\r", "ATI3\r\r\nMaker\r\nModel 3\r\n\r\nOK\r\n"],
    ["ATE0\r", "ATE0\r\r\nOK\r\n"],
    ["ATE2\r", "ATE2\r\r\nERROR\r\n"],
    ["ATE0V1&F+CGMR\r", "ATE0V1&F+CGMR\r\r\nV1\r\n\r\nOK\r\n"],
    ["AT+PIN?\r", "AT+PIN?\r\r\n+CME ERROR: 10\r\n"],
    ["AT+CMEE=2;+PIN?\r", "AT+CMEE=2;+PIN?\r\r\n+CME ERROR: SIM not inserted\r\n"],
    ["AT+CMEE=0;+PIN?\r", "AT+CMEE=0;+PIN?\r\r\nERROR\r\n"],
    ["ATS3?\r", "ATS3?\r\r\n013\r\n\r\nOK\r\n"],
    ["ATS77?\r", "ATS77?\r\r\nERROR\r\n"],
    ["ATD*99#\r", "ATD*99#\r\r\nERROR\r\n"],
    ["\x00\xffgarbAT\r", "\x00\xffgarbAT\r\r\nOK\r\n"],
    ["hello\r", "hello\r"],
    ["AX\bT\r", "AX\bT\r\r\nOK\r\n"],
    ['AT+SET="a\r', 'AT+SET="a\r\r\nERROR\r\n'],
    ['AT+SET="a"b\r', 'AT+SET="a"b\r\r\nERROR\r\n'],
  ])("answers %j with %j", async (typed, answered) => {
    expect(await toy().type(typed)).toBe(answered)
  })

  it("echoes no more after ATE0, and speaks in numbers after ATV0", async () => {
    const { type } = toy()
    await type("ATE0\r")
    expect(await type("AT\r")).toBe("\r\nOK\r\n")
    await type("ATV0\r")
    expect(await type("AT\r")).toBe("0\r")
    expect(await type("AT+CGMR\r")).toBe("V1\r\n0\r")
    expect(await type("AT+CGMR?\r")).toBe("4\r")
    await type("ATV1Q1\r")
    expect(await type("AT\r")).toBe("")
  })

  it("ends lines by S3 and S4", async () => {
    const { type } = toy()
    await type("ATE0S3=33S4=35\r")
    expect(await type("AT!")).toBe("!#OK!#")
  })

  it("repeats the last line on A/", async () => {
    const { type } = toy()
    await type("AT+CGMR\r")
    expect(await type("A/")).toBe("A/\r\nV1\r\n\r\nOK\r\n")
  })

  it("takes quotes, commas and semicolons in text, and acts after OK", async () => {
    const { type, module } = toy()
    await type('AT+SET="a,b;c=?";+SET?\r')
    expect(module.value).toBe("a,b;c=?")
    expect(module.deeds).toEqual(["after OK"])
    expect(await type("AT+SET=a,b\r")).toContain("ERROR")
    expect(await type("AT+SET= spaced \r")).toContain("OK")
    expect(module.value).toBe("spaced")
  })

  it("runs nothing of a line that has a fault, and nothing behind an error", async () => {
    const { type, module } = toy()
    expect(await type("AT+SET=1;+SET=2,3;+SET=4\r")).toContain("ERROR")
    expect(module.value).toBe("1")
    expect(await type('AT+SET=5;+SET="x\r')).toContain("ERROR")
    expect(module.value).toBe("1")
  })

  it("answers an overlong line with ERROR, and the next one as ever", async () => {
    const { type } = toy()
    expect(await type(`AT+SET="${"x".repeat(100_000)}"\r`)).toMatch(/\r\nERROR\r\n$/)
    expect(await type("AT\r")).toBe("AT\r\r\nOK\r\n")
  })

  it("takes data of the size that was named, and then lines again", async () => {
    const { type, module } = toy()
    expect(await type("AT+DATA=5\rAT\r\0xAT\r")).toBe("AT+DATA=5\r\r\nCONNECT\r\n\r\nOK\r\nAT\r\r\nOK\r\n")
    expect(module.value).toBe("AT\r\0x")
  })

  it("gives the same answers however the bytes are cut", async () => {
    const typed = 'ATE0\rAT+SET="a,b"\rAT+SET?;+CGMR\r\nATI\rAT+DATA=3\rabcAT\r'
    const whole = await toy().type(typed)
    for (let cut = 1; cut < typed.length; cut++) {
      const { type } = toy()
      expect((await type(typed.slice(0, cut))) + (await type(typed.slice(cut))), `cut at ${cut}`).toBe(whole)
    }
  })

  it("survives any bytes, and answers AT afterwards", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const { at, type } = toy()
        await at.take(bytes.filter((byte) => byte !== 0x53 && byte !== 0x73))
        await type("\r")
        await type("A".repeat(20))
        await type("\rATV1Q0E0\r")
        expect(await type("AT\r")).toBe("\r\nOK\r\n")
      }),
    )
  })

  it("sends what nobody asked for with line ends on both sides", () => {
    let sent = ""
    const write = (bytes: Uint8Array): void => {
      sent += fromLatin1(bytes)
    }
    new AtInterpreter({ module: { value: "", deeds: [] }, commands, write }).unsolicited("+CPIN: READY")
    expect(sent).toBe("\r\n+CPIN: READY\r\n")
  })
})
