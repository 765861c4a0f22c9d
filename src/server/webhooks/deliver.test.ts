import { Webhook as Verifier } from "standardwebhooks"
import { beforeEach, describe, expect, it } from "vitest"
import { engine, tokenActor } from "../../core/domain/actor.ts"
import type { WaftEvent } from "../../core/domain/events/table.ts"
import { Emitter } from "../../core/kit/emitter.ts"
import { commit, eventOf } from "../fleet/commit.ts"
import type { LiveFleet } from "../fleet/live-fleet.ts"
import { loadFleet } from "../fleet/load-fleet.ts"
import { MemoryStore } from "../fleet/memory-store.testing.ts"
import { Delivery, givenUpAfterMs } from "./deliver.ts"
import { type Message, NotTaken } from "./post.ts"
import { createWebhook, resumeWebhook } from "./webhooks.ts"

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`

let store: MemoryStore
let live: LiveFleet
let now = 1_700_000_000_000
let told: Message[]
let trouble: string | null

const clock = { now: () => now, monotonic: () => 5, breathe: () => Promise.resolve() }
const events = new Emitter<WaftEvent>()
const needs = () => ({
  actor: tokenActor("admin"),
  clock,
  store,
  live,
  events,
  randomKey: () => Buffer.alloc(32, 7).toString("base64"),
  post: (message: Message) => {
    if (trouble !== null) return Promise.reject(new NotTaken(trouble))
    told.push(message)
    return Promise.resolve(204)
  },
})

beforeEach(async () => {
  store = new MemoryStore()
  live = await loadFleet(store, clock)
  told = []
  trouble = null
})

async function happen(count: number, kind: "device.added" | "rollout.paused" = "device.added"): Promise<void> {
  for (let i = 0; i < count; i++) {
    await commit(needs(), engine, [eventOf({ at: now, kind, deviceId: `m-${i}`, sentence: `Number ${i}.` })])
  }
}

const make = (kinds?: readonly string[]) =>
  createWebhook(needs(), { name: "hook", url: "https://h.example/", kinds, secret })
const seqsOf = ({ body }: Message): readonly number[] =>
  (JSON.parse(body) as { events: { seq: number }[] }).events.map(({ seq }) => seq)
const kindsInLog = async () => (await store.events({ after: 0, limit: 9999 })).map(({ kind }) => kind)

async function run(delivery: Delivery): Promise<string> {
  for (let steps = 0; steps < 1000; steps++) {
    const step = await delivery.step()
    if (step !== "more") return step
  }
  throw new Error("it does not end")
}

describe("a webhook", () => {
  it("is told of every event after it was made, in order, a hundred at a time", async () => {
    await happen(3)
    await make()
    await happen(250)
    expect(await run(new Delivery(needs(), "hook"))).toBe("at-end")
    expect(told.map((message) => seqsOf(message).length)).toEqual([100, 100, 51])
    expect(told.flatMap(seqsOf)).toEqual(Array.from({ length: 251 }, (_, i) => i + 4))
  })

  it("is signed as Standard Webhooks says, in the eyes of that project's own library", async () => {
    now = Date.now()
    await make()
    await happen(1)
    await run(new Delivery(needs(), "hook"))
    const [message] = told
    const headers = { ...message?.headers }
    expect(new Verifier(secret).verify(message?.body ?? "", headers)).toMatchObject({ webhook: "hook" })
    expect(() => new Verifier(secret).verify(`${message?.body} `, headers)).toThrow()
    const other = `whsec_${Buffer.alloc(32, 8).toString("base64")}`
    expect(() => new Verifier(other).verify(message?.body ?? "", headers)).toThrow()
  })

  it("is told of its kinds alone, and goes past the others without a write each", async () => {
    await make(["rollout.*"])
    await happen(1200)
    await happen(1, "rollout.paused")
    await happen(700)
    const before = store.commits
    const delivery = new Delivery(needs(), "hook")
    expect(await run(delivery)).toBe("at-end")
    expect(told.map(seqsOf)).toEqual([[1202]])
    expect(store.commits - before).toBe(1)
    await happen(1, "rollout.paused")
    await run(delivery)
    expect(told.length).toBe(2)
  })

  it("is told again what it did not take, under the same id and a new time, ever more rarely", async () => {
    await make()
    await happen(1)
    trouble = "it answered 500"
    const delivery = new Delivery(needs(), "hook")
    const pauses: number[] = []
    for (let i = 0; i < 14; i++) {
      expect(await delivery.step()).toBe("failed")
      pauses.push(delivery.pauseMs())
    }
    expect(pauses.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 16_000])
    expect(pauses.at(-1)).toBe(3_600_000)
    expect(live.standings.get("hook")).toMatchObject({ state: "failing", failures: 14, trouble: "it answered 500" })
    trouble = null
    now += 5000
    expect(await run(delivery)).toBe("at-end")
    expect(live.standings.get("hook")).toMatchObject({ state: "working", failures: 0, trouble: null })
    expect(await kindsInLog()).toEqual(["webhook.created", "device.added", "webhook.failing", "webhook.recovered"])
    // What became of itself it is told as well.
    expect(told.flatMap(seqsOf)).toEqual([1, 2, 3, 4])
  })

  it("goes on after a crash where the store says, so that nothing is lost", async () => {
    await make()
    await happen(150)
    await new Delivery(needs(), "hook").step()
    live = await loadFleet(store, clock)
    await run(new Delivery(needs(), "hook"))
    expect(new Set(told.flatMap(seqsOf))).toEqual(new Set(Array.from({ length: 151 }, (_, i) => i + 1)))
    // Told, and the server was ended before that was stored: told again under the same id.
    trouble = "the server is gone"
    await happen(1)
    trouble = null
    store.failure = new Error("killed")
    await expect(new Delivery(needs(), "hook").step()).rejects.toThrow("killed")
    store.failure = null
    live = await loadFleet(store, clock)
    await run(new Delivery(needs(), "hook"))
    const [once, again] = told.slice(-2)
    expect(seqsOf(once as Message)).toEqual([152])
    expect([again?.body, again?.headers["webhook-id"]]).toEqual([once?.body, once?.headers["webhook-id"]])
  })

  it("that takes nothing for three days is given up, until somebody says that it goes on", async () => {
    await make()
    await happen(1)
    trouble = "nothing listens there"
    const delivery = new Delivery(needs(), "hook")
    expect(await delivery.step()).toBe("failed")
    now += givenUpAfterMs
    expect(await delivery.step()).toBe("stopped")
    expect(await delivery.step()).toBe("stopped")
    expect(live.standings.get("hook")?.state).toBe("given-up")
    trouble = null
    await resumeWebhook(needs(), "hook", false)
    expect(await run(new Delivery(needs(), "hook"))).toBe("at-end")
    expect(told.flatMap(seqsOf)).toEqual([1, 2, 3, 4])
    await happen(50)
    await resumeWebhook(needs(), "hook", true)
    told = []
    await run(new Delivery(needs(), "hook"))
    expect(told.flatMap(seqsOf)).toEqual([55])
  })

  it("that was removed while it was told leaves nothing behind", async () => {
    await make()
    await happen(1)
    const own = needs()
    const delivery = new Delivery(
      {
        ...own,
        post: async () => {
          await commit(own, engine, [
            { remove: "webhook", id: "hook" },
            { remove: "standing", id: "hook" },
          ])
          return 200
        },
      },
      "hook",
    )
    expect(await run(delivery)).toBe("stopped")
    expect([await store.webhooks(), await store.webhookStandings()]).toEqual([[], []])
  })
})

describe("a webhook's address", () => {
  it.each([
    ["file:///etc/passwd", "must begin with"],
    ["https://user:secret@h.example/", "no user"],
    ["h.example", "is none"],
  ])("%s is refused", async (url, says) => {
    await expect(createWebhook(needs(), { name: "hook", url })).rejects.toThrow(says)
  })
})
