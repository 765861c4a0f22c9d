import { expect, it } from "vitest"
import { fetchProgram, poll, Rehearsal } from "./rehearsal.testing.ts"

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
