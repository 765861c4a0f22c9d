import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Endpoint, type EndpointName, endpoints } from "../src/core/contract/endpoints.ts"
import { type Reach, reachWords } from "../src/core/contract/permit.ts"
import { firstPlace, freshMarks } from "../src/core/domain/marks.ts"
import { simplePlan } from "../src/core/domain/plan.ts"
import { freshPull } from "../src/core/domain/pull-state.ts"
import type { Rollout, Update } from "../src/core/domain/records.ts"
import { addDevices } from "../src/server/fleet/add-device.ts"
import { commit } from "../src/server/fleet/commit.ts"
import { createToken } from "../src/server/people/tokens.ts"
import { type MemoryApi, memoryApi } from "./memory-api.ts"

let memory: MemoryApi
beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

const mote = (id: string, site: string) => ({ id, family: "waspmote", model: "4g", labels: { site } })
const order = { releaseIds: ["r-1"], group: "site=north" }

/** What each call that chooses or brings devices is given, with one of another group in it. */
const bodies: Partial<Record<EndpointName, object>> = {
  addDevice: mote("n-9", "north"),
  importDevices: [mote("s-9", "south"), mote("n-9", "north")],
  planRollout: order,
  previewCosts: order,
  previewGroup: { group: "site=north" },
  startRollout: order,
  rehearsePlan: { plan: "releases: [r-1]\ngroup: site=north\nphases: [{ rest: true }]\n" },
  setDevice: { running: "3" },
  askDevice: { request: "version" },
}

/** What a call answers whose group does not reach; null = a group bars nothing there. */
const answers: Readonly<Record<Reach, readonly [status: number, title: string] | null>> = {
  everything: null,
  listed: null,
  device: [404, "no-such-device"],
  "new-devices": [403, "outside-group"],
  chosen: [403, "outside-group"],
  rollout: [403, "outside-group"],
  fleet: [403, "whole-fleet-only"],
}

const rows = Object.entries(endpoints) as [EndpointName, Endpoint][]

/** A running rollout of the devices that are there. */
async function rollout(id: string): Promise<void> {
  const simple = simplePlan({ releases: ["r-1"], group: null, silenceMs: 1000 })
  const record: Rollout = {
    id,
    releaseIds: ["r-1"],
    group: null,
    state: "running",
    silenceTimeoutMs: 1000,
    plan: simple,
    marks: freshMarks(simple, { rankMultiplier: 7, openedAt: 3 }),
    number: 1,
    startedAt: 10,
    endedAt: null,
  }
  const updateOf = (deviceId: string): Update => ({
    id: `${id}/${deviceId}`,
    rolloutId: id,
    deviceId,
    releaseId: "r-1",
    progress: { state: "waiting", attempt: 1, basis: "observed", since: 7, sentence: "It waits.", code: null },
    offer: null,
    image: null,
    offerReason: null,
    place: firstPlace,
    pull: freshPull,
    packageId: null,
    ticket: null,
  })
  await commit(memory.needs, memory.needs.actor, [
    { put: "rollout", rollout: record },
    ...[...memory.needs.live.devices.keys()].map((device) => ({ put: "update", update: updateOf(device) }) as const),
  ])
}

async function south(role: "viewer" | "operator" | "releaser") {
  const { text } = await createToken(memory.needs, { name: role, role, group: "site=south" })
  return (method: Endpoint["method"], url: string, payload?: object) =>
    memory.api.inject({
      method,
      url,
      headers: { authorization: `Bearer ${text}` },
      ...(payload === undefined ? {} : { payload }),
    })
}

describe("the group of a token", () => {
  it("is held to on every route that it limits, and no route does anything before", async () => {
    await addDevices(memory.needs, [mote("m-1", "north"), mote("s-1", "south")])
    await rollout("o-1")
    const call = await south("releaser")
    const before = await memory.store.lastEventSeq()
    const walked = new Set<Reach>()
    for (const [name, { method, path, permit, body }] of rows) {
      const expected = permit === null || permit.role === "admin" ? null : answers[permit.reach]
      if (permit === null || expected === null) continue
      walked.add(permit.reach)
      const id = permit.reach === "rollout" ? "o-1" : "m-1"
      const url = path.replace(/:\w+/g, id)
      // A call that is given no body here would be refused for that alone.
      const isLimitedByBody = permit.reach !== "fleet" && body !== undefined
      if (isLimitedByBody) expect(bodies[name], `a body for ${name}`).toBeDefined()
      const answer = await call(method, url, body === undefined ? undefined : (bodies[name] ?? {}))
      const { title } = answer.json<{ title: string }>()
      expect([answer.statusCode, title], name).toEqual([...expected])
    }
    const limiting = Object.keys(reachWords).filter((reach) => answers[reach as Reach] !== null)
    expect([...walked].sort()).toEqual(limiting.sort())
    expect(await memory.store.lastEventSeq()).toBe(before)
    expect(memory.needs.live.rollouts.get("o-1")?.rollout.state).toBe("running")
  })

  it("bars steering a rollout with one foreign device among a hundred, whichever way", async () => {
    const devices = Array.from({ length: 100 }, (_, i) => mote(`d-${i}`, i === 57 ? "north" : "south"))
    await addDevices(memory.needs, devices)
    await rollout("o-1")
    const call = await south("operator")
    const deeds = rows.filter(([, { permit }]) => permit?.reach === "rollout")
    expect(deeds.map(([name]) => name).sort()).toEqual(
      [
        "abortRollout",
        "approveRollout",
        "openGate",
        "pauseRollout",
        "resumeRollout",
        "retryFailed",
        "rollBackRollout",
      ].sort(),
    )
    for (const [name, { method, path }] of deeds) {
      const answer = await call(method, path.replace(":id", "o-1"))
      const problem = answer.json<{ title: string; detail: string }>()
      expect([name, answer.statusCode, problem.title]).toEqual([name, 403, "outside-group"])
      expect(problem.detail).toMatch(/^1 of these devices/)
    }
    const live = memory.needs.live.rollouts.get("o-1")
    expect([live?.rollout.state, live?.rollout.marks.approvedAt]).toEqual(["running", null])
  })

  it("lets its own rollout be steered", async () => {
    await addDevices(memory.needs, [mote("s-1", "south")])
    await rollout("o-1")
    const call = await south("operator")
    for (const [deed, state] of [
      ["pause", "paused"],
      ["resume", "running"],
      ["abort", "aborted"],
    ] as const) {
      const answer = await call("POST", `/api/rollouts/o-1/${deed}`)
      expect([answer.statusCode, answer.json<{ state: string }>().state], deed).toEqual([200, state])
    }
  })

  it("keeps a device in it: no label or model takes one out", async () => {
    await addDevices(memory.needs, [mote("s-1", "south")])
    const call = await south("operator")
    for (const labels of [{ site: "north" }, { site: null }]) {
      const answer = await call("POST", "/api/devices/s-1/set", { labels, running: "3" })
      expect([answer.statusCode, answer.json<{ title: string }>().title]).toEqual([403, "outside-group"])
    }
    expect(memory.needs.live.devices.get("s-1")?.device).toMatchObject({
      labels: { site: "south" },
      running: { version: null },
    })
    expect((await call("POST", "/api/devices/s-1/set", { labels: { floor: "2" } })).statusCode).toBe(200)
  })

  it("shows another group's rollout without its devices", async () => {
    await addDevices(memory.needs, [mote("m-1", "north"), mote("s-1", "south")])
    await rollout("o-1")
    const call = await south("viewer")
    const updates = (await call("GET", "/api/rollouts/o-1/updates")).json<{ items: { deviceId: string }[] }>()
    expect(updates.items.map(({ deviceId }) => deviceId)).toEqual(["s-1"])
  })
})
