import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { runVirtual } from "../../src/virtual/main.ts"
import { startHere } from "../start-here.ts"
import { end, type Image, type RunningClient, SwupdateBench, until } from "./swupdate-client.ts"

/** Gateways that run Debian's SWUpdate and Waspmotes behind them, in one rollout, there and back. */

interface Gateway {
  readonly kind: "gateway"
  readonly id: string
  readonly access: { readonly url: string; readonly token: string }
  running: RunningClient | null
  /** Restarts that it has had. */
  restarts: number
}

interface Mote {
  readonly kind: "mote"
  readonly id: string
  readonly contact: () => Promise<string>
}

const bench = new SwupdateBench()
const gateways: Gateway[] = []
const motes: Mote[] = []
let server: RunningServer
let api: ApiClient

beforeAll(async () => {
  await bench.makeKeys()
  // Motes are a thousand times faster than hardware; SWUpdate is as it is.
  server = await startHere(join(bench.folder, "data"), { "device-speed": "1000" })
  api = client(server.url, server.token)
  for (const id of ["gw-1", "gw-2"]) await addGateway(id)
  for (const id of ["mote-1", "mote-2"]) await addMote(id)
})

afterAll(async () => {
  await bench.close()
  await server.close()
})

async function addGateway(id: string): Promise<void> {
  const body = { id, family: "ddi", model: "swupdate", running: "1.0", options: { sleep: "00:00:01" } }
  const access: object = await api.call("addDevice", { body })
  const { ddi } = access as { readonly ddi: { readonly url: string; readonly token: string } }
  gateways.push({ kind: "gateway", id, access: ddi, running: null, restarts: 0 })
}

async function addMote(id: string): Promise<void> {
  const body = { id, family: "waspmote", model: "wifi-pro" }
  const access: object = await api.call("addDevice", { body })
  const { user, password } = (access as { readonly ftp: { readonly user: string; readonly password: string } }).ftp
  const contact = () =>
    runVirtual({
      family: "waspmote",
      model: "wifi-pro",
      server: { ftp: server.listeners["ftp"] ?? "", user, password },
      state: join(bench.folder, id),
      speed: 1000,
      signal: new AbortController().signal,
      log: () => undefined,
    }).then(({ running }) => running.version)
  motes.push({ kind: "mote", id, contact })
}

async function publishGateways(version: string): Promise<{ readonly id: string; readonly image: Image }> {
  const image = await bench.image(`gateway-${version}`, version)
  const query = { family: "ddi", fileName: "update.swu", version }
  return { id: (await api.call("publishRelease", { query, body: image.bytes })).id, image }
}

async function publishMotes(version: string): Promise<string> {
  const body = readFileSync(new URL(`../../demo/waspmote/greenhouse-${version}.hex`, import.meta.url))
  const query = { family: "waspmote", fileName: "greenhouse.hex", version }
  return (await api.call("publishRelease", { query, body })).id
}

const deviceOf = (id: string) => api.call("showDevice", { params: { id } })

/** The states of the rollout's devices by its phases. */
async function phasesOf(id: string) {
  const { phases } = await api.call("showRollout", { params: { id } })
  return phases.map(({ name, state, counts }) => ({ name, state, counts }))
}

/** Runs until its installation waits for the restart; restarts it so that it confirms; then it polls on. */
async function takeUpdate(gateway: Gateway): Promise<void> {
  const before = gateway.running ?? bench.start(gateway.id, gateway.access)
  const from = before.log().lastIndexOf("pending testing") + 1
  await until("the installation", () => before.log().indexOf("pending testing", from) >= 0, before.log)
  await end(before.child)
  gateway.restarts++
  gateway.running = bench.start(gateway.id, gateway.access, ["-c", "2"])
  const isDone = async () => (await deviceOf(gateway.id)).update?.state === "succeeded"
  await until("the report", isDone, gateway.running.log)
}

/** Polls until it is clear that the mote runs the program. */
async function takeProgram({ id, contact }: Mote, version: string): Promise<void> {
  expect(await contact()).toBe(version)
  const isDone = async () => {
    await contact()
    return (await deviceOf(id)).update?.state === "succeeded"
  }
  await until(`${id}'s end`, isDone)
}

describe("Debian's SWUpdate and Waspmotes in one rollout", () => {
  it("are updated phase by phase, and rolled back together", async () => {
    const before = await publishGateways("1.0")
    await api.call("startRollout", { body: { group: "id=mote-*", releaseIds: [await publishMotes("1")] } })
    for (const mote of motes) await takeProgram(mote, "1")
    const [gatewayRelease, moteRelease] = [await publishGateways("2.0"), await publishMotes("2")]
    const plan = `releases: [${gatewayRelease.id}, ${moteRelease}]
phases:
  - { name: canary, count: 2, covers: models, success-at-least: 100 }
  - { name: others, rest: true }
`
    const rollout = await api.call("startRollout", { body: { plan } })
    expect((await phasesOf(rollout.id)).map(({ name, state }) => [name, state])).toEqual([
      ["canary", "open"],
      ["others", "closed"],
    ])
    const states = new Map<string, string | undefined>()
    for (const { id } of [...gateways, ...motes]) states.set(id, (await deviceOf(id)).update?.state)
    const isCanary = ({ id }: { readonly id: string }): boolean => states.get(id) === "offered"
    // One of each kind: the canary is to show what both do.
    expect([gateways.filter(isCanary).length, motes.filter(isCanary).length]).toEqual([1, 1])

    // Whoever is of a later phase asks as ever and gets nothing.
    const [canary, other] = [...gateways].sort((a, b) => Number(isCanary(b)) - Number(isCanary(a))) as [
      Gateway,
      Gateway,
    ]
    const [canaryMote, otherMote] = [...motes].sort((a, b) => Number(isCanary(b)) - Number(isCanary(a))) as [Mote, Mote]
    other.running = bench.start(other.id, other.access)
    await until("its first poll", async () => (await deviceOf(other.id)).lastSeen !== null)
    expect(await otherMote.contact()).toBe("1")

    await takeUpdate(canary)
    expect((await phasesOf(rollout.id))[1]?.state).toBe("closed")
    expect((await deviceOf(other.id)).update?.state).toBe("waiting")
    await takeProgram(canaryMote, "2")

    await until("the second phase", async () => (await phasesOf(rollout.id))[1]?.state === "open")
    await takeUpdate(other)
    await takeProgram(otherMote, "2")
    await until(
      "the end",
      async () => (await api.call("showRollout", { params: { id: rollout.id } })).state === "succeeded",
    )
    for (const { id, restarts } of gateways) {
      expect(await deviceOf(id)).toMatchObject({ running: { version: "2.0", evidence: "reported" } })
      expect(restarts).toBe(1)
    }
    expect(readFileSync(gatewayRelease.image.path).equals(gatewayRelease.image.payload)).toBe(true)
    for (const { id } of motes) {
      expect(await deviceOf(id)).toMatchObject({ running: { version: "2", evidence: "concluded" } })
    }
    // What was spent is what went over the wire: the images of all four, once each.
    const { budget } = await api.call("showRollout", { params: { id: rollout.id } })
    const moteBytes = (await api.list("listReleases", { query: { family: "waspmote" } })).find(
      ({ id }) => id === moteRelease,
    )
    expect(budget.bytes).toBe(2 * gatewayRelease.image.bytes.length + 2 * (moteBytes?.sizeBytes ?? 0))

    const back = await api.call("rollBackRollout", { params: { id: rollout.id } })
    await Promise.all(gateways.map(takeUpdate))
    // A mote takes only a version that is news to it: the program of release 1 comes as 3.
    for (const mote of motes) await takeProgram(mote, "3")
    await until(
      "the way back",
      async () => (await api.call("showRollout", { params: { id: back.id } })).state === "succeeded",
    )
    for (const { id } of gateways) {
      expect(await deviceOf(id)).toMatchObject({ running: { version: "1.0", evidence: "reported" } })
    }
    for (const { id } of motes) expect((await deviceOf(id)).running.version).toBe("1")
    expect(readFileSync(before.image.path).equals(before.image.payload)).toBe(true)
  })
})
