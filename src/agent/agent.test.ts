import { describe, expect, it } from "vitest"
import { failedDownload, goodUpdate, SmallModule } from "../core/families/quectel/host/small-module.testing.ts"
import { AgentBench, Killed } from "./agent-bench.testing.ts"
import { order } from "./small-server.testing.ts"

const whole = ["accepted", "downloading", "downloaded", "updating", "verified"]

describe("an agent", () => {
  it("says what runs, takes its order, drives the module through it and reports every step", async () => {
    const bench = new AgentBench()
    expect(await bench.run()).toMatchObject({ order: order.order, end: { state: "verified" }, version: order.to })
    expect(bench.server.versions[0]).toBe(order.from)
    expect(bench.reported).toEqual(whole)
    expect(bench.server.reports.at(-1)).toMatchObject({ order: order.order, version: order.to })
    expect(bench.module.starts).toBe(1)
    expect(JSON.parse(bench.disk ?? "")).toMatchObject({ order: null, journal: null, reports: [] })
  })

  it("goes on asking after its order, and carries out one hop after the other", async () => {
    const bench = new AgentBench({ plans: [goodUpdate(order.to), goodUpdate("AG35CEV14")] })
    bench.server.orders.push({ ...order, order: "update-1/t2", from: order.to, to: "AG35CEV14" })
    const ending = new AbortController()
    bench.server.onIdle = () => ending.abort(new Error("enough"))
    await expect(bench.run({ once: false, signal: ending.signal })).rejects.toThrow("enough")
    expect(bench.server.reports.filter(({ state }) => state === "verified").map(({ version }) => version)).toEqual([
      order.to,
      "AG35CEV14",
    ])
    expect(bench.server.versions.at(-1)).toBe("AG35CEV14")
    expect(bench.module.version).toBe("AG35CEV14")
  })

  it("says with `once` that there is nothing to do, and that the module is away", async () => {
    const bench = new AgentBench()
    bench.server.orders.length = 0
    expect(await bench.run()).toEqual({ order: null, end: null, version: order.from })
    const away = new AgentBench()
    const names = { names: () => Promise.resolve([]), open: () => Promise.resolve(null) }
    await expect(away.run({ port: names })).rejects.toThrow("there is no such port")
  })

  it("asks for work while its module is away, without a version, and a shorter time", async () => {
    const bench = new AgentBench()
    bench.server.orders.length = 0
    const ending = new AbortController()
    bench.server.onIdle = () => ending.abort(new Error("enough"))
    const names = { names: () => Promise.resolve([]), open: () => Promise.resolve(null) }
    await expect(bench.run({ port: names, once: false, signal: ending.signal })).rejects.toThrow("enough")
    expect(bench.server.calls[0]?.path).toBe("/agent/v1/work?wait=30")
  })

  it("keeps its reports for a server that is away, and delivers them in their order", async () => {
    const bench = new AgentBench()
    const troubles = Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 503 : null))
    const normal = bench.server.transport
    let calls = 0
    const transport: typeof normal = (request, signal) => {
      if (++calls === 2) bench.server.troubles = troubles
      return normal(request, signal)
    }
    expect(await bench.run({ transport })).toMatchObject({ end: { state: "verified" } })
    expect(bench.server.troubles).toEqual([])
    expect(bench.reported.at(-1)).toBe("verified")
    expect(bench.reported).toEqual(whole.filter((state) => bench.reported.includes(state)))
    const pauses = bench.server.calls.slice(2, 12).map(({ atMs }, i, all) => atMs - (all[i - 1]?.atMs ?? atMs))
    expect(Math.max(...pauses)).toBeGreaterThan(100_000)
  })

  it("comes back to a server that refuses its token, later and later, and says so", async () => {
    const bench = new AgentBench()
    const ending = new AbortController()
    bench.server.token = "another"
    const stop = { tell: () => (bench.server.calls.length >= 12 ? ending.abort(new Error("enough")) : undefined) }
    await expect(bench.run({ ...stop, once: false, signal: ending.signal })).rejects.toThrow("enough")
    const gaps = bench.server.calls.map(({ atMs }, i, all) => atMs - (all[i - 1]?.atMs ?? atMs)).slice(1)
    expect(gaps[0]).toBeLessThan(20_000)
    expect(gaps.at(-1)).toBeGreaterThan(200_000)
    await expect(bench.run()).rejects.toThrow("Problem 401")
  })

  it("types nothing more when the server wants nothing more", async () => {
    const bench = new AgentBench({ plans: [failedDownload(601), goodUpdate(order.to)] })
    bench.server.onReport = ({ state }) => {
      if (state === "retrying") bench.server.isOver = true
    }
    expect(await bench.run()).toMatchObject({ end: { state: "dropped" } })
    expect(bench.module.starts).toBe(1)
  })

  it("reports what a module says that runs another version than the order is for, and types nothing", async () => {
    const bench = new AgentBench({ version: order.from })
    bench.module.version = "AG35CEV12"
    bench.server.onIdle = () => undefined
    bench.server.orders[0] = { ...order, from: "AG35CEV12" }
    const normal = bench.server.transport
    expect(
      await bench.run({
        transport: async (request, signal) => {
          const answer = await normal(request, signal)
          // Somebody else has updated the module in this moment.
          if (request.path.includes("work")) bench.module.version = "AG35CEV99"
          return answer
        },
      }),
    ).toMatchObject({ end: { state: "failed", version: "AG35CEV99" } })
    expect(bench.module.commands).toBe(0)
    expect(bench.server.reports.at(-1)).toMatchObject({ state: "failed", version: "AG35CEV99" })
  })
})

describe("an agent at two modules, of which nobody has said which is meant", () => {
  it("stays at the first that it read a version from, although the other comes first when the command is due", async () => {
    for (const first of ["/dev/ttyUSB0", "/dev/ttyUSB9"]) {
      const bench = new AgentBench()
      const other = new SmallModule(bench.clock, {
        version: order.from,
        imei: "866758040000099",
        plans: [goodUpdate(order.to)],
        portName: first,
      })
      const both = [bench.module, other]
      let looks = 0
      const port = {
        names: async () => {
          const names = (await Promise.all(both.map((module) => module.names()))).flat()
          // A hub counts its ports anew: the order in which they are found is no order of modules.
          return ++looks % 2 === 1 ? names : [...names].reverse()
        },
        open: async (name: string) => {
          for (const module of both) if ((await module.names()).includes(name)) return module.open(name)
          return null
        },
      }
      expect(await bench.run({ port })).toMatchObject({ end: { state: "verified" }, version: order.to })
      const { modules } = JSON.parse(bench.disk ?? "") as { readonly modules: readonly { readonly imei: string }[] }
      const pinned = modules.length === 1 ? modules[0]?.imei : null
      expect(both.map(({ starts, imei }) => [imei === pinned, starts])).toContainEqual([true, 1])
      expect(bench.module.commands + other.commands).toBe(1)
    }
  })
})

describe("an agent whose module was swapped", () => {
  it("says nothing of the new one, types nothing, and tells operator and server", async () => {
    const bench = new AgentBench({ plans: [] })
    bench.server.orders.length = 0
    await bench.run()
    bench.module.imei = "866758040000099"
    bench.module.version = order.to
    bench.server.versions.length = 0
    const ending = new AbortController()
    bench.server.onIdle = () => (bench.server.versions.length >= 3 ? ending.abort(new Error("enough")) : undefined)
    await expect(bench.run({ once: false, signal: ending.signal })).rejects.toThrow("enough")
    expect(bench.server.versions.every((version) => version === null)).toBe(true)
    expect(bench.module.commands).toBe(0)
    expect(bench.told.map(({ text }) => text).join("\n")).toContain("stands the module 866758040000099")
    expect(bench.server.notes).toMatchObject([{ event: "other-module" }])
  })

  it("tells the server when that can be reached again", async () => {
    const bench = new AgentBench({ plans: [] })
    bench.server.orders.length = 0
    await bench.run()
    bench.module.imei = "866758040000099"
    bench.server.troubles = Array.from({ length: 9 }, (_, i) => (i % 2 === 0 ? null : 503))
    const ending = new AbortController()
    bench.server.onIdle = () => (bench.server.versions.length >= 5 ? ending.abort(new Error("enough")) : undefined)
    await expect(bench.run({ once: false, signal: ending.signal })).rejects.toThrow("enough")
    expect(bench.server.troubles).toEqual([])
    expect(bench.server.notes.map(({ mark }) => mark)).toEqual(["other-866758040000099"])
  })

  it("is the new one's when it is told so, and keeps the old one in its history", async () => {
    const bench = new AgentBench({ plans: [] })
    bench.server.orders.length = 0
    await bench.run()
    bench.module.imei = "866758040000099"
    bench.server.orders.push(order)
    const again = new AgentBench({ imei: "866758040000099" })
    again.disk = bench.disk
    expect(await again.run({ imei: "866758040000099" })).toMatchObject({ end: { state: "verified" } })
    const { modules } = JSON.parse(again.disk ?? "") as { readonly modules: readonly { readonly imei: string }[] }
    expect(modules.map(({ imei }) => imei)).toEqual(["866758040000012", "866758040000099"])
  })

  it("asks for work with the build that runs, when somebody has flashed another of the same name", async () => {
    const bench = new AgentBench()
    bench.module.installs = `${order.to}_01.001`
    await bench.run()
    await bench.run()
    expect(bench.server.versions.at(-1)).toBe(order.to)
    bench.module.build = `${order.to}_BETA`
    await bench.run()
    expect(bench.server.versions.at(-1)).toBe(`${order.to}_BETA`)
  })
})

describe("an agent with an enrolment token", () => {
  const credentials = { enrol: "enrol.secret" }

  it("makes its device by what the module says, and keeps the token", async () => {
    const bench = new AgentBench()
    expect(await bench.run({ credentials })).toMatchObject({ end: { state: "verified" } })
    expect(bench.server.enrolled).toEqual([
      { id: "866758040000012", model: "AG35", secret: "secret-number-0000000001", version: order.from },
    ])
    bench.server.orders.length = 0
    await bench.run({ credentials })
    expect(bench.server.enrolled).toHaveLength(1)
  })

  it("repeats the same call with the same secret when the answer was lost, or when it was killed in between", async () => {
    const bench = new AgentBench()
    bench.server.lostAnswers = 1
    await expect(bench.run({ credentials })).rejects.toThrow("socket hang up")
    await bench.run({ credentials })
    expect(bench.server.enrolled.map(({ secret }) => secret)).toEqual(Array(2).fill("secret-number-0000000001"))
  })

  it("waits until an operator has accepted it", async () => {
    const bench = new AgentBench()
    bench.server.admission = "pending"
    bench.server.onIdle = () => {
      bench.server.admission = "accepted"
    }
    bench.server.onReport = ({ state }) => (state === "verified" ? ending.abort(new Error("enough")) : undefined)
    const ending = new AbortController()
    const run = bench.run({ credentials: { ...credentials, id: "gate-7" }, once: false, signal: ending.signal })
    await expect(run).rejects.toThrow("enough")
    expect(bench.server.enrolled[0]?.id).toBe("gate-7")
    expect(bench.told.map(({ text }) => text).join("\n")).toMatch(/has to accept this device[^]*is accepted/)
  })
})

describe("an agent that is killed", () => {
  it("goes on from every operation; the module is told once, and the server hears the end", {
    timeout: 120_000,
  }, async () => {
    const clean = new AgentBench()
    await clean.run()
    expect(clean.operations).toBeGreaterThan(60)
    for (const downMs of [0, 5000, 3_600_000]) {
      for (let n = 1; n <= clean.operations; n++) {
        const bench = new AgentBench()
        bench.killAfter = n
        const story = `killed at ${n}, down for ${downMs} ms`
        await bench.run().catch((error: unknown) => expect(error, story).toBeInstanceOf(Killed))
        bench.clock.advanceTo(bench.clock.now() + downMs)
        await bench.run()
        expect(bench.server.reports.at(-1)?.state, story).toBe("verified")
        expect(bench.module.starts, story).toBe(1)
        expect(bench.server.orders, story).toEqual([])
      }
    }
  })
})
