import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { listFaults } from "../../src/virtual/main.ts"
import { ModuleWithAgent, packageBetween } from "./module-with-agent.ts"
import { startHere } from "../start-here.ts"

const [v12, v13, v14] = ["AG35CEV12", "AG35CEV13", "AG35CEV14"] as const

let folder: string
let server: RunningServer
let api: ApiClient
const benches: ModuleWithAgent[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-agents-"))
  server = await startHere(join(folder, "data"))
  api = client(server.url, server.token)
})

afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.end()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

function module(fault: string | null = null): ModuleWithAgent {
  const url = `http://${server.listeners["device-http"]}`
  const bench = new ModuleWithAgent({ model: "AG35", firmware: v12, serverUrl: url, fault })
  benches.push(bench)
  return bench
}

async function addModule(id: string): Promise<string> {
  const { agent } = await api.call("addDevice", { body: { id, family: "quectel", model: "AG35" } })
  return agent?.token ?? ""
}

/** Publishes packages and gives the last one's release. */
async function publish(...pairs: readonly (readonly [string, string])[]): Promise<string> {
  let id = ""
  for (const [from, to] of pairs) {
    const query = {
      family: "quectel",
      fileName: "p.zip",
      version: to,
      models: "AG35",
      options: JSON.stringify({ from }),
    }
    id = (await api.call("publishRelease", { query, body: packageBetween("AG35", from, to) })).id
  }
  return id
}

async function rollOut(releaseId: string): Promise<string> {
  const body = { group: null, releaseIds: [releaseId], silenceTimeoutMs: 3_600_000, allowDowngrade: true }
  return (await api.call("startRollout", { body })).id
}

const show = (id: string) => api.call("showDevice", { params: { id } })

async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const rollout = (id: string) => api.call("showRollout", { params: { id } })

describe("modules with agents beside them", () => {
  it("go two hops to a release, and back again by the reverse packages", async () => {
    const bench = module()
    const token = await addModule("m1")
    bench.startAgent({ token })
    const up = await rollOut(await publish([v12, v13], [v13, v14]))
    await until(
      () => rollout(up),
      ({ state }) => state === "succeeded",
    )
    expect((await show("m1")).running).toEqual({ version: v14, evidence: "reported" })
    expect(await bench.ownVersion()).toBe(v14)
    expect(bench.typed).toBe(2)
    const back = await rollOut(await publish([v14, v13], [v13, v12]))
    await until(
      () => rollout(back),
      ({ state }) => state === "succeeded",
    )
    expect((await show("m1")).running).toEqual({ version: v12, evidence: "reported" })
    expect(await bench.ownVersion()).toBe(v12)
    expect(bench.typed).toBe(4)
  })

  it("end with the module's own code when it refuses the package, and stay on their firmware", async () => {
    const fault = listFaults("quectel").find(({ model, code }) => model === "AG35" && code === "END 510")?.fault ?? ""
    const bench = module(fault)
    bench.startAgent({ token: await addModule("m1") })
    const id = await rollOut(await publish([v12, v13]))
    const device = await until(
      () => show("m1"),
      ({ update }) => update?.state === "failed",
    )
    expect(device.update?.code).toBe("END 510")
    expect(device.running.version).toBe(v12)
    expect(await bench.ownVersion()).toBe(v12)
    expect((await rollout(id)).state).not.toBe("succeeded")
  })

  it("add themselves with an enrolment token, and are updated once they are accepted", async () => {
    const bench = module()
    const { token } = await api.call("createEnrolment", { body: { family: "quectel" } })
    bench.startAgent({ enrol: token ?? "" })
    const devices = () => api.list("listDevices", {})
    const [device] = await until(devices, (found) => found.length === 1)
    expect(device).toMatchObject({ model: "AG35", running: { version: v12, evidence: "reported" } })
    await api.call("acceptDevice", { params: { id: device?.id ?? "" } })
    const id = await rollOut(await publish([v12, v13]))
    await until(
      () => rollout(id),
      ({ state }) => state === "succeeded",
    )
    expect(await bench.ownVersion()).toBe(v13)
  })

  it("are told once, although the agent is killed while the module is at it", async () => {
    const bench = module()
    const token = await addModule("m1")
    bench.startAgent({ token })
    const id = await rollOut(await publish([v12, v13]))
    for (const state of ["accepted", "downloading", "downloaded", "installing"]) {
      await until(
        () => show("m1"),
        ({ update }) => update?.state === state || update?.state === "installing" || update?.state === "succeeded",
      )
      await bench.killAgent()
      bench.startAgent({ token })
    }
    await until(
      () => rollout(id),
      ({ state }) => state === "succeeded",
    )
    expect(bench.typed).toBe(1)
    expect(await bench.ownVersion()).toBe(v13)
  })
})
