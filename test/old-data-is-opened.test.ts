import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Kysely, Migrator, sql } from "kysely"
import { afterAll, beforeAll, expect, it } from "vitest"
import { engine, tokenActor } from "../src/core/domain/actor.ts"
import { newEvent, type WaftEvent } from "../src/core/domain/events/table.ts"
import { firstPlace, freshMarks } from "../src/core/domain/marks.ts"
import { simplePlan } from "../src/core/domain/plan.ts"
import { freshPull } from "../src/core/domain/pull-state.ts"
import type { Device, Release, Rollout, Update } from "../src/core/domain/records.ts"
import { families } from "../src/core/families/index.ts"
import { Emitter } from "../src/core/kit/emitter.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { offeredTo } from "../src/server/fleet/live-fleet.ts"
import { loadFleet } from "../src/server/fleet/load-fleet.ts"
import { setDevice } from "../src/server/fleet/set-device.ts"
import { abortRollout } from "../src/server/fleet/steer-rollout.ts"
import { migrations } from "../src/server/store/migrations.ts"
import { openStore } from "../src/server/store/sql-store.ts"
import { openSqlite } from "../src/server/store/sqlite-database.ts"

/** Data as any version of the server had it: one rollout that runs, one that is over, a device under way, one silent. */
const clock = { now: () => 1_700_000_000_000, monotonic: () => 1000, breathe: () => Promise.resolve() }
const plan = simplePlan({ releases: ["r-1"], group: null, silenceMs: 1000 })
const image = { sha256: "ab".repeat(32), sizeBytes: 9 }
const device = (id: string): Device => ({
  id,
  family: "waspmote",
  model: "4g",
  labels: { site: "north" },
  access: { user: `user-${id}`, secret: "secret" },
  familyState: {},
  running: { version: "3", evidence: "told" },
  addedAt: 1,
  admission: "accepted",
})
const release: Release = {
  id: "r-1",
  family: "waspmote",
  version: "4",
  source: null,
  models: [],
  image,
  fileName: "PROG001",
  details: { programId: "PROG001" },
  notes: [],
  state: "active",
  publishedAt: 2,
}
const rollout = (number: number, state: Rollout["state"]): Rollout => ({
  id: `o-${number}`,
  number,
  releaseIds: ["r-1"],
  group: null,
  state,
  silenceTimeoutMs: 1000,
  plan,
  marks: freshMarks(plan, { rankMultiplier: 7, openedAt: 3 }),
  startedAt: number * 10,
  endedAt: state === "running" ? null : 99,
})
const update = (number: number, deviceId: string, state: Update["progress"]["state"]): Update => ({
  id: `o-${number}/${deviceId}`,
  rolloutId: `o-${number}`,
  deviceId,
  releaseId: "r-1",
  progress: { state, attempt: 1, basis: "observed", since: 7, sentence: "It stands.", code: null },
  offer: { programId: "PROG001", versionByte: 4, release: "4", unproven: false, mayHold: [] },
  image,
  offerReason: null,
  place: firstPlace,
  pull: freshPull,
  packageId: null,
  ticket: null,
})
const added = (deviceId: string) =>
  ({ append: newEvent({ at: 5, kind: "device.added", deviceId, sentence: "It was added." }) }) as const

let folder: string
/** The rows of every table, as the newest version writes them. */
let rows: ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waft-old-data-"))
  const database = openSqlite(join(folder, "new.db"))
  const store = await openStore(database, "sqlite")
  await store.commit(engine, [
    { put: "release", release },
    ...["a", "b"].flatMap((id) => [{ put: "device", device: device(id) } as const, added(id)]),
    { put: "rollout", rollout: rollout(1, "failed") },
    { put: "rollout", rollout: rollout(2, "running") },
    { put: "update", update: update(1, "a", "failed") },
    { put: "update", update: update(2, "a", "offered") },
    { put: "update", update: update(2, "b", "downloading") },
    {
      put: "channel",
      channel: {
        name: "stable",
        family: "waspmote",
        access: { user: "stable", secret: "secret" },
        releaseId: "r-1",
        version: "4",
        offer: update(2, "a", "offered").offer,
        image,
        warning: null,
        changedAt: 4,
      },
    },
  ])
  await store.saveSeen([{ deviceId: "a", at: 6, peer: "192.0.2.1", rhythm: "", upAt: 500 }])
  const found = new Map<string, readonly Readonly<Record<string, unknown>>[]>()
  for (const { name } of await tablesOf(database.builder)) {
    const all = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(database.builder)
    found.set(name, all.rows)
  }
  rows = found
  await database.close()
})
afterAll(() => rm(folder, { recursive: true }))

async function tablesOf({ introspection }: { readonly introspection: Kysely<unknown>["introspection"] }) {
  const tables = await introspection.getTables()
  return tables.filter(({ name }) => !name.startsWith("kysely_"))
}

const names = Object.keys(await migrations("sqlite").getMigrations())

/** A data folder of the server as it was after that migration. */
async function oldData(name: string): Promise<string> {
  const file = join(folder, `${name}.db`)
  const database = openSqlite(file)
  const builder = database.builder as unknown as Kysely<Record<string, Record<string, unknown>>>
  const { error } = await new Migrator({ db: builder, provider: migrations("sqlite") }).migrateTo(name)
  if (error !== undefined) throw error
  for (const { name: table, columns } of await tablesOf(builder)) {
    const known = new Set(columns.map((column) => column.name))
    for (const row of rows.get(table) ?? []) {
      const old = Object.fromEntries(Object.entries(row).filter(([column]) => known.has(column)))
      await builder.insertInto(table).values(old).execute()
    }
  }
  await database.close()
  return file
}

it("there is one of each version that was released", () => {
  expect(names.length).toBeGreaterThanOrEqual(19)
  expect(names.map((name) => name.slice(0, 4))).toEqual(names.map((_, at) => String(at + 1).padStart(4, "0")))
})

it.each(names)("data of the version that ended with %s is opened, offers what it did, and goes on", async (name) => {
  const database = openSqlite(await oldData(name))
  try {
    const store = await openStore(database, "sqlite")
    const needs = {
      actor: tokenActor("admin"),
      clock,
      store,
      live: await loadFleet(store, clock),
      events: new Emitter<WaftEvent>(),
      families,
    }
    await expectRebuilt(needs)
    const { devices, rollouts, channels } = needs.live
    expect([...devices.keys()]).toEqual(["a", "b"])
    expect([...rollouts.values()].map((live) => [live.rollout.number, live.rollout.state])).toEqual([
      [1, "failed"],
      [2, "running"],
    ])
    expect(rollouts.get("o-1")?.book.phases[0]?.counts).toMatchObject({ failed: 1 })
    expect(rollouts.get("o-2")?.book.phases[0]?.counts).toMatchObject({ offered: 1, downloading: 1 })
    const live = devices.get("b")
    if (live === undefined) throw new Error("no device")
    expect(offeredTo(needs.live, live)?.releaseId).toBe("r-1")
    expect(channels.get("stable")?.channel.releaseId).toBe("r-1")
    expect(await store.events({ after: 0, limit: 10 })).toHaveLength(2)
    await setDevice(needs, "a", { running: "4" })
    await abortRollout(needs, "o-2")
    expect((await store.updatesOfDevice("b", 1))[0]?.progress.state).toBe("cancelled")
    await expectRebuilt(needs)
  } finally {
    await database.close()
  }
})
