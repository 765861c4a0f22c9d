import { beforeEach, describe, expect, it } from "vitest"
import { fetchProgram, poll, Rehearsal } from "../gateway/rehearsal.testing.ts"
import { setChannel } from "./set-channel.ts"
import { abortRollout, pauseRollout, resumeRollout, withdrawRelease } from "./steer-rollout.ts"

let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
  await server.addMote("m1")
})

const told = (kind: string) => server.heard.filter((event) => event.kind === kind)

describe("a release that is withdrawn", () => {
  it("is on no channel any more, and other releases stay on theirs", async () => {
    const [gone, other] = [await server.publish("1"), await server.publish("2", "PROG002")]
    await setChannel(server.needs, { name: "old", releaseId: gone, password: "secret" })
    await setChannel(server.needs, { name: "new", releaseId: other, password: "secret" })
    server.clock.pass(5)
    await withdrawRelease(server.needs, gone)
    const channel = (name: string) => server.needs.live.channels.get(name)?.channel
    expect(channel("old")).toMatchObject({ releaseId: null, offer: null, image: null, changedAt: server.clock.now() })
    expect(channel("new")?.releaseId).toBe(other)
    expect(await poll(server, "old")).not.toContain("PROG001")
    expect(await poll(server, "new")).toContain("PROG002")
  })

  it("ends the updates to it and the rollout with them, once", async () => {
    const release = await server.publish("1")
    const rollout = await server.rollOut(release)
    await withdrawRelease(server.needs, release)
    await withdrawRelease(server.needs, release)
    expect(told("release.withdrawn")).toHaveLength(1)
    expect(told("rollout.updates-cancelled")).toHaveLength(1)
    expect((await server.stored("m1"))?.progress.state).toBe("cancelled")
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("failed")
    await expect(server.rollOut(release)).rejects.toMatchObject({ code: "release-withdrawn" })
  })
})

describe("a rollout", () => {
  it("is paused and resumed once, however often that is said", async () => {
    const rollout = await server.rollOut(await server.publish("1"))
    for (let times = 0; times < 2; times++) await pauseRollout(server.needs, rollout, "lunch")
    expect(server.needs.live.rollouts.get(rollout)?.rollout.marks.reason).toBe("lunch")
    expect(await poll(server, "m1")).not.toContain("PROG001")
    for (let times = 0; times < 2; times++) await resumeRollout(server.needs, rollout)
    expect(server.needs.live.rollouts.get(rollout)?.rollout.marks.reason).toBeNull()
    expect([told("rollout.paused"), told("rollout.resumed")].map(({ length }) => length)).toEqual([1, 1])
    expect(await poll(server, "m1")).toContain("PROG001")
  })

  it("lets a device that has begun finish while it is paused", async () => {
    const rollout = await server.rollOut(await server.publish("1"))
    const notice = await poll(server, "m1")
    await fetchProgram(server, "m1", notice, 900)
    await pauseRollout(server.needs, rollout)
    expect(await fetchProgram(server, "m1", notice)).toHaveLength(2512)
  })

  it("that is over is steered no more, and says how it ended", async () => {
    const rollout = await server.rollOut(await server.publish("1"))
    await abortRollout(server.needs, rollout, "wrong program")
    expect(told("rollout.aborted").map(({ sentence }) => sentence)).toEqual([
      `The rollout ${rollout} was aborted: wrong program.`,
    ])
    for (const steer of [pauseRollout, resumeRollout, abortRollout]) {
      await expect(steer(server.needs, rollout)).rejects.toMatchObject({ code: "rollout-over" })
    }
  })

  it("aborted at the same moment twice ends once", async () => {
    const rollout = await server.rollOut(await server.publish("1"))
    await Promise.allSettled([abortRollout(server.needs, rollout), abortRollout(server.needs, rollout)])
    expect(told("rollout.aborted")).toHaveLength(1)
  })
})
