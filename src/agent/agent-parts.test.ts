import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StepClock } from "../core/protocols/at/scripted-line.testing.ts"
import { AgentApi, type AgentResponse } from "./agent-api.ts"
import { AgentMemory, type TextStore } from "./agent-memory.ts"
import { bindingOf } from "./attend-binding.ts"
import { ArrivalLine } from "../serial/arrival-line.ts"
import { Backoff } from "./backoff.ts"

const signal = new AbortController().signal

describe("the agent's memory", () => {
  it("resolves a change when it is written, and writes what came meanwhile at once", async () => {
    const written: string[] = []
    const releases: (() => void)[] = []
    const memory = new AgentMemory({
      read: () => null,
      write: (text) =>
        new Promise((resolve) => {
          releases.push(() => {
            written.push(text)
            resolve()
          })
        }),
    })
    const states: string[] = []
    const changes = ["a", "b", "c"].map((reached) =>
      memory.change({ known: { version: reached, build: reached } }).then(() => states.push(reached)),
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(memory.state.known?.version).toBe("c")
    expect([releases.length, states]).toEqual([1, []])
    releases[0]?.()
    await new Promise((resolve) => setImmediate(resolve))
    for (const release of releases.slice(1)) release()
    await Promise.all(changes)
    expect(written.length).toBeLessThanOrEqual(2)
    expect(JSON.parse(written.at(-1) ?? "")).toMatchObject({ known: { version: "c" } })
  })

  it("rejects a change that the disk does not take, and goes on with the next", async () => {
    let isFull = true
    const written: string[] = []
    const write = async (text: string): Promise<void> => {
      await Promise.resolve()
      if (isFull) throw new Error("no space")
      written.push(text)
    }
    const memory = new AgentMemory({ read: () => null, write })
    await expect(memory.change({ known: { version: "a", build: "a" } })).rejects.toThrow("no space")
    isFull = false
    await memory.change({ isOver: true })
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ known: { version: "a" }, isOver: true })
  })

  it("refuses a file that is something else", () => {
    for (const text of ["", "{", "[]", "{}", '{"format":2,"reports":[]}', '{"format":1}']) {
      const open = (): AgentMemory => new AgentMemory({ read: () => text, write: () => Promise.resolve() })
      expect(open, text).toThrow("cannot be read")
    }
  })
})

describe("the module that an attendance stands beside", () => {
  const state = (): { readonly store: TextStore; readonly now: () => number } => {
    let text: string | null = null
    const write = async (next: string): Promise<void> => {
      await Promise.resolve()
      text = next
    }
    return { store: { read: () => text, write }, now: () => 7 }
  }

  it("is the first that was met, in this run and the next", async () => {
    const { store, now } = state()
    const first = await bindingOf(new AgentMemory(store), undefined, now)
    expect(first.imei).toBeNull()
    await first.bind("354255020000011")
    expect((await bindingOf(new AgentMemory(store), undefined, now)).imei).toBe("354255020000011")
  })

  it("is another one when the plan says so, from then on; the one before is remembered", async () => {
    const { store, now } = state()
    await (await bindingOf(new AgentMemory(store), undefined, now)).bind("354255020000011")
    expect((await bindingOf(new AgentMemory(store), "354255020000099", now)).imei).toBe("354255020000099")
    const memory = new AgentMemory(store)
    expect((await bindingOf(memory, undefined, now)).imei).toBe("354255020000099")
    expect(memory.state.modules.map(({ imei }) => imei)).toEqual(["354255020000011", "354255020000099"])
  })
})

describe("the pauses between tries", () => {
  it("grow, stay below the longest, and are never shorter than what the server asks for", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 600 }), (random, asked) => {
        const backoff = new Backoff(() => random)
        const pauses = Array.from({ length: 40 }, () => backoff.nextMs())
        expect(Math.max(...pauses)).toBeLessThanOrEqual(300_000)
        expect(pauses.every((pause, i) => i === 0 || pause >= (pauses[i - 1] ?? 0))).toBe(true)
        expect(backoff.nextMs(asked)).toBeGreaterThanOrEqual(asked * 1000)
        backoff.reset()
        expect(backoff.nextMs()).toBeLessThanOrEqual(1000)
      }),
    )
  })
})

describe("the calls of the agent API", () => {
  const call = (answer: AgentResponse | Error) =>
    new AgentApi(() => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer))).work(
      "t",
      {},
      signal,
    )
  const response = (status: number, body: string, retryAfterSeconds: number | null = null): AgentResponse => ({
    status,
    body,
    retryAfterSeconds,
  })

  it("tell an answer from a refusal and from a server that is not there", async () => {
    expect(await call(response(200, '{"admission":"accepted","order":null}'))).toMatchObject({ kind: "ok" })
    expect(await call(response(401, '{"detail":"No."}'))).toEqual({ kind: "refused", status: 401, sentence: "No." })
    expect(await call(response(429, "", 7))).toMatchObject({ kind: "unreachable", retryAfterSeconds: 7 })
    expect(await call(response(503, "<html>"))).toMatchObject({ kind: "unreachable" })
    expect(await call(new Error("ECONNREFUSED"))).toMatchObject({ kind: "unreachable" })
  })

  it("believe no answer that is not as the contract says", async () => {
    const wrong = [
      "",
      "null",
      "[]",
      "{}",
      '{"admission":"maybe","order":null}',
      '{"admission":"accepted","order":{"order":"x"}}',
    ]
    for (const body of wrong) expect(await call(response(200, body)), body).toMatchObject({ kind: "unreachable" })
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.integer({ min: 100, max: 599 }), async (body, status) => {
        const { kind } = await call(response(status, body))
        expect(kind).not.toBe("ok")
      }),
    )
  })
})

describe("a line on which bytes arrive", () => {
  const end = { write: () => Promise.resolve(true), close: () => Promise.resolve() }

  it("gives what came at once, in order, and its end after that", async () => {
    const line = new ArrivalLine("x", new StepClock(), end)
    line.arrive(new Uint8Array([1, 2]))
    line.arrive(new Uint8Array([3]))
    line.vanish()
    expect(await line.read(1000)).toEqual(new Uint8Array([1, 2, 3]))
    expect(await line.read(1000)).toBeNull()
    expect(await line.write(new Uint8Array([1]))).toBe(false)
  })

  it("waits for bytes, no longer than it is told, and not when it is interrupted", async () => {
    const clock = new StepClock()
    const line = new ArrivalLine("x", clock, end)
    expect(await line.read(500)).toEqual(new Uint8Array(0))
    const never = { now: clock.now, sleep: (_ms: number, stop?: AbortSignal) => untilAborted(stop) }
    const slow = new ArrivalLine("x", never, end)
    const reading = slow.read(500)
    slow.arrive(new Uint8Array([9]))
    expect(await reading).toEqual(new Uint8Array([9]))
    const interrupted = new AbortController()
    const second = slow.read(500, interrupted.signal)
    interrupted.abort()
    expect(await second).toEqual(new Uint8Array(0))
    const third = slow.read(500)
    await slow.close()
    expect(await third).toBeNull()
  })

  it("is cut off when nobody reads for too long", async () => {
    const line = new ArrivalLine("x", new StepClock(), end)
    for (let i = 0; i < 20; i++) line.arrive(new Uint8Array(100_000))
    expect(await line.read(0)).toBeNull()
  })
})

function untilAborted(stop?: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    stop?.addEventListener("abort", () => reject(new Error("aborted")), { once: true })
  })
}
