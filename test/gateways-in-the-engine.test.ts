import { beforeEach, describe, expect, it } from "vitest"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { reportRollout } from "../src/server/fleet/explain-rollout.ts"
import { rolloutById } from "../src/server/fleet/find-rollout.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { rollBackRollout } from "../src/server/fleet/roll-back.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { pauseRollout, resumeRollout } from "../src/server/fleet/steer-rollout.ts"
import { httpGateway } from "../src/server/gateway/http-gateway.ts"
import { fetchProgram, poll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"
import type { HttpFile, HttpNotice } from "../src/server/transports/http/device-http-host.ts"

/** DDI gateways under plans, in memory and on a fake clock; Waspmotes beside them. */

const hour = 3_600_000
const imageBytes = 1000
let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
})

async function addGateways(...ids: readonly string[]): Promise<void> {
  for (const id of ids) await addGateway(id, "swupdate")
}

async function addGateway(id: string, model: string): Promise<void> {
  await addDevice(server.needs, { id, family: "ddi", model, running: "1", password: "secret-word" })
}

async function publish(version: string): Promise<string> {
  const bytes = new Uint8Array(imageBytes).fill(Number(version))
  const upload = { fileName: "a.swu", bytes, version, models: [], options: {} }
  return (await publishRelease(server.needs, "ddi", upload)).id
}

async function start(text: string, options: object = {}): Promise<string> {
  const parsed = parsePlanFile(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return (await startPlan(server.needs, parsed.plan, options)).rollout.id
}

/** What the listener answers to a gateway. */
async function ask(id: string, url: string, said?: object): Promise<HttpNotice | HttpFile> {
  const gateway = httpGateway({ ...server.needs, deviceUrl: "http://h" })
  const [path = "", query = ""] = url.replace("http://h", "").split("?")
  const node = gateway.find({
    method: said === undefined ? "GET" : "POST",
    path: path === "" ? `/DEFAULT/controller/v1/${id}` : path,
    query,
    headers: { authorization: "TargetToken secret-word" },
    origin: { peer: "192.0.2.9", localHost: "192.0.2.1", localPort: 8081, isTls: false },
  })
  if (node === null) throw new Error(`no route fits ${url}`)
  const body = new TextEncoder().encode(said === undefined ? "" : JSON.stringify(said))
  const answer = node.kind === "exchange" ? await node.answer(body) : node
  if (answer.kind === "notice") answer.read?.()
  return answer
}

async function json<Value>(id: string, url = ""): Promise<Value> {
  const node = await ask(id, url)
  if (node.kind !== "notice") throw new Error("it is a file")
  return JSON.parse(node.content) as Value
}

/** Where its root resource sends it; null = it has nothing to do. */
async function workOf(id: string): Promise<string | null> {
  const { _links } = await json<{ _links: { deploymentBase?: { href: string } } }>(id)
  return _links.deploymentBase?.href ?? null
}

interface Shown {
  readonly download: string
  readonly update: string
  readonly maintenanceWindow?: string
  readonly chunks: readonly {
    readonly artifacts: readonly { readonly _links: { readonly download: { readonly href: string } } }[]
  }[]
}

async function shown(id: string): Promise<Shown> {
  return (await json<{ deployment: Shown }>(id, (await workOf(id)) ?? "none")).deployment
}

/** Fetches the artifact from `from` on, up to `to`. */
async function fetchArtifact(id: string, from = 0, to = imageBytes): Promise<void> {
  const url = (await shown(id)).chunks[0]?.artifacts[0]?._links.download.href ?? "none"
  const node = await ask(id, url)
  if (node.kind !== "file") throw new Error(`${url} is no file`)
  const content = await node.open(from)
  const whole = to === imageBytes
  await content.finished({ from, to, sent: to, whole, ...(whole ? {} : { cause: "reset" as const }) })
}

async function say(id: string, execution: string, finished = "none"): Promise<number | undefined> {
  const url = `${((await workOf(id)) ?? "none").replace(/\?.*/, "")}/feedback`
  return ((await ask(id, url, { status: { execution, result: { finished } } })) as HttpNotice).status
}

async function takeUpdate(id: string): Promise<void> {
  await fetchArtifact(id)
  expect(await say(id, "closed", "success")).toBe(200)
}

const states = (id: string): Record<string, string> => Object.fromEntries(rolloutById(server.needs, id).states)

describe("gateways in one rollout with motes", () => {
  it("wait for the phase of both, count their bytes, and go back together", async () => {
    await addGateways("g1", "g2")
    for (const id of ["m1", "m2"]) await server.addMote(id)
    const motesBefore = await server.publish("1", "PROG001")
    await start(`releases: ${motesBefore}`)
    const updateMote = async (id: string): Promise<void> => {
      await fetchProgram(server, id, await poll(server, id))
      for (let reads = 0; reads < 4; reads++) {
        await server.pass(20 * 60_000)
        await poll(server, id)
      }
      await server.pass(hour)
    }
    for (const id of ["m1", "m2"]) await updateMote(id)
    await publish("1")
    const releases = [await publish("2"), await server.publish("2", "PROG002")]
    const id = await start(
      `releases: [${releases.join(", ")}]\nphases: [{name: canary, count: 2, covers: models, success-at-least: 100}, {name: others, rest: true}]`,
    )
    const canaries = Object.keys(states(id)).filter((device) => states(id)[device] === "offered")
    const gateway = canaries.find((device) => device.startsWith("g")) ?? "none"
    const mote = canaries.find((device) => device.startsWith("m")) ?? "none"
    const [otherGateway, otherMote] = [gateway === "g1" ? "g2" : "g1", mote === "m1" ? "m2" : "m1"]
    expect(await workOf(otherGateway)).toBeNull()
    // Cut and gone on with: what counts is what really went over the wire.
    await fetchArtifact(gateway, 0, 400)
    await fetchArtifact(gateway, 300)
    expect(reportRollout(server.needs, rolloutById(server.needs, id)).spent.bytes).toBe(1100)
    expect(await say(gateway, "closed", "success")).toBe(200)
    await server.pass(1)
    expect(await workOf(otherGateway)).toBeNull()
    await updateMote(mote)
    expect(await workOf(otherGateway)).not.toBeNull()
    await takeUpdate(otherGateway)
    await updateMote(otherMote)
    expect(rolloutById(server.needs, id).rollout.state).toBe("succeeded")

    const back = await rollBackRollout(server.needs, id)
    for (const device of ["g1", "g2"]) await takeUpdate(device)
    for (const device of ["m1", "m2"]) await updateMote(device)
    expect(Object.fromEntries(back.states)).toEqual({
      g1: "succeeded",
      g2: "succeeded",
      m1: "succeeded",
      m2: "succeeded",
    })
    expect(server.device("g1").running).toEqual({ version: "1", evidence: "reported" })
  })
})

describe("a gateway", () => {
  it("is shown nothing new while its rollout is paused, and goes on with what it has begun", async () => {
    await addGateways("g1", "g2")
    const id = await start(`releases: ${await publish("2")}`)
    await fetchArtifact("g1", 0, 400)
    await pauseRollout(server.needs, id)
    expect(await workOf("g1")).not.toBeNull()
    expect(await workOf("g2")).toBeNull()
    await resumeRollout(server.needs, id)
    expect(await workOf("g2")).not.toBeNull()
  })

  it("is told its window: nothing before it opens, no installation after it has closed", async () => {
    await addGateways("g1")
    const noon = Math.ceil(server.clock.now() / 86_400_000) * 86_400_000 + 12 * hour
    await server.pass(noon - server.clock.now())
    const id = await start(`releases: ${await publish("2")}\nwindows: { hours: ["22:00-05:00"] }\nsilence: 30d`)
    expect(await workOf("g1")).toBeNull()
    await server.pass(11 * hour)
    expect(await shown("g1")).toMatchObject({ download: "forced", update: "forced", maintenanceWindow: "available" })
    await fetchArtifact("g1", 0, 400)
    await server.pass(7 * hour)
    expect(await shown("g1")).toMatchObject({ download: "forced", update: "skip", maintenanceWindow: "unavailable" })
    await fetchArtifact("g1", 400)
    expect(await shown("g1")).toMatchObject({ update: "skip" })
    await server.pass(17 * hour)
    expect(await shown("g1")).toMatchObject({ update: "forced", maintenanceWindow: "available" })
    await say("g1", "closed", "success")
    expect(states(id)).toEqual({ g1: "succeeded" })
  })

  it("that reports before the end of its download was seen runs what it has reported", async () => {
    await addGateways("g1")
    const id = await start(`releases: ${await publish("2")}`)
    const node = await ask("g1", (await shown("g1")).chunks[0]?.artifacts[0]?._links.download.href ?? "none")
    if (node.kind !== "file") throw new Error("it is no file")
    const content = await node.open(0)
    expect(await say("g1", "closed", "success")).toBe(200)
    expect(rolloutById(server.needs, id).rollout.state).toBe("succeeded")
    await content.finished({ from: 0, to: imageBytes, sent: imageBytes, whole: true })
    expect(server.device("g1").running).toEqual({ version: "2", evidence: "reported" })
    expect(states(id)).toEqual({ g1: "succeeded" })
  })

  it("that another rollout takes over is told to stop first", async () => {
    await addGateways("g1")
    const first = await start(`releases: ${await publish("2")}`)
    await ask("g1", (await workOf("g1")) ?? "none")
    const second = await start(`releases: ${await publish("3")}`, { takeOver: true })
    expect(states(first)).toEqual({ g1: "superseded" })
    const { _links } = await json<{ _links: { cancelAction: { href: string } } }>("g1")
    await ask("g1", `${_links.cancelAction.href}/feedback`, {
      status: { execution: "closed", result: { finished: "success" } },
    })
    await takeUpdate("g1")
    expect(states(second)).toEqual({ g1: "succeeded" })
  })
})

/** Asks for the root resource so many times, five minutes apart. */
async function pollOn(id: string, times: number): Promise<void> {
  for (let polls = 0; polls < times; polls++) {
    await server.pass(300_000)
    await workOf(id)
  }
}

describe("the silence of a gateway after its whole download", () => {
  it.each([
    ["swupdate", /SWUpdate tells the result only after its restart/],
    ["rauc", /rauc-hawkbit-updater tells the result before it restarts/],
  ])(
    "of model %s concludes nothing from its polls, ends as a no-show, and a late report still counts",
    async (model, words) => {
      await addGateway("g1", model)
      const id = await start(`releases: ${await publish("2")}\nsilence: 1d`)
      await fetchArtifact("g1")
      const work = ((await workOf("g1")) ?? "none").replace(/\?.*/, "")
      await pollOn("g1", 20)
      expect(states(id)).toEqual({ g1: "downloaded" })
      await server.pass(25 * hour)
      expect(states(id)).toEqual({ g1: "no-show" })
      expect(await server.explain("g1")).toMatch(words)
      expect(server.device("g1").running).toEqual({ version: "1", evidence: "unknown" })
      const end = { status: { execution: "closed", result: { finished: "success" } } }
      expect(await ask("g1", `${work}/feedback`, end)).toMatchObject({ status: 200 })
      expect(states(id)).toEqual({ g1: "succeeded" })
      expect(server.device("g1").running).toEqual({ version: "2", evidence: "reported" })
    },
  )

  it("of model other is a conclusion after four polls, and a no-show without them", async () => {
    for (const id of ["g1", "g2"]) await addGateway(id, "other")
    const id = await start(`releases: ${await publish("2")}\nsilence: 1d`)
    for (const device of ["g1", "g2"]) await fetchArtifact(device)
    await pollOn("g1", 3)
    expect(states(id)).toEqual({ g1: "downloaded", g2: "downloaded" })
    await pollOn("g1", 2)
    expect(states(id)).toEqual({ g1: "succeeded", g2: "downloaded" })
    expect(server.device("g1").running).toEqual({ version: "2", evidence: "concluded" })
    await server.pass(25 * hour)
    expect(states(id)).toEqual({ g1: "succeeded", g2: "no-show" })
    expect(await server.explain("g2")).toMatch(/it has not polled either/)
  })
})

describe("gateways under a plan", () => {
  it("are shown nothing more once the bytes that really went have reached the budget's cap", async () => {
    await addGateways("g1", "g2", "g3")
    const id = await start(`releases: ${await publish("2")}\nbudget: { bytes: 2000 }\nmax-in-flight: 1`)
    const spent = (): number => reportRollout(server.needs, rolloutById(server.needs, id)).spent.bytes
    const [first = "none"] = Object.keys(states(id)).filter((device) => states(id)[device] === "offered")
    await fetchArtifact(first, 0, 400)
    await fetchArtifact(first, 0)
    expect(await say(first, "closed", "success")).toBe(200)
    expect(spent()).toBe(1400)
    // 600 bytes are left, and an image is 1000: nobody else begins.
    await server.pass(hour)
    for (const device of ["g1", "g2", "g3"]) expect(await workOf(device), device).toBeNull()
    expect(spent()).toBe(1400)
    expect(rolloutById(server.needs, id).rollout.state).toBe("paused")
  })

  it("pause by themselves once a guard finds too many failures, and the others are shown nothing", async () => {
    await addGateways("g1", "g2", "g3", "g4")
    const id = await start(
      `releases: ${await publish("2")}\nphases: [{name: canary, count: 2}, {name: others, rest: true}]\nguards: { failure-at-most: 10, minimum-sample: 1 }`,
    )
    const [first = "none", second = "none"] = Object.keys(states(id)).filter((one) => states(id)[one] === "offered")
    await fetchArtifact(first)
    expect(await say(first, "closed", "failure")).toBe(200)
    expect(rolloutById(server.needs, id).rollout.state).toBe("paused")
    await server.pass(hour)
    expect(states(id)[first]).toBe("failed")
    for (const device of ["g1", "g2", "g3", "g4"]) expect(await workOf(device), device).toBeNull()
    await resumeRollout(server.needs, id)
    expect(await workOf(second)).not.toBeNull()
  })
})
