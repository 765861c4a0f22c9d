import { beforeEach, describe, expect, it } from "vitest"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { rehearsePlan, type RehearsalOrder } from "../src/server/fleet/rehearse-rollout.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { rolloutById } from "../src/server/fleet/find-rollout.ts"
import { saveContacts } from "../src/server/fleet/watch-time.ts"
import { fetchProgram, poll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"

const hour = 3_600_000
let server: Rehearsal
const ids = Array.from({ length: 12 }, (_, i) => `m${i}`)

beforeEach(async () => {
  server = await Rehearsal.start()
  for (const id of ids) await server.addMote(id)
})

function orderOf(text: string, more: Partial<RehearsalOrder> = {}): RehearsalOrder {
  const parsed = parsePlanFile(text)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  const odds = { cut: 0, failure: 0, silence: 0 }
  return { plan: parsed.plan, seeds: 3, horizonMs: 72 * hour, odds, rhythmMs: 2 * hour, ...more }
}

const rehearsed = (order: RehearsalOrder) => {
  const { clock } = server
  clock.breaths = 0
  return rehearsePlan(server.needs, order).then((report) => ({ report, breaths: clock.breaths }))
}

describe("a rehearsal of a plan", () => {
  it("foretells what then comes, is stored with the plan, and changes nothing", async () => {
    const order = orderOf(`releases: ${await server.publish("1")}\nphases: [{count: 3}]`)
    const before = server.store.commits
    const { report } = await rehearsed(order)
    expect(server.store.commits).toBe(before)
    expect(report).toMatchObject({
      devices: 12,
      known: 0,
      typical: { end: "succeeded", succeeded: 12, bytes: 12 * 2512 },
    })
    expect(report.all).toHaveLength(3)

    const { id } = (await startPlan(server.needs, order.plan)).rollout
    for (let round = 0; round < 8 && rolloutById(server.needs, id).rollout.state === "running"; round++) {
      for (const device of ids) {
        const notice = await poll(server, device)
        if (/^FILE:(?!NO_FILE)/m.test(notice) && server.update(device)?.progress.state === "offered") {
          await fetchProgram(server, device, notice)
        }
      }
      await server.pass(2 * hour)
    }
    await server.restart()
    const { rollout } = rolloutById(server.needs, id)
    expect(rollout.state).toBe("succeeded")
    expect(rollout.marks.prediction).toMatchObject({ succeeded: 12, failed: 0, noShow: 0, bytes: 12 * 2512 })
    const real = (rollout.endedAt ?? 0) - rollout.startedAt
    expect(report.typical.durationMs).toBeGreaterThan(real / 3)
    expect(report.typical.durationMs).toBeLessThan(real * 3)
  })

  it("learns each device's own rhythm, keeps it over a restart, and says when the next contact is due", async () => {
    for (let day = 0; day < 5; day++) {
      await poll(server, "m0")
      await server.pass(24 * hour)
    }
    await poll(server, "m0")
    await saveContacts(server.needs)
    await server.restart()
    expect(await server.explain("m0")).toMatch(/is expected about \d{4}-\d\d-\d\d \d\d:\d\d UTC, within/)
    const { report } = await rehearsed(orderOf(`releases: ${await server.publish("1")}`))
    expect(report.known).toBe(1)
    // It comes once a day: nobody can be through before it has come twice.
    expect(report.typical.durationMs).toBeGreaterThan(22 * hour)
  })

  it("takes the odds from the last rollouts where nobody says them, and lets others have their turn", async () => {
    const order = orderOf(`releases: ${await server.publish("1")}`, { odds: {} })
    const { report, breaths } = await rehearsed(order)
    expect(report.odds).toEqual({ cut: 0.02, failure: 0.01, silence: 0.005 })
    expect(breaths).toBeGreaterThanOrEqual(0)
  })
})
