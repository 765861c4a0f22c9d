import { describe, expect, it } from "vitest"
import { listFaults, planSwarm, runSwarm, runVirtual, WrongUse } from "./main.ts"

const signal = new AbortController().signal
const options = {
  family: "waspmote",
  model: "4g",
  server: { ftp: "127.0.0.1:1" },
  speed: 1000,
  signal,
  log: (): void => undefined,
}

describe("running virtual devices", () => {
  it.each([
    [{ family: "toaster" }, "there is no family"],
    [{ model: "5g" }, "there is no model"],
    [{ fault: "gremlins" }, "has no fault"],
    [{ fault: "mode-cme" }, "has no fault"],
    [{ speed: 0 }, "the speed must be a number above 0"],
    [{ server: {} }, "needs the FTP server as HOST:PORT"],
    [{ server: { ftp: "host:99999" } }, "needs the FTP server as HOST:PORT"],
  ])("refuses %j as wrong use, in a sentence", async (wrong, words) => {
    const run = runVirtual({ ...options, ...wrong })
    await expect(run).rejects.toThrow(WrongUse)
    await expect(run).rejects.toThrow(words)
  })

  it("ends with an error of the guide when nobody listens", async () => {
    expect(await runVirtual(options)).toMatchObject({ code: "3", running: { version: "0", program: "FACTORY" } })
  })

  it("takes the model any for the family's usual one, with its faults", async () => {
    expect(await runVirtual({ ...options, model: "any", fault: "sd-absent" })).toMatchObject({ code: "1" })
  })

  it("repeats until it is told to stop, and gives the last end", async () => {
    const stop = new AbortController()
    const ends: string[] = []
    const last = await runVirtual({
      ...options,
      everyMs: 1,
      signal: stop.signal,
      onEnd: ({ code }) => {
        ends.push(code)
        if (ends.length === 3) stop.abort()
      },
    })
    expect(ends).toEqual(["3", "3", "3"])
    expect(last.code).toBe("3")
  })

  it("rejects with the signal's reason when it is stopped before any end", async () => {
    const stop = AbortSignal.abort(new Error("enough"))
    await expect(runVirtual({ ...options, signal: stop })).rejects.toThrow("enough")
  })
})

describe("a swarm's plan", () => {
  it("numbers the devices and takes the models in turn", () => {
    const devices = planSwarm({
      count: 3,
      models: ["4g", "3g"],
      server: { ftp: "h:21", user: "mote-{n}" },
      state: "/s",
    })
    expect(devices.map(({ model, server, state }) => [model, server["user"], state])).toEqual([
      ["4g", "mote-1", "/s/1"],
      ["3g", "mote-2", "/s/2"],
      ["4g", "mote-3", "/s/3"],
    ])
  })

  it("refuses none and too many", () => {
    expect(() => planSwarm({ count: 0, models: [], server: {} })).toThrow(WrongUse)
    expect(() => planSwarm({ count: 1e6, models: [], server: {} })).toThrow(WrongUse)
  })

  it("tallies what its devices came to", async () => {
    const devices = planSwarm({ count: 4, models: ["4g"], server: options.server })
    const result = await runSwarm({ family: "waspmote", devices, everyMs: 20, rounds: 2, speed: 1000, signal })
    expect(result).toEqual({ devices: 4, contacts: 8, codes: { 3: 8 }, running: { 0: 4 } })
  })
})

it("the faults of a family are listed with code and words", () => {
  expect(listFaults("waspmote")).toContainEqual({
    model: "4g",
    fault: "sd-absent",
    code: "1",
    words: "SD not present",
  })
})
