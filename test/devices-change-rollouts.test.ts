import { beforeEach, describe, expect, it } from "vitest"
import { noGuards, type RolloutPlan, simplePlan } from "../src/core/domain/plan.ts"
import { parsePlanFile } from "../src/core/rollout/plan-file.ts"
import { rolloutById } from "../src/server/fleet/find-rollout.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { retryFailed } from "../src/server/fleet/retry-failed.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { abortRollout } from "../src/server/fleet/steer-rollout.ts"
import { takenFrom } from "../src/server/fleet/take-over.ts"
import { fetchProgram, poll, quietPoll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"

let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
  for (const id of ["m1", "m2", "m3"]) await server.addMote(id)
})

const hour = 3_600_000
const planOf = (release: string, group: string | null, more: Partial<RolloutPlan> = {}): RolloutPlan => ({
  ...simplePlan({ releases: [release], group, silenceMs: 24 * hour }),
  ...more,
})
const states = (id: string): Record<string, string> => Object.fromEntries(rolloutById(server.needs, id).states)
const stateOf = (id: string): string => rolloutById(server.needs, id).rollout.state

async function succeed(id: string): Promise<void> {
  await fetchProgram(server, id, await poll(server, id))
  for (let polls = 0; polls < 3; polls++) await quietPoll(server, id)
}

describe("a device that another rollout wants", () => {
  it("is taken only where somebody said so, and told is how many from which", async () => {
    const [one, two] = [await server.publish("2", "PROG002"), await server.publish("3", "PROG003")]
    const first = (await startPlan(server.needs, planOf(one, "id in (m1, m2)"))).rollout.id
    const wish = planOf(two, null)
    await expect(startPlan(server.needs, wish, { mayTakeOver: false })).rejects.toThrow(
      `2 of these devices are in other rollouts (2 in ${first}), and nothing was started; --take-over takes them from there.`,
    )
    expect([...server.needs.live.rollouts.keys()]).toEqual([first])
    const second = (await startPlan(server.needs, wish, { mayTakeOver: true })).rollout.id
    expect(states(second)).toEqual({ m1: "offered", m2: "offered", m3: "offered" })
    await expectRebuilt(server.needs)
  })

  it("is nobody's loss when its rollout is of a higher priority, is paused for good, or is over", async () => {
    const [one, two] = [await server.publish("2", "PROG002"), await server.publish("3", "PROG003")]
    const first = (await startPlan(server.needs, planOf(one, "id=m1", { priority: 5 }))).rollout.id
    const m1 = [{ device: { id: "m1" } }]
    expect(takenFrom(server.needs, m1, 0)).toEqual(new Map())
    expect(takenFrom(server.needs, m1, 5)).toEqual(new Map([[first, 1]]))
    await abortRollout(server.needs, first)
    expect(takenFrom(server.needs, m1, 5)).toEqual(new Map())
    await startPlan(server.needs, planOf(two, null), { mayTakeOver: false })
  })

  it("leaves a rollout that is superseded when nothing is left in it, also beside successes", async () => {
    const [one, two] = [await server.publish("2", "PROG002"), await server.publish("3", "PROG003")]
    const first = (await startPlan(server.needs, planOf(one, null))).rollout.id
    await succeed("m1")
    await startPlan(server.needs, planOf(two, "id in (m2, m3)"))
    expect(stateOf(first)).toBe("superseded")
    expect(states(first)).toEqual({ m1: "succeeded", m2: "superseded", m3: "superseded" })
    expect(server.heard.at(-1)?.kind).not.toBe("rollout.failed")
    expect(server.heard.find(({ kind }) => kind === "rollout.superseded")?.sentence).toBe(
      `The rollout ${first} was superseded: 1 succeeded, 2 superseded.`,
    )
    await server.restart()
    expect(stateOf(first)).toBe("superseded")
    await expect(retryFailed(server.needs, first)).rejects.toThrow("is over (superseded) and cannot be tried again")
  })
})

describe("retry-failed", () => {
  it("lets those that failed or fell silent try again, each try an update of its own, and pardons them", async () => {
    const release = await server.publish("2", "PROG002")
    const parsed = parsePlanFile(`releases: ${release}\nsilence: 1d\nguards: {no-show-at-most: 40, minimum-sample: 3}`)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
    const { id } = (await startPlan(server.needs, parsed.plan)).rollout
    await succeed("m1")
    await server.pass(25 * hour)
    expect(states(id)).toEqual({ m1: "succeeded", m2: "no-show", m3: "no-show" })
    expect(stateOf(id)).toBe("failed")
    await retryFailed(server.needs, id)
    // The guards have not forgotten, but forgiven: two of three were too many.
    expect(stateOf(id)).toBe("running")
    expect(states(id)).toEqual({ m1: "succeeded", m2: "offered", m3: "offered" })
    expect(server.update("m2")).toMatchObject({ id: `${id}/m2/2`, place: { tryNumber: 2, lastEnd: "no-show" } })
    await expectRebuilt(server.needs)
    await server.restart()
    for (const mote of ["m2", "m3"]) await succeed(mote)
    expect(stateOf(id)).toBe("succeeded")
    await expect(retryFailed(server.needs, id)).rejects.toMatchObject({ code: "nothing-to-retry" })
  })

  it("survives a crash before the new try is offered, and touches no device that a later rollout has", async () => {
    const [one, two] = [await server.publish("2", "PROG002"), await server.publish("3", "PROG003")]
    const phases = simplePlan({ releases: [], group: null }).phases.map((phase) => ({ ...phase, guards: noGuards }))
    const { id } = (await startPlan(server.needs, planOf(one, null, { phases }))).rollout
    await server.pass(25 * hour)
    expect(stateOf(id)).toBe("failed")
    await startPlan(server.needs, planOf(two, "id=m3"))
    // The disk fails at the offers, after the wish itself is durable.
    server.store.failAt = server.store.calls + 2
    await expect(retryFailed(server.needs, id)).rejects.toThrow("the disk is full")
    server.store.failAt = 0
    await server.restart()
    expect(states(id)).toMatchObject({ m1: "offered", m2: "offered" })
    expect(server.update("m3")?.rolloutId).not.toBe(id)
    await expectRebuilt(server.needs)
  })
})
