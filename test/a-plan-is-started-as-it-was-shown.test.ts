import { afterEach, beforeEach, expect, it } from "vitest"
import type { PlanView, PlannedView } from "../src/core/contract/schemas.ts"
import { addDevices } from "../src/server/fleet/add-device.ts"
import { removeDevice } from "../src/server/fleet/remove-device.ts"
import { type MemoryApi, memoryApi, moteRelease } from "./memory-api.ts"

let memory: MemoryApi
let monotonic = 5
const ids = Array.from({ length: 9 }, (_, i) => `m-${i}`)
const mote = (id: string, running: string | null = null) => ({
  id,
  family: "waspmote",
  model: "4g",
  labels: { site: id < "m-5" ? "north" : "south" },
  ...(running === null ? {} : { running }),
})

beforeEach(async () => {
  memory = await memoryApi()
  const clock = memory.needs.clock as { monotonic: () => number }
  clock.monotonic = () => monotonic
  memory.needs.live.releases.set(moteRelease.id, moteRelease)
  await addDevices(
    memory.needs,
    ids.map((id) => mote(id)),
  )
})
afterEach(() => memory.api.close())

const call = (method: "GET" | "POST", url: string, payload?: object, token = "right") =>
  memory.api.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}` },
    ...(payload === undefined ? {} : { payload }),
  })
const plan = async (body: object = {}, token?: string) =>
  (await call("POST", "/api/rollouts/plan", { releaseIds: ["r-1"], ...body }, token)).json<PlanView>()
const start = (body: object, token?: string) => call("POST", "/api/rollouts", body, token)
const rowsOf = async (url: string, token?: string): Promise<readonly PlannedView[]> => {
  const rows: PlannedView[] = []
  for (let cursor = ""; ; ) {
    const { items, next } = (await call("GET", `${url}${cursor}`, undefined, token)).json<{
      items: PlannedView[]
      next: string | null
    }>()
    rows.push(...items)
    if (next === null) return rows
    cursor = `&cursor=${next}`
  }
}
const title = (answer: { readonly body: string }) => (JSON.parse(answer.body) as { title: string }).title
const limited = async (role: string): Promise<string> =>
  (await call("POST", "/api/tokens", { name: role, role, group: "site=south" })).json<{ token: string }>().token

it("says in numbers what will happen, and device by device on its pages", async () => {
  const shown = await plan()
  expect(shown.devices).toBe(9)
  expect(Object.values(shown.counts).reduce((a, b) => a + b)).toBe(9)
  expect(shown.models).toEqual([{ family: "waspmote", model: "4g", devices: 9 }])
  expect(shown.samples.length).toBe(5)
  const url = `/api/plans/${shown.id}/devices?limit=2`
  expect((await rowsOf(url)).map(({ deviceId }) => deviceId)).toEqual(ids)
  expect((await rowsOf(`${url}&sort=-device`)).map(({ deviceId }) => deviceId)).toEqual(ids.toReversed())
  const [first] = await rowsOf(url)
  expect((await rowsOf(`${url}&outcome=${first?.outcome}`)).length).toBe(shown.counts[first?.outcome ?? "update"])
  expect(memory.needs.live.rollouts.size).toBe(0)
})

it("is started for just the devices that were shown, but for those that were removed since", async () => {
  const shown = await plan({ canary: 2 })
  await addDevices(memory.needs, [mote("m-10")])
  await removeDevice(memory.needs, "m-3")
  const started = (await start({ planId: shown.id })).json<{ id: string; devices: number; plan: unknown }>()
  expect(started.devices).toBe(8)
  expect(started.plan).toEqual(shown.plan)
  const updates = await memory.store.updatesOfRollout(started.id)
  expect(updates.map(({ deviceId }) => deviceId).sort()).toEqual(ids.filter((id) => id !== "m-3"))
})

it("is refused when it is too old, was never there, is spoken over, or leads to a release that was withdrawn", async () => {
  const shown = await plan()
  expect(title(await start({ planId: "plan-none" }))).toBe("plan-expired")
  expect(title(await start({ planId: shown.id, group: "id=m-1" }))).toBe("bad-request")
  expect(title(await call("POST", "/api/rollouts/plan", { planId: shown.id }))).toBe("bad-request")
  const { releases } = memory.needs.live
  const release = releases.get("r-1")
  if (release === undefined) throw new Error("there is a release")
  releases.set("r-1", { ...release, state: "withdrawn" })
  expect(title(await start({ planId: shown.id }))).toBe("release-withdrawn")
  monotonic += 15 * 60_000
  expect(title(await start({ planId: shown.id }))).toBe("plan-expired")
  expect((await call("GET", `/api/plans/${shown.id}/devices`)).statusCode).toBe(410)
  expect(memory.needs.live.rollouts.size).toBe(0)
})

it("shows and starts for those with a group what is theirs alone", async () => {
  const shown = await plan()
  const [viewer, operator] = [await limited("viewer"), await limited("operator")]
  const theirs = await rowsOf(`/api/plans/${shown.id}/devices?limit=2`, viewer)
  expect(theirs.map(({ deviceId }) => deviceId)).toEqual(ids.slice(5))
  expect(title(await start({ planId: shown.id }, operator))).toBe("outside-group")
  const own = await plan({}, operator)
  expect(own.devices).toBe(4)
  expect((await start({ planId: own.id }, operator)).json<{ devices: number }>().devices).toBe(4)
})
