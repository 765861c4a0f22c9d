import { describe, expect, it } from "vitest"
import type { NoteBody } from "../core/contract/agent-api.ts"
import { IdleClock } from "../core/families/testing/idle-clock.testing.ts"
import type { CallResult } from "./agent-api.ts"
import { Backoff } from "./backoff.ts"
import { Notes } from "./notes.ts"

const taken: CallResult<{ note: "written" }> = { kind: "ok", value: { note: "written" } }
const away: CallResult<never> = { kind: "unreachable", sentence: "Nobody answers.", retryAfterSeconds: null }
const refused: CallResult<never> = { kind: "refused", status: 401, sentence: "The token is wrong." }

/** Notes on their way to a server that answers as the test says: the results in turn, and then it takes everything. */
function bench(results: readonly CallResult<{ note: "written" }>[] = []) {
  const clock = new IdleClock()
  const off = new AbortController()
  const left = [...results]
  const heard: NoteBody[] = []
  const told: string[] = []
  const notes = new Notes({
    api: {
      note: async (_token, body) => {
        await Promise.resolve()
        heard.push(body)
        return left.shift() ?? taken
      },
    },
    token: () => "t.s",
    clock,
    backoff: new Backoff(() => 0.5),
    run: "run",
    tell: (text) => told.push(text),
    signal: off.signal,
  })
  return { notes, clock, off, heard, told }
}

const event = (text: string, version: string | null = null) => ({ event: "question", text, version })

describe("what an attendance saw", () => {
  it("goes to the server in order, each until it is answered, under a mark of its own", async () => {
    const { notes, clock, heard, told } = bench([away, away])
    for (const text of ["one", "two", "three"]) notes.add(event(text, "10.00.005"))
    await clock.sleep(600_000)
    expect(heard.map(({ mark, sentence }) => `${mark} ${sentence}`)).toEqual([
      ...["run-1 one", "run-1 one", "run-1 one"],
      ...["run-2 two", "run-3 three"],
    ])
    expect(heard.at(-1)).toEqual({ mark: "run-3", event: "question", sentence: "three", version: "10.00.005" })
    expect(told[0]).toMatch(/Nobody answers. What was seen waits; next try in \d+ s/)
  })

  it("is dropped when the server does not take it, and the next is tried", async () => {
    const { notes, clock, heard, told } = bench([refused])
    notes.add(event("one"))
    notes.add(event("two"))
    await clock.sleep(1000)
    expect(heard.map(({ sentence }) => sentence)).toEqual(["one", "two"])
    expect(told).toEqual(["The server does not take what was seen: The token is wrong."])
  })

  it("is kept up to two hundred notes, of which the oldest go first, and cut to what the server takes", async () => {
    const { notes, clock, heard } = bench([away])
    for (let n = 1; n <= 250; n++) notes.add(event(`${n} ${"x".repeat(400)}`))
    await clock.sleep(600_000)
    expect(heard.map(({ sentence }) => Number.parseInt(sentence, 10))).toEqual([
      ...[1, 1],
      ...Array.from({ length: 199 }, (_, i) => 52 + i),
    ])
    expect(heard.every(({ sentence }) => sentence.length <= 300)).toBe(true)
  })

  it("ends with the program", async () => {
    const { notes, clock, off, heard } = bench(Array.from({ length: 100 }, () => away))
    notes.add(event("one"))
    await clock.sleep(100)
    off.abort(new Error("over"))
    const until = heard.length
    await clock.sleep(600_000)
    expect(heard).toHaveLength(until)
  })
})
