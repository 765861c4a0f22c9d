import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../kit/bytes.ts"
import { AtHost } from "./at-host.ts"
import vectors from "./host-vectors.json" with { type: "json" }
import { ScriptedLine, StepClock } from "./scripted-line.testing.ts"

interface AnswerVector {
  readonly name: string
  readonly command: string
  readonly bytes: string
  readonly end: string
  readonly lines: readonly string[]
  readonly urcs: readonly string[]
  readonly source?: string
  readonly code?: number | null
}

/** Types one command at a module that answers with `bytes`, cut at each place of `cuts`. */
async function ask({ command, bytes }: Pick<AnswerVector, "command" | "bytes">, cuts: readonly number[]) {
  const clock = new StepClock()
  const line = new ScriptedLine(clock, (_typed, module) => {
    let from = 0
    for (const cut of [...cuts, bytes.length]) {
      if (cut > from) module.say(bytes.slice(from, cut))
      from = Math.max(from, cut)
    }
  })
  const host = new AtHost(line, clock)
  const answer = await host.command({ text: command, timeoutMs: 5000 })
  return { answer, urcs: await heard(host) }
}

async function heard(host: AtHost): Promise<string[]> {
  const urcs: string[] = []
  for (;;) {
    const urc = await host.listen(1000)
    if (urc === "quiet" || urc === "gone") return urcs
    urcs.push(urc.line)
  }
}

describe("the host's end of an AT line", () => {
  it("reads the answers of the documents at every cut", async () => {
    for (const vector of vectors.answers as readonly AnswerVector[]) {
      for (let cut = 0; cut <= vector.bytes.length; cut++) {
        const { answer, urcs } = await ask(vector, [cut])
        expect({ ...answer, final: undefined }, `${vector.name} cut at ${cut}`).toEqual({
          end: vector.end,
          lines: vector.lines,
          final: undefined,
        })
        expect(urcs).toEqual(vector.urcs)
        if (vector.source !== undefined) {
          expect(answer.final?.error).toMatchObject({ source: vector.source, code: vector.code })
        }
      }
    }
  })

  it("reads them byte by byte", async () => {
    for (const vector of vectors.answers as readonly AnswerVector[]) {
      const everywhere = Array.from({ length: vector.bytes.length }, (_, i) => i)
      const { answer, urcs } = await ask(vector, everywhere)
      expect([answer.end, answer.lines, urcs]).toEqual([vector.end, vector.lines, vector.urcs])
    }
  })

  it("sends data when the module asks for it, at every cut", async () => {
    for (const vector of vectors.prompts) {
      for (let cut = 1; cut <= vector.afterCommand.length; cut++) {
        const clock = new StepClock()
        const line = new ScriptedLine(clock, (typed, module) => {
          if (typed !== vector.command) return module.say(vector.afterData, 0, cut)
          module.say(vector.afterCommand, 0, cut)
        })
        const host = new AtHost(line, clock)
        const answer = await host.command({ text: vector.command, timeoutMs: 9000, data: latin1(vector.data) })
        expect([answer.end, answer.lines], `${vector.name} cut at ${cut}`).toEqual([vector.end, vector.lines])
        expect(line.typed.filter((typed) => typed === vector.data)).toHaveLength(vector.end === "ok" ? 1 : 0)
      }
    }
  })

  it("hands on the line after +CMT as its body", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, () => undefined)
    line.say("\r\n+CMT: ,24\r\n07914151551512F2\r\n", 10, 3)
    expect(await new AtHost(line, clock).listen(100)).toEqual({ line: "+CMT: ,24", body: "07914151551512F2" })
  })

  it("types commands one after the other, and lets them go ahead of listening", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, (typed, module) => module.say(`\r\nto ${typed}\r\n\r\nOK\r\n`, 50))
    const host = new AtHost(line, clock)
    const listening = host.listen(60_000)
    const answers = await Promise.all(
      ["ATI", "AT+CGMR", "AT+CGSN"].map((text) => host.command({ text, timeoutMs: 900 })),
    )
    expect(answers.map(({ lines }) => lines)).toEqual([["to ATI"], ["to AT+CGMR"], ["to AT+CGSN"]])
    expect(line.typed).toEqual(["ATI", "AT+CGMR", "AT+CGSN"])
    expect(await listening).toBe("quiet")
  })

  it("ends a command without a result at its time limit, and does not take the late answer for the next one's", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, (typed, module) => {
      if (typed === "AT+CGMR") module.say("\r\nOLD\r\n\r\nOK\r\n", 1200)
      else module.say("\r\nNEW\r\n\r\nOK\r\n", 10)
    })
    const host = new AtHost(line, clock)
    const began = clock.now()
    expect(await host.command({ text: "AT+CGMR", timeoutMs: 1000 })).toMatchObject({ end: "timeout" })
    expect(clock.now() - began).toBe(1000)
    expect(await host.command({ text: "AT+QGMR", timeoutMs: 1000 })).toMatchObject({ end: "ok", lines: ["NEW"] })
  })

  it("says that the port is gone, in a command and while listening", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, (_typed, module) => {
      module.say('\r\n+QIND: "FOTA","FTPEND",0\r\n', 10)
      module.say("\r\n+QI", 20)
      module.vanish(30)
    })
    const host = new AtHost(line, clock)
    expect(await host.command({ text: "ATI", timeoutMs: 1000 })).toMatchObject({ end: "gone" })
    expect(await host.listen(1000)).toEqual({ line: '+QIND: "FOTA","FTPEND",0' })
    expect(await host.listen(1000)).toBe("gone")
    expect(await host.command({ text: "ATI", timeoutMs: 1000 })).toMatchObject({ end: "gone" })
  })

  it("takes a line that had begun before the command for none of its answer", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, (_typed, module) => module.say("\r\nAG35\r\n\r\nOK\r\n", 5))
    const host = new AtHost(line, clock)
    line.say("3")
    expect(await host.listen(100)).toBe("quiet")
    expect(await host.command({ text: "ATI", timeoutMs: 1000 })).toMatchObject({ end: "ok", lines: ["AG35"] })
  })

  it("drops an overlong line whole, so that its beginning or end says nothing", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, () => undefined)
    line.say(`\r\n${"x".repeat(5000)}+QIND: "FOTA","END",0\r\nRDY\r\n`, 5, 700)
    line.say(`+QIND: "FOTA","END",0${"0".repeat(1100)}\r\nRING\r\n`, 6, 33)
    expect(await heard(new AtHost(line, clock))).toEqual(["RDY", "RING"])
  })

  it("keeps the newest URCs when nobody listens", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, (_typed, module) => {
      for (let n = 0; n < 1000; n++) module.say(`\r\n+CREG: ${n}\r\n`)
      module.say("\r\nOK\r\n")
    })
    const host = new AtHost(line, clock)
    expect(await host.command({ text: "AT", timeoutMs: 1000 })).toMatchObject({ end: "ok" })
    const urcs = await heard(host)
    expect(urcs).toHaveLength(256)
    expect(urcs.at(-1)).toBe("+CREG: 999")
  })

  it("refuses a command that would be two", async () => {
    const clock = new StepClock()
    const line = new ScriptedLine(clock, () => undefined)
    await expect(new AtHost(line, clock).command({ text: "ATI\rATZ", timeoutMs: 1 })).rejects.toThrow(RangeError)
    expect(line.typed).toEqual([])
  })

  it("survives random bytes, and answers the next command", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), async (chunks) => {
        const clock = new StepClock()
        const line = new ScriptedLine(clock, (typed, module) => {
          if (typed === "AT+LAST?") return module.say("\r\n\r\n+LAST: 1\r\n\r\nOK\r\n", 5)
          for (const chunk of chunks) module.say(String.fromCharCode(...chunk), 1)
        })
        const host = new AtHost(line, clock)
        const first = await host.command({ text: "AT+NOISE", timeoutMs: 500 })
        expect(["ok", "error", "timeout"]).toContain(first.end)
        await heard(host)
        // The noise may have ended in the head of a two-line URC, or in the middle of a line.
        const last = await host.command({ text: "AT+LAST?", timeoutMs: 500 })
        expect(last.end).toBe("ok")
      }),
      { numRuns: 200 },
    )
  })
})
