import { beforeEach, expect, it } from "vitest"
import { replaceDevice, setDevice } from "../fleet/set-device.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { fetchProgram, poll, quietPoll, Rehearsal, retrieve } from "./rehearsal.testing.ts"

const week = 7 * 86_400_000
let server: Rehearsal

beforeEach(async () => {
  server = await Rehearsal.start()
  await server.addMote("m1")
  await server.rollOut(await server.publish("5"), week)
  await fetchProgram(server, "m1", await poll(server, "m1"))
})

async function pollFrom(peer: string): Promise<void> {
  await server.pass(1_800_000)
  const view = server.login("m1", peer)
  await retrieve(view, "/UPGRADE.TXT")
  view.close()
  await server.pass(1_800_000)
}

it("two devices that seem to share a login are named, and nothing is concluded until the operator says what holds", async () => {
  for (const peer of ["192.0.2.7", "198.51.100.1", "192.0.2.7", "198.51.100.1", "192.0.2.7"]) await pollFrom(peer)
  expect(server.update("m1")?.progress.state).toBe("downloaded")
  expect(server.heard.map(({ kind }) => kind)).toContain("device.doubted")
  expect(await server.explain("m1")).toMatch(/Two devices seem to share this login.*waft device set m1 --single/)
  await setDevice(server.needs, "m1", { single: true })
  expect(await server.explain("m1")).not.toMatch(/share this login/)
  for (let i = 0; i < 5; i++) await quietPoll(server, "m1")
  expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
})

it("an operator sets what a device runs, and that nobody knows it; both are events with their author", async () => {
  for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
  await setDevice(server.needs, "m1", { running: "4" })
  expect(server.device("m1").running).toEqual({ version: "4", evidence: "told" })
  await setDevice(server.needs, "m1", { running: "unknown" })
  expect(server.device("m1").running).toEqual({ version: null, evidence: "unknown" })
  expect(server.heard.at(-1)).toMatchObject({ kind: "device.set", data: { running: "unknown" } })
  expect(await server.explain("m1")).toMatch(/not known/)
  await expect(setDevice(server.needs, "m1", { running: "many" })).rejects.toThrow()
  await expect(setDevice(server.needs, "m1", {})).rejects.toThrow(/say what it runs/)
})

it("another board under the same login: its credentials stay, and it is offered what the old one had", async () => {
  await expect(replaceDevice(server.needs, "m1")).rejects.toThrow(/being updated/)
  for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
  const { access } = server.device("m1")
  const releaseId = server.update("m1")?.releaseId ?? ""
  await replaceDevice(server.needs, "m1")
  expect(server.device("m1")).toMatchObject({
    access,
    familyState: {},
    running: { version: null, evidence: "unknown" },
  })
  expect(await poll(server, "m1")).toMatch(/NO_FILE/)
  await startRollout(server.needs, { releaseIds: [releaseId], group: null, silenceTimeoutMs: week })
  expect(await poll(server, "m1")).toMatch(/PROG001/)
})

it("what was silent after its fetch is still waited for, its rollout over and the server started again", async () => {
  await server.pass(2 * week)
  expect((await server.stored("m1"))?.progress.state).toBe("no-show")
  const rollout = server.update("m1")?.rolloutId ?? ""
  expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("failed")
  await server.restart()
  for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
  expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "concluded" })
})

it("an image that cannot be read, and a contested transfer, forget nothing of what the device may have", async () => {
  const { image } = server.update("m1") ?? {}
  server.images.damaged.add(image?.sha256 ?? "")
  await expect(fetchProgram(server, "m1", await poll(server, "m1"))).rejects.toThrow()
  expect(server.update("m1")?.pull).toMatchObject({ grounds: "whole", contact: null })
  server.login("m1").contested?.()
  await server.needs.live.devices.get("m1")?.lock.freed
  expect(server.update("m1")?.pull).toMatchObject({ grounds: "unseen", quiet: 0 })
})
