import { engine } from "../../core/domain/actor.ts"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { freshPull } from "../../core/domain/pull-state.ts"
import { firstPlace, freshMarks } from "../../core/domain/marks.ts"
import { simplePlan } from "../../core/domain/plan.ts"
import type { NewEvent } from "../../core/domain/events/table.ts"
import type { Device, Rollout, SavedGroup, Update } from "../../core/domain/records.ts"
import { AlreadyTaken, type Store } from "../fleet/needs.ts"
import type { WaftDatabase } from "./database.ts"
import { openStore } from "./sql-store.ts"
import { openSqlite } from "./sqlite-database.ts"

let folder: string
let database: WaftDatabase
let store: Store

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waft-store-"))
  await reopen()
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true })
})

async function reopen(): Promise<void> {
  database = openSqlite(join(folder, "waft.db"))
  store = await openStore(database, "sqlite")
}

const device = (id: string): Device => ({
  id,
  family: "waspmote",
  model: "4g",
  labels: { site: "north" },
  access: { user: `user-${id}`, secret: "secret" },
  familyState: { programId: "PROG001" },
  running: { version: "3", evidence: "told" },
  addedAt: 1,
  admission: "accepted" as const,
})
const event = (sentence: string): NewEvent => ({
  at: 5,
  kind: "device.added",
  deviceId: "a",
  rolloutId: null,
  releaseId: null,
  basis: null,
  sentence,
  data: { n: 1 },
})
const plan = simplePlan({ releases: ["r"], group: null, silenceMs: 1000 })
const rollout: Rollout = {
  id: "o-1",
  releaseIds: ["r-1"],
  group: null,
  state: "running",
  silenceTimeoutMs: 1000,
  plan,
  marks: freshMarks(plan, { rankMultiplier: 7, openedAt: 3 }),
  number: 1,
  startedAt: 10,
  endedAt: null,
}
const update = (id: string, state: "offered" | "succeeded"): Update => ({
  id,
  rolloutId: "o-1",
  deviceId: id,
  releaseId: "r-1",
  progress: { state, attempt: 1, basis: "observed", since: 7, sentence: "s", code: null },
  offer: { version: 4 },
  image: { sha256: "ab", sizeBytes: 9 },
  offerReason: "why",
  place: { ...firstPlace, phase: 1, spentBytes: 12, day: { since: 5, bytes: 12, sms: 0 } },
  pull: { ...freshPull, quiet: 2 },
  packageId: "r-2",
  ticket: { user: "u", secret: "s" },
})

const groups: readonly SavedGroup[] = [
  { name: "a", devices: { by: "filter", filter: "site=north" }, changedAt: 5 },
  { name: "b", devices: { by: "list", ids: ["a", "b"] }, changedAt: 6 },
  { name: "gone", devices: { by: "list", ids: [] }, changedAt: 7 },
]

describe("the store", () => {
  it("gives back what was committed, after being closed and opened again", async () => {
    await store.commit(engine, [
      { put: "device", device: device("a") },
      { put: "rollout", rollout },
      { put: "update", update: update("a", "offered") },
      ...groups.map((group) => ({ put: "group", group }) as const),
      { remove: "group", id: "gone" },
    ])
    await database.close()
    await reopen()
    expect(await store.groups()).toEqual(groups.slice(0, 2))
    expect(await store.devices()).toEqual([device("a")])
    expect(await store.rollouts()).toEqual([rollout])
    expect(await store.updatesOfDevice("a", 5)).toEqual([update("a", "offered")])
  })

  it("puts a record over its older self", async () => {
    await store.commit(engine, [{ put: "device", device: device("a") }])
    await store.commit(engine, [{ put: "device", device: { ...device("a"), model: "3g" } }])
    expect((await store.devices()).map(({ model }) => model)).toEqual(["3g"])
  })

  it("numbers events in the order of their commits", async () => {
    const commits = Array.from({ length: 40 }, (_, i) => store.commit(engine, [{ append: event(`n${i}`) }]))
    const seqs = (await Promise.all(commits)).map(([appended]) => appended?.seq)
    expect(seqs).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
    expect((await store.events({ after: 38, limit: 10 })).map(({ sentence }) => sentence)).toEqual(["n38", "n39"])
    expect(await store.lastEventSeq()).toBe(40)
  })

  it("fails a bad commit whole, and only that one", async () => {
    await store.commit(engine, [{ put: "device", device: device("a") }])
    const clash = { ...device("b"), access: { user: "user-a", secret: "x" } }
    const [good, bad, alsoGood] = await Promise.allSettled([
      store.commit(engine, [{ put: "device", device: device("c") }]),
      store.commit(engine, [{ append: event("must not stay") }, { put: "device", device: clash }]),
      store.commit(engine, [{ put: "device", device: device("d") }]),
    ])
    expect([good.status, bad.status, alsoGood.status]).toEqual(["fulfilled", "rejected", "fulfilled"])
    expect((await store.devices()).map(({ id }) => id)).toEqual(["a", "c", "d"])
    expect(await store.events({ after: 0, limit: 10 })).toEqual([])
  })

  it("lists as live what belongs to a rollout that is not over, rollout by rollout", async () => {
    await store.commit(engine, [
      { put: "rollout", rollout },
      { put: "rollout", rollout: { ...rollout, id: "o-10", number: 2 } },
      { put: "update", update: update("o-1/a", "offered") },
      { put: "update", update: update("o-1/b", "succeeded") },
      { put: "update", update: { ...update("o-10/c", "offered"), rolloutId: "o-10" } },
    ])
    expect((await store.liveUpdates()).map(({ id }) => id).sort()).toEqual(["o-1/a", "o-1/b", "o-10/c"])
    await store.commit(engine, [
      { put: "rollout", rollout: { ...rollout, state: "aborted", endedAt: 20 } },
      { put: "update", update: update("o-1/a", "succeeded") },
    ])
    expect((await store.liveUpdates()).map(({ id }) => id)).toEqual(["o-10/c"])
  })

  it("refuses a device whose id or login is there, and forgets the last contact with a device", async () => {
    await store.commit(engine, [{ add: "device", device: device("a") }])
    await expect(store.commit(engine, [{ add: "device", device: device("a") }])).rejects.toThrow(AlreadyTaken)
    const clash = { ...device("b"), access: { user: "user-a", secret: "x" } }
    const both = [
      store.commit(engine, [{ add: "device", device: clash }]),
      store.commit(engine, [{ add: "device", device: device("c") }]),
    ]
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(["rejected", "fulfilled"])
    await store.saveSeen([{ deviceId: "a", at: 1, peer: "x", rhythm: "" }])
    await store.commit(engine, [{ remove: "device", id: "a" }])
    expect(await store.seen()).toEqual([])
  })

  it("keeps one last contact a device", async () => {
    await store.saveSeen([{ deviceId: "a", at: 1, peer: "x", rhythm: "" }])
    await store.saveSeen(
      Array.from({ length: 5000 }, (_, i) => ({ deviceId: `d${i}`, at: i, peer: "y", rhythm: "0a0b" })),
    )
    await store.saveSeen([{ deviceId: "a", at: 2, peer: "z", rhythm: "0c0d0e" }])
    const rows = await store.seen()
    expect(rows).toHaveLength(5001)
    expect(rows.find(({ deviceId }) => deviceId === "a")).toEqual({ deviceId: "a", at: 2, peer: "z", rhythm: "0c0d0e" })
  })
})
