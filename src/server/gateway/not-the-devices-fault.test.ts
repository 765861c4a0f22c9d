import { expect, it } from "vitest"
import { fetchProgram, poll, Rehearsal, retrieve } from "./rehearsal.testing.ts"

it("an image that the server cannot read is named, pauses its rollout, and is held against no device", async () => {
  const server = await Rehearsal.start()
  await server.addMote("m1")
  await server.addMote("m2")
  const release = await server.publish("7")
  const rollout = await server.rollOut(release)
  const sha256 = server.update("m1")?.image?.sha256 ?? ""
  server.images.damaged.add(sha256)
  for (let contact = 0; contact < 8; contact++) {
    for (const id of ["m1", "m2"]) {
      const notice = await poll(server, id)
      if (notice.includes("FILE:PROG001")) await expect(fetchProgram(server, id, notice)).rejects.toThrow(sha256)
    }
    await server.pass(1_800_000)
  }
  expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("paused")
  const named = server.heard.filter(({ kind }) => kind === "release.unreadable")
  expect(named).toHaveLength(1)
  expect(named[0]).toMatchObject({ releaseId: release, rolloutId: rollout, deviceId: "m1", data: { image: sha256 } })
  expect([server.update("m1"), server.update("m2")].map((update) => update?.progress.state)).toEqual([
    "offered",
    "offered",
  ])
})

it("a device whose data connections somebody at its own address takes is told of once, and never said to have declined", async () => {
  const server = await Rehearsal.start()
  await server.addMote("m1")
  await server.rollOut(await server.publish("7"))
  for (let contact = 0; contact < 12; contact++) {
    const view = server.login("m1")
    await retrieve(view, "/UPGRADE.TXT")
    // It never gets as far as asking for the program: its data connection is refused.
    view.contested?.()
    view.close()
    await server.pass(200_000)
  }
  expect(server.update("m1")?.progress.state).toBe("offered")
  const told = server.heard.filter(({ kind }) => kind === "device.data-contested")
  expect(told).toHaveLength(1)
  await server.pass(3_600_000)
  const view = server.login("m1")
  view.contested?.()
  const lastTold = () => server.heard.findLast(({ kind }) => kind === "device.data-contested")?.sentence
  await expect.poll(lastTold).toContain("11 more times")
})
