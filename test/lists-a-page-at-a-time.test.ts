import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { engine } from "../src/core/domain/actor.ts"
import { newEvent } from "../src/core/domain/events/table.ts"
import type { OutgoingMessage } from "../src/core/domain/records.ts"
import { addDevices } from "../src/server/fleet/add-device.ts"
import { startRollout } from "../src/server/fleet/start-rollout.ts"
import { type MemoryApi, memoryApi, moteRelease } from "./memory-api.ts"

let memory: MemoryApi
beforeEach(async () => {
  memory = await memoryApi()
})
afterEach(() => memory.api.close())

interface Page {
  readonly items: readonly Record<string, unknown>[]
  readonly total?: number
  readonly next: string | null
}

async function get(url: string, token = "right"): Promise<Page> {
  const answer = await memory.api.inject({ url, headers: { authorization: `Bearer ${token}` } })
  expect(answer.statusCode, `${url} ${answer.body}`).toBe(200)
  expect(Buffer.byteLength(answer.body)).toBeLessThan(1_000_000)
  return answer.json<Page>()
}

/** Every row of a list, page after page, and what each page says of the whole. */
async function walk(url: string, key: string, token?: string) {
  const rows: unknown[] = []
  const totals = new Set<unknown>()
  for (let cursor = ""; ; ) {
    const page = await get(`${url}${url.includes("?") ? "&" : "?"}${cursor}`, token)
    rows.push(...page.items.map((item) => item[key]))
    totals.add(page.total)
    if (page.next === null) return { rows, totals: [...totals] }
    cursor = `cursor=${encodeURIComponent(page.next)}`
  }
}

const mote = (id: string, site = "north") => ({ id, family: "waspmote", model: "4g", labels: { site } })

async function viewerOf(group: string): Promise<string> {
  const made = await memory.api.inject({
    method: "POST",
    url: "/api/tokens",
    headers: { authorization: "Bearer right" },
    payload: { name: "viewer", role: "viewer", group },
  })
  return made.json<{ token: string }>().token
}

describe("a list of devices", () => {
  const ids = Array.from({ length: 25 }, (_, i) => `m-${String(i).padStart(2, "0")}`)

  beforeEach(async () => {
    for (const [i, id] of ids.entries()) {
      memory.now = 1000 * (100 - i)
      await addDevices(memory.needs, [mote(id, i % 2 === 0 ? "north" : "south")])
    }
  })

  it("is walked whole, in either direction, by any order, with one total", async () => {
    for (const limit of [1, 7, 25, 1000]) {
      expect(await walk(`/api/devices?limit=${limit}`, "id")).toEqual({ rows: ids, totals: [25] })
      const back = await walk(`/api/devices?limit=${limit}&sort=-id`, "id")
      expect(back.rows).toEqual(ids.toReversed())
      const added = await walk(`/api/devices?limit=${limit}&sort=added`, "id")
      expect(added.rows).toEqual(ids.toReversed())
      const north = await walk(`/api/devices?limit=${limit}&group=site%3Dnorth`, "id")
      expect(north).toEqual({ rows: ids.filter((_, i) => i % 2 === 0), totals: [13] })
      const northBack = await walk(`/api/devices?limit=${limit}&group=site%3Dnorth&sort=-id`, "id")
      expect(northBack.rows).toEqual(north.rows.toReversed())
    }
  })

  it("orders those that are equal by their ids, and goes on among them", async () => {
    for (const live of memory.needs.live.devices.values()) live.seenAt = live.device.id < "m-20" ? 7 : 3
    const wanted = [...ids.slice(20), ...ids.slice(0, 20)]
    for (const limit of [1, 4]) {
      expect((await walk(`/api/devices?limit=${limit}&sort=seen`, "id")).rows).toEqual(wanted)
      expect((await walk(`/api/devices?limit=${limit}&sort=-seen`, "id")).rows).toEqual(wanted.toReversed())
    }
  })

  it("shows what was changed before it was asked for", async () => {
    expect((await get("/api/devices?group=site%3Dnorth")).total).toBe(13)
    await addDevices(memory.needs, [mote("n-1")])
    expect((await get("/api/devices?group=site%3Dnorth")).total).toBe(14)
  })

  it("shows those with a group only theirs, in the rows and in the total", async () => {
    const south = await viewerOf("site=south")
    const theirs = ids.filter((_, i) => i % 2 === 1)
    expect(await walk("/api/devices?limit=5", "id", south)).toEqual({ rows: theirs, totals: [12] })
    expect((await get("/api/devices?group=site%3Dnorth", south)).total).toBe(0)
  })

  it("refuses a cursor of another order, one of nobody, and what it does not know", async () => {
    const { next } = await get("/api/devices?limit=2")
    const refusal = async (query: string): Promise<unknown> => {
      const answer = await memory.api.inject({
        url: `/api/devices?${query}`,
        headers: { authorization: "Bearer right" },
      })
      return answer.json<{ title: string }>().title
    }
    for (const cursor of [`${next}&sort=-id`, `${next}&sort=added`, "x", "bnVsbA", "WyJpZCIsMCwwXQ"]) {
      expect(await refusal(`cursor=${cursor}`), cursor).toBe("bad-cursor")
    }
    for (const query of ["after=m-1", "limit=0", "limit=1001", "sort=colour", "limit=x"]) {
      expect(await refusal(query), query).toBe("bad-request")
    }
  })

  it("ends a page where it would be too large, and goes on after it", async () => {
    const labels = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, "é".repeat(200)]))
    const large = Array.from({ length: 200 }, (_, i) => ({ ...mote(`x-${String(i).padStart(3, "0")}`), labels }))
    await addDevices(memory.needs, large)
    const { rows } = await walk("/api/devices?limit=1000&group=id%3Dx-*", "id")
    expect(rows).toEqual(large.map(({ id }) => id))
  })
})

describe("a rollout's updates", () => {
  it("are walked whole, by state, and for each caller", async () => {
    const { needs } = memory
    const ids = Array.from({ length: 12 }, (_, i) => `m-${String(i).padStart(2, "0")}`)
    await addDevices(
      needs,
      ids.map((id, i) => mote(id, i < 9 ? "north" : "south")),
    )
    memory.needs.live.releases.set(moteRelease.id, moteRelease)
    const { rollout } = await startRollout(needs, { releaseIds: ["r-1"], group: null, silenceTimeoutMs: 1000 })
    const url = `/api/rollouts/${rollout.id}/updates`
    expect(await walk(`${url}?limit=5`, "deviceId")).toEqual({ rows: ids, totals: [12] })
    expect((await walk(`${url}?limit=5&sort=-device`, "deviceId")).rows).toEqual(ids.toReversed())
    const states = await walk(url, "state")
    const state = String(states.rows[0])
    expect((await get(`${url}?state=${state}`)).total).toBe(states.rows.filter((one) => one === state).length)
    expect((await get(`${url}?state=installing`)).total).toBe(0)
    const south = await viewerOf("site=south")
    expect(await walk(`${url}?limit=2`, "deviceId", south)).toEqual({ rows: ids.slice(9), totals: [3] })
  })
})

describe("the messages that wait", () => {
  it("are listed without their text, oldest first, to whoever may see their device", async () => {
    await addDevices(memory.needs, [mote("a", "north"), mote("b", "south")])
    const message = (number: number, deviceId: string): OutgoingMessage => ({
      reference: `ref-${number}`,
      deviceId,
      to: "+391",
      payload: Buffer.from("secret").toString("base64"),
      coding: "8-bit-class-0",
      validitySeconds: 60,
      createdAt: 1000 - (number >> 1),
      state: "waiting",
      carrierReference: null,
      sentAt: null,
    })
    const messages = Array.from({ length: 9 }, (_, i) => message(i, i % 3 === 0 ? "b" : "a"))
    await memory.store.commit(
      engine,
      messages.map((one) => ({ put: "message", message: one })),
    )
    const wanted = ["ref-8", "ref-6", "ref-7", "ref-4", "ref-5", "ref-2", "ref-3", "ref-0", "ref-1"]
    expect(await walk("/api/messages?limit=2", "reference")).toEqual({ rows: wanted, totals: [9] })
    expect((await walk("/api/messages?limit=4&sort=-created", "reference")).rows).toEqual(wanted.toReversed())
    expect((await walk("/api/messages?limit=2&device=b", "reference")).rows).toEqual(["ref-6", "ref-3", "ref-0"])
    const south = await viewerOf("site=south")
    expect(await walk("/api/messages?limit=1", "reference", south)).toEqual({
      rows: ["ref-6", "ref-3", "ref-0"],
      totals: [3],
    })
    expect(JSON.stringify(await get("/api/messages"))).not.toContain("secret")
  })
})

describe("the event log", () => {
  beforeEach(async () => {
    const events = Array.from({ length: 3000 }, (_, i) =>
      newEvent(
        i % 100 === 0
          ? { at: i, kind: "rollout.paused", rolloutId: "o-1", sentence: `Paused for the ${i}th time.` }
          : { at: i, kind: "rollout.resumed", rolloutId: "o-2", sentence: "Resumed." },
      ),
    )
    await memory.store.commit(
      engine,
      events.map((append) => ({ append })),
    )
  })

  it("is walked by kind, words and rollout, in both directions, without a gap", async () => {
    const paused = Array.from({ length: 30 }, (_, i) => i * 100 + 1)
    for (const filter of ["kind=rollout.paused", "text=PAUSED", "rollout=o-1", "kind=update.*,rollout.pau*"]) {
      expect((await walk(`/api/events/list?limit=7&${filter}`, "seq")).rows, filter).toEqual(paused)
      const back = await walk(`/api/events/list?limit=7&backwards=true&${filter}`, "seq")
      expect(back.rows, filter).toEqual(paused.toReversed())
    }
    const all = await walk("/api/events/list?limit=999", "seq")
    expect(all.rows).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1))
    expect((await walk("/api/events/list?after=2990&backwards=true", "seq")).rows.length).toBe(10)
  })
})

describe("small lists", () => {
  it("are walked by each of their orders", async () => {
    const as = { authorization: "Bearer right" }
    for (let i = 0; i < 7; i++) {
      memory.now += i % 2
      const payload = { name: `token-${(i * 3) % 7}`, role: "viewer" }
      await memory.api.inject({ method: "POST", url: "/api/tokens", headers: as, payload })
    }
    const names = Array.from({ length: 7 }, (_, i) => `token-${i}`)
    expect(await walk("/api/tokens?limit=2&sort=name", "name")).toEqual({ rows: names, totals: [7] })
    expect((await walk("/api/tokens?limit=3&sort=-name", "name")).rows).toEqual(names.toReversed())
    const created = await walk("/api/tokens?limit=2", "createdAt")
    expect(created.rows).toEqual([...created.rows].sort((a, b) => Number(a) - Number(b)))
    expect(new Set((await walk("/api/tokens?limit=2", "id")).rows).size).toBe(7)
  })
})
