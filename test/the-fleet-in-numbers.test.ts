import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type {
  AttentionView,
  CauseView,
  CompletionView,
  FacetsView,
  FleetSummaryView,
  GroupCheckView,
} from "../src/core/contract/schemas.ts"
import { addDevices } from "../src/server/fleet/add-device.ts"
import { expectCounted } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import type { Change } from "../src/server/fleet/needs.ts"
import { removeDevice } from "../src/server/fleet/remove-device.ts"
import { setDevice } from "../src/server/fleet/set-device.ts"
import { startRollout } from "../src/server/fleet/start-rollout.ts"
import { commit } from "../src/server/fleet/commit.ts"
import { type MemoryApi, memoryApi, moteRelease } from "./memory-api.ts"

let memory: MemoryApi
let monotonic = 0

beforeEach(async () => {
  memory = await memoryApi()
  // Nothing that was found before is still kept.
  const clock = memory.needs.clock as { monotonic: () => number }
  clock.monotonic = () => (monotonic += 5000)
  const { needs } = memory
  await addDevices(needs, [
    ...["m-1", "m-2", "m-3", "m-4"].map((id, i) => ({
      id,
      family: "waspmote",
      model: i < 3 ? "4g" : "3g",
      labels: { site: i % 2 === 0 ? "north" : "south shore", ...(i === 0 ? { ring: "1" } : {}) },
      ...(i < 2 ? { running: "1" } : {}),
    })),
    { id: "b-1", family: "pic32mzw1", model: "v3.8", labels: { site: "north" } },
  ])
  memory.needs.live.releases.set(moteRelease.id, moteRelease)
})
afterEach(() => {
  expectCounted(memory.needs.live)
  return memory.api.close()
})

async function get<View>(url: string, token = "right"): Promise<View> {
  const answer = await memory.api.inject({ url, headers: { authorization: `Bearer ${token}` } })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json<View>()
}
const group = (expression: string): string => encodeURIComponent(expression)

async function limited(expression: string): Promise<string> {
  const made = await memory.api.inject({
    method: "POST",
    url: "/api/tokens",
    headers: { authorization: "Bearer right" },
    payload: { name: "limited", role: "viewer", group: expression },
  })
  expect(made.statusCode, made.body).toBe(201)
  return made.json<{ token: string }>().token
}

/** A rollout in which these devices end so. */
async function rolloutWith(ends: Readonly<Record<string, "declined" | "failed">>): Promise<string> {
  const { needs } = memory
  const { rollout } = await startRollout(needs, { releaseIds: ["r-1"], group: null, silenceTimeoutMs: 1000 })
  // There is no image here to be offered: what became of each device is written down.
  const changes = (await needs.store.updatesOfRollout(rollout.id)).map((update): Change => {
    const end = ends[update.deviceId]
    const progress = { ...update.progress, state: end ?? "succeeded", code: "12", sentence: `It said ${end}.` } as const
    return { put: "update", update: { ...update, progress } }
  })
  await commit(needs, needs.actor, [{ put: "rollout", rollout: { ...rollout, state: "running" } }, ...changes])
  return rollout.id
}

describe("the summary", () => {
  it("counts every device once, by family, model, version and state", async () => {
    const summary = await get<FleetSummaryView>("/api/fleet/summary")
    expect(summary).toMatchObject({
      devices: 5,
      states: { pending: 0, new: 5, idle: 0, updating: 0, attention: 0 },
      attention: { devices: 0, reasons: {} },
      rollouts: { running: 0, paused: 0, over: 0 },
      releases: 1,
    })
    expect(summary.families).toEqual([
      {
        family: "waspmote",
        devices: 4,
        attention: 0,
        models: [
          { value: "4g", devices: 3 },
          { value: "3g", devices: 1 },
        ],
        versions: [
          { value: "1", devices: 2 },
          { value: null, devices: 2 },
        ],
      },
      {
        family: "pic32mzw1",
        devices: 1,
        attention: 0,
        models: [{ value: "v3.8", devices: 1 }],
        versions: [{ value: null, devices: 1 }],
      },
    ])
  })

  it("follows every change", async () => {
    const { needs } = memory
    const live = needs.live.devices.get("m-3")
    if (live === undefined) throw new Error("there is m-3")
    needs.live.touch(live, "192.0.2.1")
    await setDevice(needs, "m-4", { running: "7" })
    await removeDevice(needs, "b-1")
    const summary = await get<FleetSummaryView>("/api/fleet/summary")
    expect(summary.states).toMatchObject({ new: 3, idle: 1 })
    expect(summary.families.map(({ family }) => family)).toEqual(["waspmote"])
    expect(summary.families[0]?.versions).toContainEqual({ value: "7", devices: 1 })
  })

  it("and everything beside it is of those devices alone that a caller may see", async () => {
    await rolloutWith({ "m-1": "failed", "m-2": "failed", "m-3": "declined" })
    const south = await limited('site="south shore"')
    const summary = await get<FleetSummaryView>("/api/fleet/summary", south)
    expect(summary.devices).toBe(2)
    expect(summary.attention).toEqual({ devices: 1, reasons: { failed: 1 } })
    const attention = await get<{ items: AttentionView[]; total: number }>("/api/fleet/attention", south)
    expect(attention.items.map(({ device }) => device.id)).toEqual(["m-2"])
    expect(attention.total).toBe(1)
    expect((await get<FacetsView>("/api/devices/facets", south)).devices).toBe(2)
    const check = `/api/groups/check?group=${group("family=waspmote or family=pic32mzw1")}`
    expect((await get<GroupCheckView>(check, south)).devices).toBe(2)
    const complete = await get<CompletionView>("/api/groups/complete?group=site%3D&at=5", south)
    expect(complete.items.map(({ text }) => text)).toEqual(['"south shore"'])
    const ids = await get<CompletionView>("/api/groups/complete?group=id%3D&at=3", south)
    expect(ids.items.map(({ text }) => text)).toEqual(["m-2", "m-4"])
    const [rollout] = memory.needs.live.rollouts.keys()
    const causes = await get<{ items: CauseView[] }>(`/api/rollouts/${rollout}/causes`, south)
    expect(causes.items).toMatchObject([{ state: "failed", devices: 1, example: "m-2" }])
    const contacts = await memory.api.inject({
      url: "/api/fleet/contacts",
      headers: { authorization: `Bearer ${south}` },
    })
    expect(contacts.statusCode).toBe(403)
  })
})

describe("devices that need a person", () => {
  it("stand there once, with the reason, until they do not any more", async () => {
    await rolloutWith({ "m-1": "failed", "m-3": "declined" })
    const list = await get<{ items: AttentionView[]; total: number; next: string | null }>(
      "/api/fleet/attention?limit=1",
    )
    expect(list).toMatchObject({ total: 2, items: [{ reason: "failed", device: { id: "m-1", state: "attention" } }] })
    const rest = await get<{ items: AttentionView[] }>(`/api/fleet/attention?cursor=${list.next}`)
    expect(rest.items.map(({ device, reason }) => [device.id, reason])).toEqual([["m-3", "declined"]])
    expect(await get("/api/fleet/attention?reason=failed")).toMatchObject({ total: 1 })
    const failed = await get<{ total: number }>(`/api/devices?group=${group("state=failed")}`)
    expect(failed.total).toBe(1)
    await removeDevice(memory.needs, "m-1")
    expect(await get("/api/fleet/attention")).toMatchObject({ total: 1 })
  })

  it("are the same after the server was started again", async () => {
    await rolloutWith({ "m-1": "failed", "m-3": "declined" })
    const again = await memoryApi(memory.store)
    const answer = await again.api.inject({
      url: "/api/fleet/attention",
      headers: { authorization: "Bearer right" },
    })
    expect(answer.json<{ items: AttentionView[] }>().items.map(({ reason }) => reason)).toEqual(["failed", "declined"])
    await again.api.close()
  })
})

describe("a rollout's causes", () => {
  it("count the devices that are not done by what is said of them, the most first", async () => {
    const id = await rolloutWith({ "m-1": "failed", "m-2": "failed", "m-4": "failed", "m-3": "declined" })
    const { items, total } = await get<{ items: CauseView[]; total: number }>(`/api/rollouts/${id}/causes?limit=1`)
    expect(total).toBe(2)
    expect(items).toEqual([
      {
        state: "failed",
        code: "12",
        sentence: "It said failed.",
        devices: 3,
        models: [
          { value: "4g", devices: 2 },
          { value: "3g", devices: 1 },
        ],
        example: "m-1",
      },
    ])
  })
})

describe("facets", () => {
  it("count each key without its own clauses", async () => {
    const of = async (expression: string, key: string) => {
      const { facets } = await get<FacetsView>(`/api/devices/facets?group=${group(expression)}`)
      return Object.fromEntries(
        facets.find((facet) => facet.key === key)?.values.map(({ value, devices }) => [value, devices]) ?? [],
      )
    }
    const north = "site=north"
    expect(await of("", "family")).toEqual({ waspmote: 4, pic32mzw1: 1 })
    expect(await of(north, "family")).toEqual({ waspmote: 2, pic32mzw1: 1 })
    expect(await of(north, "site")).toEqual({ north: 3, "south shore": 2 })
    expect(await of(`${north} and family=waspmote`, "family")).toEqual({ waspmote: 2, pic32mzw1: 1 })
    expect(await of(`${north} and family=waspmote`, "site")).toEqual({ north: 2, "south shore": 2 })
    expect(await of(`${north} and family=waspmote`, "model")).toEqual({ "4g": 2 })
    expect(await of(`(${north} or site=west), running=1`, "running")).toEqual({ "1": 1 })
    expect((await get<FacetsView>(`/api/devices/facets?group=${group(north)}`)).devices).toBe(3)
  })
})

describe("a filter that is being written", () => {
  it("is checked, and the character is told at which it is not understood", async () => {
    const check = (expression: string) => get<GroupCheckView>(`/api/groups/check?group=${group(expression)}`)
    expect(await check("family=waspmote")).toEqual({ isUnderstood: true, devices: 4, at: null, detail: null })
    expect(await check("family=waspmote and model<3")).toMatchObject({ isUnderstood: false, devices: null, at: 26 })
    expect(await check("site=(")).toMatchObject({ isUnderstood: false, at: 6 })
  })

  it("is completed by keys, values and words, by what the fleet has", async () => {
    const complete = async (text: string) => {
      const at = text.indexOf("|")
      const expression = text.replace("|", "")
      const { from, to, items } = await get<CompletionView>(`/api/groups/complete?group=${group(expression)}&at=${at}`)
      return items.map(({ text }) => expression.slice(0, from) + text + expression.slice(to))
    }
    expect(await complete("fam|")).toEqual(["family"])
    expect(await complete("ri|")).toEqual(["ring"])
    expect(await complete("family=|")).toEqual(["family=waspmote", "family=pic32mzw1"])
    expect(await complete("family=was|pmot and x=1")).toEqual(["family=waspmote and x=1"])
    expect(await complete('site="so|')).toEqual(['site="south shore"'])
    expect(await complete("model in (4g, 3|")).toEqual(["model in (4g, 3g"])
    expect(await complete("site=north |")).toEqual(["site=north and", "site=north or"])
    expect(await complete("site=north and run|")).toEqual(["site=north and running"])
    expect(await complete("id=m-|")).toEqual(["id=m-1", "id=m-2", "id=m-3", "id=m-4"])
    expect(await complete("state=no|")).toEqual(["state=no-show"])
  })
})

describe("contacts", () => {
  it("are counted by the minute, and forgotten after a day", async () => {
    const { needs } = memory
    const live = needs.live.devices.get("m-1")
    if (live === undefined) throw new Error("there is m-1")
    const counts = async () => (await get<{ counts: number[] }>("/api/fleet/contacts?minutes=3")).counts
    needs.live.touch(live, "")
    needs.live.touch(live, "")
    expect(await counts()).toEqual([0, 0, 2])
    memory.now += 60_000
    needs.live.touch(live, "")
    expect(await counts()).toEqual([0, 2, 1])
    memory.now += 86_400_000
    expect(await counts()).toEqual([0, 0, 0])
  })
})
