import { engine } from "../../core/domain/actor.ts"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { freshPull } from "../../core/domain/pull-state.ts"
import { firstPlace, freshMarks, waitingProgress } from "../../core/domain/marks.ts"
import { simplePlan } from "../../core/domain/plan.ts"
import type { NewEvent } from "../../core/domain/events/table.ts"
import type { Device, Rollout, SavedGroup, Update } from "../../core/domain/records.ts"
import { AlreadyTaken, StaleRecord, type Store } from "../fleet/needs.ts"
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
  version: 1,
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
  version: 1,
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
  version: 1,
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
    await store.commit(engine, [{ put: "device", device: { ...device("a"), version: 2, model: "3g" } }])
    expect((await store.devices()).map(({ model, version }) => [model, version])).toEqual([["3g", 2]])
  })

  it("refuses a record that somebody else has saved since it was read, and the whole commit with it", async () => {
    await store.commit(engine, [
      { put: "device", device: device("a") },
      { put: "rollout", rollout },
      { put: "update", update: update("a", "offered") },
    ])
    const second = { ...device("a"), version: 2 }
    await store.commit(engine, [{ put: "device", device: { ...second, model: "3g" } }])
    const stale = [
      { put: "device", device: { ...second, model: "wifi" } },
      { put: "rollout", rollout: { ...rollout, version: 3 } },
      { put: "update", update: { ...update("a", "succeeded"), version: 5 } },
    ] as const
    for (const change of stale) {
      await expect(store.commit(engine, [{ append: event("must not stay") }, change])).rejects.toThrow(StaleRecord)
    }
    await expect(store.commit(engine, [{ put: "device", device: device("a") }])).rejects.toThrow(AlreadyTaken)
    expect((await store.device("a"))?.model).toBe("3g")
    expect(await store.events({ after: 0, limit: 10 })).toEqual([])
  })

  it("adds up counters, and remembers how long servers were up", async () => {
    const count = (name: "offered" | "bytes", by: number) => ({ rolloutId: "o-1", phase: 1, name, by })
    await store.commit(engine, [{ count: [count("offered", 7), count("bytes", 0.5)] }])
    await store.commit(engine, [{ count: [count("offered", -3), count("bytes", -0.5)] }])
    expect(await store.counters()).toEqual([count("offered", 4)])
    expect(await store.uptime()).toBe(0)
    await store.saveUptime(70)
    await store.saveUptime(90)
    expect(await store.uptime()).toBe(90)
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
      { put: "rollout", rollout: { ...rollout, version: 2, state: "aborted", endedAt: 20 } },
      { put: "update", update: { ...update("o-1/a", "succeeded"), version: 2 } },
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
    await store.saveSeen([{ deviceId: "a", at: 1, peer: "x", rhythm: "", upAt: 1 }])
    await store.commit(engine, [{ remove: "device", id: "a" }])
    expect(await store.seen()).toEqual([])
  })

  it("takes in what concerns many devices alike, and tells each of them of it", async () => {
    const ids = Array.from({ length: 5003 }, (_, i) => `d${i}`)
    await store.commit(
      engine,
      ids.slice(0, 2).map((id) => ({ put: "device", device: device(id) })),
    )
    const place = { ...firstPlace, phase: 1 }
    const sharing = { ...freshPull, sharing: "overlap" as const }
    const enrol = ids.map(
      (id, i): Update => ({
        ...update(`o-1/${id}`, "offered"),
        deviceId: id,
        progress: { ...waitingProgress, since: 9 },
        offer: null,
        image: null,
        offerReason: null,
        pull: i === 3 ? sharing : freshPull,
        place: i < 2 ? firstPlace : place,
        packageId: null,
        ticket: null,
      }),
    )
    await store.commit(engine, [{ put: "rollout", rollout }, { enrol }])
    const byId = (updates: readonly Update[]) => new Map(updates.map((one) => [one.id, one]))
    expect(byId(await store.updatesOfRollout("o-1"))).toEqual(byId(enrol))

    const as = { state: "cancelled", since: 20, sentence: "It was aborted." } as const
    const aborted: NewEvent = {
      ...event("aborted"),
      at: 20,
      kind: "rollout.aborted",
      deviceId: null,
      rolloutId: "o-1",
      data: { counts: {} },
    }
    await store.commit(engine, [{ end: enrol.slice(1), as }, { doubt: [device("d1")] }, { append: aborted }])
    const ended = byId(await store.updatesOfRollout("o-1"))
    expect(ended.get("o-1/d0")?.progress.state).toBe("waiting")
    expect([...ended.values()].filter(({ progress }) => progress.state === "cancelled")).toHaveLength(5002)
    expect(ended.get("o-1/d5002")?.progress).toMatchObject({ since: 20, sentence: "It was aborted." })
    expect((await store.devices()).map(({ running }) => running.evidence)).toEqual(["told", "unknown"])
    const history = async (deviceId: string) =>
      (await store.events({ after: 0, limit: 5, deviceId })).map(({ sentence }) => sentence)
    expect(await history("d7")).toEqual(["aborted"])
    expect(await history("d0")).toEqual([])
  })

  it("keeps one last contact a device", async () => {
    await store.saveSeen([{ deviceId: "a", at: 1, peer: "x", rhythm: "", upAt: 1 }])
    await store.saveSeen(
      Array.from({ length: 5000 }, (_, i) => ({ deviceId: `d${i}`, at: i, peer: "y", rhythm: "0a0b", upAt: 2 })),
    )
    await store.saveSeen([{ deviceId: "a", at: 2, peer: "z", rhythm: "0c0d0e", upAt: 3 }])
    const rows = await store.seen()
    expect(rows).toHaveLength(5001)
    expect(rows.find(({ deviceId }) => deviceId === "a")).toEqual({
      deviceId: "a",
      at: 2,
      peer: "z",
      rhythm: "0c0d0e",
      upAt: 3,
    })
  })
})
