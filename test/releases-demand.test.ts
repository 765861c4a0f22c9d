import { beforeEach, describe, expect, it } from "vitest"
import { simplePlan } from "../src/core/domain/plan.ts"
import { familyById } from "../src/core/families/index.ts"
import { fetchProgram, poll, quietPoll, Rehearsal } from "../src/server/gateway/rehearsal.testing.ts"
import { addDevice } from "../src/server/fleet/add-device.ts"
import { sayRunning } from "../src/server/fleet/ask-for-work.ts"
import { expectRebuilt } from "../src/server/fleet/ledger/rebuilt.testing.ts"
import { planRollout } from "../src/server/fleet/plan-rollout.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { rehearsePlan } from "../src/server/fleet/rehearse-rollout.ts"
import { deviceById } from "../src/server/fleet/remove-device.ts"
import { setDevice } from "../src/server/fleet/set-device.ts"
import { setRules } from "../src/server/fleet/set-rules.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"

let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
})

const mote = (id: string, running?: string, labels: Record<string, string> = {}, model = "4g") =>
  addDevice(server.needs, {
    id,
    family: "waspmote",
    model,
    labels,
    password: "secret",
    ...(running === undefined ? {} : { running }),
  })

const start = (release: string, more: { readonly allowsDowngrade?: boolean } = {}) =>
  startPlan(server.needs, { ...simplePlan({ releases: [release], group: null }), allowsDowngrade: false, ...more })

/** What a rollout would do with each device. */
const planned = async (wish: Parameters<typeof planRollout>[1]) => (await planRollout(server.needs, wish)).rows

const sentence = (id: string): string => server.needs.live.devices.get(id)?.update?.progress.sentence ?? ""

describe("a release's rules", () => {
  it("let only devices from the floor up take it, none of a forbidden pair, and say why to each other one", async () => {
    for (const version of ["2", "3", "4", "5"]) await mote(`m${version}`, version)
    const release = await server.publish("6", "PROG006")
    await setRules(server.needs, release, { floor: "3", forbidden: ["4"] })
    const { states } = await start(release)
    expect(Object.fromEntries(states)).toEqual({ m2: "failed", m3: "offered", m4: "failed", m5: "offered" })
    expect(sentence("m2")).toBe("Version 6 is for devices from version 3 up, and it runs 2; bring it to 3 first.")
    expect(sentence("m4")).toContain("must not be installed over version 4")
    await expectRebuilt(server.needs)
    await server.restart()
    expect(server.needs.live.releases.get(release)?.rules).toMatchObject({ floor: "3", forbidden: ["4"] })
  })

  it("hold a device of which nobody knows what it runs, until somebody says it", async () => {
    await mote("m1")
    const release = await server.publish("6", "PROG006")
    await setRules(server.needs, release, { floor: "3" })
    const { states } = await start(release)
    expect(states.get("m1")).toBe("waiting")
    expect(sentence("m1")).toContain("nobody knows what it runs; `waft device set --running` says so")
    await setDevice(server.needs, "m1", { running: "5" })
    await server.pass(1000)
    expect(states.get("m1")).toBe("offered")
  })

  it("leave older versions out unless the plan permits a downgrade", async () => {
    await mote("m7", "7")
    const release = await server.publish("6", "PROG006")
    const [row] = await planned({ releaseIds: [release], group: null, allowsDowngrade: false })
    expect(row).toMatchObject({ outcome: "impossible", sentence: expect.stringContaining("--allow-downgrade") })
    expect((await start(release)).states.get("m7")).toBe("failed")
    expect((await start(release, { allowsDowngrade: true })).states.get("m7")).toBe("offered")
  })

  it("are refused where nobody could keep them", async () => {
    const release = await server.publish("6", "PROG006")
    await expect(setRules(server.needs, release, { floor: "7" })).rejects.toThrow("nobody could reach it")
    await expect(setRules(server.needs, release, { forbidden: ["six"] })).rejects.toMatchObject({ code: "bad-version" })
    await expect(setRules(server.needs, "r-none", { floor: "1" })).rejects.toMatchObject({ code: "no-such-release" })
    expect(server.needs.live.releases.get(release)?.rules).toBeUndefined()
  })

  it("lead a module around a forbidden package where there is another way, and say so where there is none", async () => {
    const versions = ["AG35CEV11", "AG35CEV12", "AG35CEV13"] as const
    const [v11, v12, v13] = versions
    const publish = async (from: string, to: string) => {
      const made = familyById("quectel")?.imageTool?.invent?.({ version: to, from, size: "9000" })
      if (made?.ok !== true) throw new Error(JSON.stringify(made))
      const upload = { fileName: "a.pkg", bytes: made.bytes, version: to, models: ["AG35"], options: { from } }
      return (await publishRelease(server.needs, "quectel", upload)).id
    }
    await addDevice(server.needs, { id: "g1", family: "quectel", model: "AG35", running: v11 })
    const direct = await publish(v11, v13)
    await setRules(server.needs, direct, { forbidden: [v11] })
    const wish = { releaseIds: [direct], group: null }
    const [before] = await planned(wish)
    expect(before?.sentence).toContain(`must not be installed over version ${v11}`)
    const first = await publish(v11, v12)
    await publish(v12, v13)
    await start(direct)
    await sayRunning(server.needs, deviceById(server.needs, "g1"), v11)
    expect(server.needs.live.devices.get("g1")?.update?.packageId).toBe(first)
  })

  it("demand a success on a virtual device of each model before anybody else gets it", async () => {
    await mote("real-4g", "1")
    await mote("real-3g", "1", {}, "3g")
    const release = await server.publish("6", "PROG006")
    await setRules(server.needs, release, { mustBeRehearsed: true })
    await expect(start(release)).rejects.toThrow("has not on 3g, 4g; `waft virtual swarm --family waspmote` adds some")
    const rows = await planned({ releaseIds: [release], group: "id=real-4g" })
    expect(rows[0]).toMatchObject({ outcome: "impossible", sentence: expect.stringContaining("has not on 4g") })
    await mote("soft-4g", "6", { virtual: "yes" })
    // What the operator says of it is no success: it has to get there.
    const soft = await startPlan(server.needs, simplePlan({ releases: [release], group: "id=soft-4g" }))
    await expect(start(release)).rejects.toMatchObject({ code: "not-rehearsed" })
    await fetchProgram(server, "soft-4g", await poll(server, "soft-4g"))
    for (let polls = 0; polls < 3; polls++) await quietPoll(server, "soft-4g")
    expect(soft.states.get("soft-4g")).toBe("succeeded")
    await expect(start(release)).rejects.toThrow("has not on 3g;")
    await startPlan(server.needs, simplePlan({ releases: [release], group: "model=4g" }))
    expect(server.needs.live.devices.get("real-4g")?.update?.progress.state).toBe("offered")
  })

  it("count in a rehearsal", async () => {
    await mote("m2", "2")
    await mote("m5", "5")
    const release = await server.publish("6", "PROG006")
    await setRules(server.needs, release, { floor: "3" })
    const plan = simplePlan({ releases: [release], group: null })
    const order = { plan, seeds: 1, horizonMs: 864e5, rhythmMs: 36e5, odds: { cut: 0, failure: 0, silence: 0 } }
    expect((await rehearsePlan(server.needs, order)).typical).toMatchObject({ succeeded: 1, failed: 1 })
  })
})
