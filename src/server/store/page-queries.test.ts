import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { engine } from "../../core/domain/actor.ts"
import { firstPlace, freshMarks } from "../../core/domain/marks.ts"
import { simplePlan } from "../../core/domain/plan.ts"
import { freshPull } from "../../core/domain/pull-state.ts"
import type { OutgoingMessage, Rollout, Update } from "../../core/domain/records.ts"
import type { UpdateState } from "../../core/domain/update.ts"
import { MemoryStore } from "../fleet/memory-store.testing.ts"
import type { Change, Store } from "../fleet/needs.ts"
import type { WaftDatabase } from "./database.ts"
import {
  countMessagesQuery,
  countUpdatesQuery,
  messagePageQuery,
  newestUpdatesQuery,
  updatePageQuery,
} from "./page-queries.ts"
import { openStore } from "./sql-store.ts"
import { openSqlite } from "./sqlite-database.ts"

const states: readonly UpdateState[] = ["waiting", "offered", "failed", "succeeded"]
const plan = simplePlan({ releases: ["r-1"], group: null })

const rollout = (number: number): Rollout => ({
  id: `o-${number}`,
  number,
  releaseIds: ["r-1"],
  group: null,
  state: "running",
  silenceTimeoutMs: 1,
  plan,
  marks: freshMarks(plan, { rankMultiplier: 1, openedAt: null }),
  startedAt: number,
  endedAt: null,
})

const update = (rolloutNumber: number, i: number): Update => ({
  id: `o-${rolloutNumber}/m-${String(i).padStart(3, "0")}`,
  rolloutId: `o-${rolloutNumber}`,
  deviceId: `m-${String(i).padStart(3, "0")}`,
  releaseId: "r-1",
  progress: {
    state: states[(i * 7) % states.length] ?? "waiting",
    attempt: 1,
    basis: "observed",
    since: i,
    sentence: `Number ${i}.`,
    code: i % 5 === 0 ? "12" : null,
  },
  offer: null,
  image: null,
  offerReason: null,
  pull: freshPull,
  place: firstPlace,
  packageId: null,
  version: 1,
  ticket: null,
})

const message = (i: number): OutgoingMessage => ({
  reference: `ref-${i}`,
  deviceId: `m-${i % 3}`,
  to: "+39",
  payload: "",
  coding: "8-bit-class-0",
  validitySeconds: 1,
  createdAt: (i * 13) % 10,
  state: "waiting",
  carrierReference: null,
  sentAt: null,
})

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const changes: readonly Change[] = [
  ...[1, 2, 10].map((number): Change => ({ put: "rollout", rollout: rollout(number) })),
  ...[1, 2, 10].flatMap((number) => range(50).map((i): Change => ({ put: "update", update: update(number, i) }))),
  ...range(30).map((i): Change => ({ put: "message", message: message(i) })),
]

let folder: string
let database: WaftDatabase
let sql: Store
const memory = new MemoryStore()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-pages-"))
  database = openSqlite(join(folder, "waft.db"))
  sql = await openStore(database, "sqlite")
  await sql.commit(engine, changes)
  await memory.commit(engine, changes)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

it("pages of updates are those of a store that sorts and cuts", async () => {
  for (const state of [undefined, ...states]) {
    for (const code of [undefined, "12", "13"]) {
      const query = { rolloutId: "o-1", state, code }
      expect(await sql.countUpdates(query)).toBe(await memory.countUpdates(query))
      for (const after of [null, "o-1/m-020", "o-1/m-049"]) {
        for (const backwards of [false, true]) {
          const page = { after, limit: 7, backwards }
          expect(await sql.updatePage(query, page)).toEqual(await memory.updatePage(query, page))
        }
      }
    }
  }
})

it("the newest updates of many devices come with one query", async () => {
  const ids = ["m-003", "m-004", "m-049", "nobody"]
  const newest = await sql.newestUpdates(ids)
  expect(newest.map(({ id }) => id).sort()).toEqual(["o-10/m-003", "o-10/m-004", "o-10/m-049"])
  expect(await sql.newestUpdates([])).toEqual([])
})

it("pages of messages are those of a store that sorts and cuts", async () => {
  for (const deviceId of [undefined, "m-1"]) {
    expect(await sql.countMessages({ deviceId })).toBe(await memory.countMessages({ deviceId }))
    for (const after of [null, { createdAt: 5, reference: "ref-15" }]) {
      for (const backwards of [false, true]) {
        const page = { after, limit: 4, backwards }
        expect(await sql.messagePage({ deviceId }, page)).toEqual(await memory.messagePage({ deviceId }, page))
      }
    }
  }
})

it("every query goes along an index and sorts nothing", async () => {
  const { builder } = database
  const page = { limit: 10, backwards: false }
  const place = { createdAt: 1, reference: "x" }
  const queries = [
    ...[undefined, "failed" as const].flatMap((state) =>
      [undefined, "12"].flatMap((code) => [
        updatePageQuery(builder, { rolloutId: "o-1", state, code }, { ...page, after: "o-1/m" }).compile(),
        countUpdatesQuery(builder, { rolloutId: "o-1", state, code }).compile(),
      ]),
    ),
    newestUpdatesQuery(builder, ["m-1", "m-2"]).compile(),
    messagePageQuery(builder, {}, { ...page, after: place }).compile(),
    countMessagesQuery(builder, {}).compile(),
  ]
  for (const { sql: text, parameters } of queries) {
    const explain = { sql: `explain query plan ${text}`, parameters } as unknown as Parameters<WaftDatabase["query"]>[0]
    const steps = ((await database.query(explain)) as readonly { readonly detail: string }[]).map(
      ({ detail }) => detail,
    )
    const isOfMessages = text.includes("messages")
    expect(
      steps.filter((step) => /SCAN (?!aged|\(sub|messages)/.test(step)),
      text,
    ).toEqual([])
    // Of many devices' updates, each device's few are put in order.
    if (!text.includes("row_number")) expect(steps.join(" "), text).not.toContain("TEMP B-TREE")
    if (isOfMessages) expect(steps.join(" "), text).toContain("INDEX")
  }
})
