import { describe, expect, it } from "vitest"
import { AgentBench, Killed } from "../../src/agent/agent-bench.testing.ts"
import { goodUpdate } from "../../src/core/families/quectel/host/small-module.testing.ts"
import { order } from "../../src/agent/small-server.testing.ts"

/** What can fail, each at the moment it is told to. */
const failures: Readonly<Record<string, (bench: AgentBench) => void>> = {
  agent: (bench) => bench.kill(),
  // A minute of calls that nobody answers.
  server: (bench) => bench.server.troubles.push(null, null, 503, null, null, null),
  module: (bench) => bench.module.cutPower(),
  link: (bench) => bench.module.dropLine(),
}

const pairs = Object.keys(failures).flatMap((first) => Object.keys(failures).map((second) => [first, second] as const))

/** The same numbers every time: 0 <= value < 1. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** How many operations an update has when nothing fails. */
async function lengthOfUpdate(): Promise<number> {
  const bench = new AgentBench()
  await bench.run()
  return bench.operations
}

class NothingLeft extends Error {}

/** Runs agents, one after the other, until the server has nothing left for them. */
async function throughKills(bench: AgentBench): Promise<void> {
  for (;;) {
    const ending = new AbortController()
    bench.server.onIdle = () => (bench.server.orders.length === 0 ? ending.abort(new NothingLeft()) : undefined)
    try {
      await bench.run({ once: false, signal: ending.signal })
    } catch (error) {
      if (error instanceof NothingLeft) return
      if (!(error instanceof Killed)) throw error
      bench.clock.advanceTo(bench.clock.now() + 3000)
    }
  }
}

describe("an update in which two of agent, server, module and link fail", () => {
  it.each(pairs)("%s and %s: ends on old or new firmware, as the server knows it", async (first, second) => {
    const length = await lengthOfUpdate()
    const random = numbers(first.length * 31 + second.length)
    for (let round = 0; round < 100; round++) {
      // A download that is lost is repeated, as often as the order says.
      const bench = new AgentBench({ plans: Array(6).fill(goodUpdate(order.to)) })
      const [one, two] = [Math.ceil(random() * length), Math.ceil(random() * length)]
      const story = `${first} at ${one}, ${second} at ${two}`
      bench.at(one, () => failures[first]?.(bench))
      bench.at(two, () => failures[second]?.(bench))
      await throughKills(bench)
      const last = bench.server.reports.at(-1)
      expect(last?.version, story).toBe(bench.module.version)
      expect([order.from, order.to], story).toContain(bench.module.version)
      expect(last?.state, story).toBe(bench.module.version === order.to ? "verified" : "failed")
      expect(bench.module.updates, story).toBeLessThanOrEqual(1)
      if (first !== "module" && second !== "module") expect(bench.module.starts, story).toBe(1)
    }
  })
})
