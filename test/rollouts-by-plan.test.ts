import { beforeEach, describe, expect, it } from "vitest"
import type { RolloutPlan } from "../src/core/domain/plan.ts"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { explainUpdate, reportRollout } from "../src/server/fleet/explain-rollout.ts"
import { recounted } from "../src/server/fleet/load-fleet.ts"
import type { LiveRollout } from "../src/server/fleet/live-rollout.ts"
import { previewCosts } from "../src/server/fleet/preview-costs.ts"
import { rollBackRollout } from "../src/server/fleet/roll-back.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { rolloutById } from "../src/server/fleet/find-rollout.ts"
import {
  abortRollout,
  approveRollout,
  openGate,
  pauseRollout,
  resumeRollout,
} from "../src/server/fleet/steer-rollout.ts"
import { fetchProgram, poll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"

const hour = 3_600_000
let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
})

function plan(text: string): RolloutPlan {
  const parsed = parsePlanFile(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.plan
}

const isOffer = (notice: string): boolean => /^FILE:(?!NO_FILE)/m.test(notice)
const isOffered = async (id: string): Promise<boolean> => isOffer(await poll(server, id))

/**
 * Motes poll and fetch; those that are not bricked poll again, twenty minutes apart, until it is clear what came of it.
 */
async function contact(ids: readonly string[], bricked: readonly string[] = []): Promise<void> {
  const fetched: string[] = []
  for (const id of ids) {
    const notice = await poll(server, id)
    if (!isOffer(notice)) continue
    await fetchProgram(server, id, notice)
    if (!bricked.includes(id)) fetched.push(id)
  }
  for (let reads = 0; reads < 4; reads++) {
    for (const id of fetched) await poll(server, id)
    await server.pass(20 * 60_000)
  }
}

/** The counters are what the updates in the store say, and after a restart they are the same. */
async function check(id: string): Promise<void> {
  const live = rolloutById(server.needs, id)
  const again = recounted(server.needs.live, live.rollout, await server.store.updatesOfRollout(id))
  const facts = ({ book, states }: LiveRollout) => ({
    phases: book.phases.map(({ counts, again: tries }) => ({
      counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      tries,
    })),
    states: Object.fromEntries(states),
    offered: book.offered,
    spent: book.spent,
    reserved: book.reserved,
  })
  expect(facts(live)).toEqual(facts(again))
}

const states = (id: string): Record<string, string> => Object.fromEntries(rolloutById(server.needs, id).states)
const report = (id: string) => reportRollout(server.needs, rolloutById(server.needs, id))

async function motes(count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, i) => `m${i}`)
  for (const id of ids) await server.addMote(id)
  return ids
}

describe("a rollout by a plan", () => {
  it("pauses itself after the third silent canary, says so, explains everybody, and one command takes it back", async () => {
    const ids = await motes(20)
    const old = (await startPlan(server.needs, plan(`releases: ${await server.publish("1", "PROG001")}`))).rollout.id
    await contact(ids)
    await server.pass(hour)
    expect(rolloutById(server.needs, old).rollout.state).toBe("succeeded")

    const bad = await server.publish("2", "PROG002")
    const file = `releases: ${bad}\nsilence: 6h\nphases: [{name: canary, count: 10, no-show-at-most: 20}]`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    await check(id)
    const canaries = Object.entries(states(id)).flatMap(([device, state]) => (state === "offered" ? [device] : []))
    expect(canaries).toHaveLength(10)
    const bricked = canaries.slice(0, 3)
    await contact(canaries, bricked)
    // Everybody else polls as ever, and gets nothing.
    for (const device of ids) if (!canaries.includes(device)) expect(await isOffered(device)).toBe(false)
    await server.restart()
    await check(id)
    for (let passed = 0; passed < 7; passed++) {
      for (const device of canaries) if (!bricked.includes(device)) await poll(server, device)
      await server.pass(hour)
    }

    const paused = rolloutById(server.needs, id)
    expect(paused.rollout.state).toBe("paused")
    expect(report(id).explain).toBe(
      "It is paused: nothing new is offered. In phase canary 3 of 10 devices fell silent; no-show-at-most 20 % allows 2.",
    )
    expect(server.heard.filter(({ kind }) => kind === "rollout.paused").at(-1)?.sentence).toContain("paused itself")
    expect(report(id).phases).toMatchObject([
      { name: "canary", size: 10, state: "open", counts: { succeeded: 7, "no-show": 3 } },
      { name: "everybody", size: 10, state: "closed", counts: { waiting: 10 } },
    ])
    expect(report(id).spent.bytes).toBe(10 * 2512)
    const waiting = ids.find((device) => !canaries.includes(device)) ?? ""
    expect(await server.explain(waiting)).toContain("the rollout " + id + " is paused")
    await check(id)

    const back = await rollBackRollout(server.needs, id)
    expect(rolloutById(server.needs, id).rollout.state).toBe("aborted")
    expect(back.rollout.marks.rollbackOf).toBe(id)
    // Only who had begun; the others were never asked.
    expect(Object.keys(states(back.rollout.id)).sort()).toEqual([...canaries].sort())
    await contact(canaries.filter((device) => !bricked.includes(device)))
    await check(back.rollout.id)
    const healthy = canaries.filter((device) => !bricked.includes(device))
    expect(healthy.map((device) => server.device(device).running.version)).toEqual(healthy.map(() => "1"))
    expect(await server.explain(bricked[0] ?? "")).toContain("stands for release 1")
  })

  it("goes back by itself where the plan says so, and says of a device why it cannot", async () => {
    await motes(4)
    const first = await server.publish("1", "PROG001")
    const file = `releases: ${first}\nsilence: 2h\non-trouble: roll-back\nphases: [{name: canary, count: 2, no-show-at-most: 0}]`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    const canaries = Object.entries(states(id)).flatMap(([device, state]) => (state === "offered" ? [device] : []))
    await contact(canaries.slice(0, 1), canaries)
    for (let passed = 0; passed < 4; passed++) await server.pass(hour)
    expect(rolloutById(server.needs, id).rollout.state).toBe("aborted")
    const back = [...server.needs.live.rollouts.values()].find(({ rollout }) => rollout.marks.rollbackOf === id)
    // Nobody knew what it ran before.
    expect(back?.states).toEqual(new Map([[canaries[0], "failed"]]))
    expect(await server.explain(canaries[0] ?? "")).toContain("Nobody knows what it ran before")
  })

  it("tries again as the plan says, each try an update of its own", async () => {
    await motes(1)
    const file = `releases: ${await server.publish("1")}\nsilence: 2h\nretries: {times: 1, after: 3h}\nguards: {success-at-least: 0, no-show-at-most: 100}`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    for (let passed = 0; passed < 3; passed++) await server.pass(hour)
    expect(states(id)).toEqual({ m0: "no-show" })
    expect(await server.explain("m0")).toContain("the next may begin at")
    expect(rolloutById(server.needs, id).rollout.state).toBe("running")
    await server.restart()
    for (let passed = 0; passed < 4; passed++) await server.pass(hour)
    expect(states(id)).toEqual({ m0: "offered" })
    expect(
      (await server.store.updatesOfRollout(id)).map(({ place }) => place.tryNumber).toSorted((a, b) => a - b),
    ).toEqual([1, 2])
    await check(id)
    await contact(["m0"])
    await server.pass(1000)
    expect(rolloutById(server.needs, id).rollout.state).toBe("succeeded")
  })

  it("offers inside the window alone, by the device's own clock, also to who was offered before it closed", async () => {
    await motes(1)
    server.clock.wall = Date.UTC(2026, 6, 3, 12)
    const file = `releases: ${await server.publish("1")}\nwindows: {time-zone: UTC, hours: 20:00-22:00}`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    expect(await isOffered("m0")).toBe(false)
    expect(await server.explain("m0")).toContain("maintenance window is closed until 2026-07-03 20:00 UTC")
    await server.pass(8 * hour)
    expect(states(id)).toEqual({ m0: "offered" })
    await server.pass(2 * hour)
    expect(await isOffered("m0")).toBe(false)
    await server.pass(22 * hour)
    await contact(["m0"])
    await server.pass(1000)
    expect(rolloutById(server.needs, id).rollout.state).toBe("succeeded")
  })

  it("keeps to its pace and to the most under way, and goes on by itself", async () => {
    const ids = await motes(6)
    const file = `releases: ${await server.publish("1")}\npace: 2/h\nmax-in-flight: 2`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    const offered = (): number => Object.values(states(id)).filter((state) => state === "offered").length
    expect(offered()).toBe(1)
    await server.pass(hour / 2)
    expect(offered()).toBe(2)
    await server.pass(hour)
    expect(offered()).toBe(2)
    await contact(ids)
    await server.pass(1000)
    expect(Object.values(states(id)).filter((state) => state === "succeeded")).toHaveLength(2)
    expect(offered()).toBe(2)
    await check(id)
  })

  it("waits for approval and at a gate, and says so", async () => {
    await motes(2)
    const file = `releases: ${await server.publish("1")}\napproval: required\nphases: [{count: 1, gate: manual}]`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    expect(report(id).explain).toContain("somebody else has to approve it")
    await expect(approveRollout(server.needs, id).then(() => report(id).explain)).resolves.toContain("open its gate")
    await openGate(server.needs, id)
    expect(Object.values(states(id)).sort()).toEqual(["offered", "waiting"])
    await expect(openGate(server.needs, id)).rejects.toThrow("waits at no gate")
    await expect(approveRollout(server.needs, id)).rejects.toThrow("waits for no approval")
  })

  it("pauses when its budget is spent, and never takes more than that and one transfer", async () => {
    const ids = await motes(5)
    const file = `releases: ${await server.publish("1")}\nbudget: {bytes: 6000}`
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    expect(Object.values(states(id)).filter((state) => state === "offered")).toHaveLength(2)
    await contact(ids)
    await server.pass(1000)
    expect(rolloutById(server.needs, id).rollout.state).toBe("paused")
    expect(report(id).spent.bytes).toBe(5024)
    expect(report(id).explain).toContain("5024 of 6000 bytes")
  })

  it("offers a device nothing more on a day when its own cap is spent", async () => {
    await motes(1)
    const file = `releases: ${await server.publish("1")}\nbudget: {per-device-and-day: {bytes: 1000}}`
    await startPlan(server.needs, plan(file))
    await fetchProgram(server, "m0", await poll(server, "m0"), 1200)
    expect(await isOffered("m0")).toBe(false)
    await server.pass(24 * hour)
    expect(await isOffered("m0")).toBe(true)
  })

  it("begins nothing on a day that has no room for the whole, and says until when", async () => {
    await motes(1)
    const file = `releases: ${await server.publish("1")}\nbudget: {per-device-and-day: {bytes: 3000}}`
    await startPlan(server.needs, plan(file))
    await fetchProgram(server, "m0", await poll(server, "m0"), 1200)
    // The one that was cut goes on; another would be more than a day's.
    expect(await isOffered("m0")).toBe(true)
    await fetchProgram(server, "m0", await poll(server, "m0"), 1200)
    const update = server.update("m0")
    if (update === null) throw new Error("m0 has no update")
    const offered = { ...update, progress: { ...update.progress, state: "offered" as const } }
    expect(server.needs.live.isHeldNow(offered)).toBe(true)
    expect(explainUpdate(server.needs, offered)).toContain(
      "today, which is what the plan allows it: it gets nothing before",
    )
    await server.pass(24 * hour)
    expect(server.needs.live.isHeldNow(offered)).toBe(false)
  })

  it("pauses when a SIM plan's own cap has no room, keeps back what its devices may take, and offers others meanwhile", async () => {
    for (const [id, sim] of [
      ["a1", "a"],
      ["a2", "a"],
      ["a3", "a"],
      ["b1", "b"],
    ] as const) {
      const labels = { sim }
      await addDevice(server.needs, { id, family: "waspmote", model: "4g", password: "secret", labels })
    }
    const tariffs = "tariffs: {label: sim, plans: {a: {bytes: 6000, per-MB: 1}, b: {per-MB: 2}}}"
    const file = `releases: ${await server.publish("1")}\nbudget: {${tariffs}}`
    const costs = await previewCosts(server.needs, plan(file))
    expect(costs).toEqual({
      phases: [
        { name: "everybody", devices: 4, alreadyThere: 0, impossible: 0, bytes: 10_048, sms: 0, money: 0.01256 },
      ],
      total: { bytes: 10_048, sms: 0, money: 0.01256 },
      withoutTariff: 0,
      exceeds: "SIM plan a: the whole takes 7536 of 6000 bytes.",
    })
    const { id } = (await startPlan(server.needs, plan(file))).rollout
    const tally = rolloutById(server.needs, id).book.simPlans["a"]
    expect((tally?.reserved.bytes ?? 0) + (tally?.spent.bytes ?? 0)).toBeLessThanOrEqual(6000)
    for (let round = 0; round < 3; round++) {
      await contact(["a1", "a2", "a3", "b1"])
      await server.pass(1000)
    }
    expect(report(id).explain).toContain(
      "SIM plan a: it has spent 5024 of 6000 bytes, and the next device may take 2512",
    )
    expect(Object.values(states(id)).filter((state) => state === "succeeded").length).toBeLessThan(4)
    await check(id)
    await server.restart()
    expect(rolloutById(server.needs, id).book.simPlans).toEqual(
      recounted(server.needs.live, rolloutById(server.needs, id).rollout, await server.store.updatesOfRollout(id)).book
        .simPlans,
    )
  })

  it("leaves a device to a rollout of a higher priority, and takes it from an equal one", async () => {
    await motes(1)
    const [one, two] = [await server.publish("1", "PROG001"), await server.publish("2", "PROG002")]
    const urgent = (await startPlan(server.needs, plan(`releases: ${one}\npriority: 5`))).rollout.id
    await expect(startPlan(server.needs, plan(`releases: ${two}\npriority: 4`))).rejects.toThrow("higher priority")
    const newer = (await startPlan(server.needs, plan(`releases: ${two}\npriority: 5`))).rollout.id
    expect([states(urgent), states(newer)]).toEqual([{ m0: "superseded" }, { m0: "offered" }])
  })

  it("is steered by hand: pause takes effect at the next contact, resume forgives, abort ends", async () => {
    const ids = await motes(3)
    const { id } = (await startPlan(server.needs, plan(`releases: ${await server.publish("1")}\nphases: [{count: 1}]`)))
      .rollout
    await pauseRollout(server.needs, id)
    for (const device of ids) expect(await isOffered(device)).toBe(false)
    await resumeRollout(server.needs, id)
    const offers = await Promise.all(ids.map(isOffered))
    expect(offers.filter(Boolean)).toHaveLength(1)
    await abortRollout(server.needs, id)
    expect(new Set(Object.values(states(id)))).toEqual(new Set(["cancelled"]))
    await check(id)
  })
})
