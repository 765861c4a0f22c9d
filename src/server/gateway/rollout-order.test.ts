import { beforeEach, describe, expect, it } from "vitest"
import { poll, Rehearsal } from "./rehearsal.testing.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
  await server.addMote("m1")
})

describe("rollouts", () => {
  it("follow one another in the order in which they were started, though the date went back a month in between", async () => {
    server.clock.wall += 30 * 86_400_000
    const early = await server.rollOut(await server.publish("1", "PROG001"))
    expect(await poll(server, "m1")).toMatch(/^VERSION:1\r?$/m)
    server.clock.wall -= 30 * 86_400_000
    const late = await server.rollOut(await server.publish("2", "PROG002"))
    expect(server.update("m1")).toMatchObject({ rolloutId: late, progress: { state: "offered" } })
    expect(await poll(server, "m1")).toMatch(/^VERSION:2\r?$/m)
    expect(server.needs.live.rollouts.get(early)?.states.get("m1")).toBe("superseded")
    await server.restart()
    expect(server.update("m1")).toMatchObject({ rolloutId: late, progress: { state: "offered" } })
    expect([...server.needs.live.rollouts.values()].map(({ rollout }) => rollout.number)).toEqual([1, 2])
  })

  it("are numbered on after a restart, and two that are started at once have two numbers", async () => {
    const first = await server.publish("1", "PROG001")
    await server.rollOut(first)
    await server.restart()
    await server.addMote("m2")
    await Promise.all([server.rollOut(first), server.rollOut(await server.publish("2", "PROG002"))])
    const numbers = [...server.needs.live.rollouts.values()].map(({ rollout }) => rollout.number)
    expect(new Set(numbers)).toEqual(new Set([1, 2, 3]))
  })
})
