import { isMove } from "../../core/domain/events/move.ts"
import { beforeEach, describe, expect, it } from "vitest"
import { abortRollout, pauseRollout, resumeRollout, withdrawRelease } from "../fleet/steer-rollout.ts"
import { startRollout } from "../fleet/start-rollout.ts"
import { setChannel } from "../fleet/set-channel.ts"
import { fetchProgram, poll, quietPoll, Rehearsal, retrieve } from "./rehearsal.testing.ts"

let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
})

const noFile = "FILE:NO_FILE\nPATH:\nSIZE:\nVERSION:\n"
const offer = (version: number, name = "PROG001"): string => `FILE:${name}\nPATH:/\nSIZE:2512\nVERSION:${version}\n`

const week = 7 * 86_400_000

/** A mote that has been offered version 5 and has fetched it whole. */
async function downloaded(model = "4g"): Promise<{ readonly rollout: string; readonly notice: string }> {
  await server.addMote("m1", model)
  const rollout = await server.rollOut(await server.publish("5"), week)
  const notice = await poll(server, "m1")
  await fetchProgram(server, "m1", notice)
  return { rollout, notice }
}

describe("a mote's login", () => {
  it("reads NO_FILE while nothing is planned, and the offer once a rollout has come to it", async () => {
    await server.addMote("m1")
    expect(await poll(server, "m1")).toBe(noFile)
    await server.rollOut(await server.publish("5"))
    expect(await poll(server, "m1")).toBe(offer(5))
    expect(server.update("m1")?.progress.state).toBe("offered")
  })

  it("is refused with a wrong password, and sees nothing of another login", async () => {
    await server.addMote("m1")
    await server.addMote("m2")
    const release = await server.publish("5")
    await server.rollOut(release)
    const gateway = server.login("m1")
    expect(gateway.find("/../m2/UPGRADE.TXT")).toBeNull()
    expect(gateway.find("/m2")).toBeNull()
    expect(() => server.login("nobody")).toThrow()
  })

  it("finds the same files under .gprs, and only one level of it", async () => {
    await downloaded()
    const view = server.login("m1")
    expect(view.find("/.gprs/PROG001")?.kind).toBe("file")
    expect(view.find("/.gprs")?.kind).toBe("directory")
    expect(view.find("/.gprs/.gprs/PROG001")).toBeNull()
  })

  it("gives the program whole, byte for byte", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"))
    const bytes = await fetchProgram(server, "m1", await poll(server, "m1"))
    expect(bytes).toHaveLength(2512)
    expect(new TextDecoder().decode(bytes.subarray(32, 39))).toBe("PROG001")
  })
})

describe("what a mote does next", () => {
  it("concludes success at the third quiet poll, and goes on offering what it concluded", async () => {
    const { rollout } = await downloaded()
    await quietPoll(server, "m1")
    expect(server.device("m1").running.evidence).toBe("unknown")
    expect((await server.stored("m1"))?.progress.sentence).toMatch(/1 of 3 quiet polls/)
    await quietPoll(server, "m1")
    expect((await server.stored("m1"))?.progress.sentence).toMatch(/2 of 3 quiet polls; the next decides/)
    await quietPoll(server, "m1")
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "concluded" })
    expect(server.device("m1").running).toEqual({ version: "5", evidence: "concluded" })
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("succeeded")
    expect(await poll(server, "m1")).toBe(offer(5))
  })

  it("counts reads inside one contact once", async () => {
    await downloaded()
    await server.pass(3_600_000)
    for (let i = 0; i < 6; i++) await poll(server, "m1")
    await server.pass(600_000)
    expect(server.update("m1")?.pull.quiet).toBe(1)
  })

  it("settles a poll at the end of the session for a modem that does all in one", async () => {
    await downloaded("wifi-pro")
    for (let i = 0; i < 3; i++) {
      await server.pass(3_600_000)
      await poll(server, "m1")
      await server.needs.live.devices.get("m1")?.lock.freed
    }
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
  })

  it("tells a failed install by the next fetch after another poll, and breaks the loop after four", async () => {
    const { rollout } = await downloaded()
    for (let i = 2; i <= 5; i++) {
      await server.pass(3_600_000)
      await fetchProgram(server, "m1", await poll(server, "m1"))
      if (i < 5) expect(server.update("m1")?.progress).toMatchObject({ state: "downloaded", attempt: i })
    }
    const update = await server.stored("m1")
    // What it has read it may still fetch: a failure is no more final than a success.
    expect(server.heard.map(({ kind }) => kind)).toContain("update.loop-broken")
    expect(update?.progress.sentence).toMatch(/4 of 4|after 4 installs/)
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toMatch(/failed|running/)
  })

  it("counts the library's own tries in one contact as one", async () => {
    const { notice } = await downloaded("gprs-pro")
    for (let i = 0; i < 2; i++) await fetchProgram(server, "m1", notice)
    expect(server.update("m1")?.progress.state).toBe("downloaded")
    expect(server.update("m1")?.pull.failedInstalls).toBe(0)
  })

  it("does not count a cut transfer as a failed install, however often the link breaks", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"))
    for (let i = 0; i < 5; i++) await fetchProgram(server, "m1", await poll(server, "m1"), 700 + i)
    expect(server.update("m1")?.progress).toMatchObject({ state: "downloading", attempt: 1 })
    expect(await server.explain("m1")).toMatch(/broke off after at least 704 of 2512 bytes/)
    await fetchProgram(server, "m1", await poll(server, "m1"))
    expect(server.update("m1")?.progress.state).toBe("downloaded")
  })

  it("waits for a mote that has called again, however slowly it goes on", async () => {
    const { notice } = await downloaded()
    await server.pass(3_600_000)
    await poll(server, "m1")
    await server.pass(29_000)
    const second = server.login("m1")
    await server.pass(59_000)
    expect(server.update("m1")?.progress.state).toBe("downloaded")
    await retrieve(second, `/${/FILE:(.*)/.exec(notice)?.[1]}`)
    expect(server.update("m1")?.progress).toMatchObject({ state: "downloaded", attempt: 2 })
  })

  it("takes back a conclusion, and takes its rollout up again, when the mote fetches after all", async () => {
    const { rollout } = await downloaded()
    for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
    await server.restart()
    await fetchProgram(server, "m1", await poll(server, "m1"))
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "downloaded", attempt: 2 })
    expect(server.device("m1").running.evidence).toBe("unknown")
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("running")
    expect(await server.explain("m1")).toMatch(/again/)
    for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("succeeded")
  })

  it("asks for more once the mote has asked for the program in vain", async () => {
    await downloaded()
    for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
    const view = server.login("m1")
    view.find("/PROG001")
    view.close()
    await server.needs.live.devices.get("m1")?.lock.freed
    expect(server.update("m1")?.progress.state).toBe("downloaded")
    expect(server.device("m1").running.evidence).toBe("unknown")
  })

  it("is declined after six polls that never fetch, and may change its mind", async () => {
    await server.addMote("m1")
    await server.addMote("m2")
    await server.rollOut(await server.publish("5"), week)
    let notice = ""
    for (let i = 0; i < 6; i++) notice = await quietPoll(server, "m1")
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "declined", basis: "concluded" })
    server.needs.live.devices.get("m1")!.reading = { offered: offered("m1"), at: server.clock.steady }
    await fetchProgram(server, "m1", notice)
    expect((await server.stored("m1"))?.progress.state).toBe("downloaded")
  })

  it("is not concluded from a person at a desk, however often, and that is written down", async () => {
    await downloaded()
    await server.pass(3_600_000)
    for (let i = 0; i < 6; i++) {
      const view = server.login("m1", "198.51.100.9")
      view.hear?.("EPSV")
      await retrieve(view, "/UPGRADE.TXT")
      await retrieve(view, "/PROG001")
      view.close()
      await server.pass(3_600_000)
    }
    expect(server.update("m1")?.progress).toMatchObject({ state: "downloaded", attempt: 1 })
    expect(server.update("m1")?.pull.quiet).toBe(0)
    expect(server.heard.filter(({ kind }) => kind === "device.visited")).not.toHaveLength(0)
  })
})

function offered(id: string) {
  const update = server.update(id)
  if (update?.offer == null || update.image === null) throw new Error("no offer")
  return { updateId: update.id, releaseId: update.releaseId, offer: update.offer, image: update.image }
}

/** A mote that is known to run version 5. */
async function concluded(): Promise<string> {
  await downloaded()
  for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
  return server.update("m1")?.releaseId ?? ""
}

describe("a rollback", () => {
  it("is offered to a mote that may have fetched the newer program, whatever became of that update", async () => {
    const release = await concluded()
    await server.rollOut(await server.publish("6"), week)
    await fetchProgram(server, "m1", await poll(server, "m1"))
    await server.rollOut(release, week)
    expect((await server.stored("m1"))?.progress.state).toBe("offered")
    expect(server.device("m1").running.evidence).toBe("unknown")
    expect(await poll(server, "m1")).not.toContain("NO_FILE")
  })

  it("is offered to one that was silent since it fetched", async () => {
    const release = await concluded()
    await server.rollOut(await server.publish("6"), 3_600_000)
    await fetchProgram(server, "m1", await poll(server, "m1"))
    await server.pass(7_200_000)
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "no-show" })
    expect(await server.explain("m1")).toMatch(/since it fetched/)
    await server.rollOut(release, week)
    expect((await server.stored("m1"))?.progress.state).toBe("offered")
  })

  it("that found the release there is planned anew when the mote fetches what it had read before", async () => {
    const release = await concluded()
    await server.rollOut(await server.publish("6"), week)
    const notice = await poll(server, "m1")
    server.needs.live.devices.get("m1")!.update = null
    await server.rollOut(release, week)
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
    await fetchProgram(server, "m1", notice)
    await server.pass(1000)
    expect((await server.stored("m1"))?.progress.state).toBe("offered")
    expect(await server.explain("m1")).not.toMatch(/ran version 5 already/)
  })

  it("is made again on the operator's word", async () => {
    const release = await concluded()
    const wish = { releaseIds: [release], group: null, silenceTimeoutMs: week }
    await startRollout(server.needs, wish)
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
    await startRollout(server.needs, { ...wish, again: true })
    expect((await server.stored("m1"))?.progress.state).toBe("offered")
  })
})

it("an image is held open no longer than somebody fetches it, whole, in part, or not at all", async () => {
  await server.addMote("m1")
  await server.rollOut(await server.publish("5"))
  const notice = await poll(server, "m1")
  await fetchProgram(server, "m1", notice, 900)
  await fetchProgram(server, "m1", notice)
  server.complain = () => undefined
  server.store.failAt = server.store.calls + 1
  await fetchProgram(server, "m1", notice).catch(() => undefined)
  expect(server.images.held).toBe(0)
})

describe("a rollout that changes while a mote is between its two sessions", () => {
  it("aborted: what the mote has read stays fetchable, and what it runs is then unknown", async () => {
    await server.addMote("m1")
    const rollout = await server.rollOut(await server.publish("5"))
    const notice = await poll(server, "m1")
    await abortRollout(server.needs, rollout)
    expect(await fetchProgram(server, "m1", notice)).toHaveLength(2512)
    expect((await server.stored("m1"))?.progress.state).toBe("cancelled")
    expect(server.device("m1").running.evidence).toBe("unknown")
    expect(server.heard.at(-1)?.kind).toBe("device.late-fetch-finished")
    expect(await poll(server, "m1")).toBe(noFile)
    await expect(fetchProgram(server, "m1", notice)).rejects.toThrow("550")
  })

  it("superseded under the same name: the mote gets the binary whose notice it read", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"))
    const notice = await poll(server, "m1")
    await server.rollOut(await server.publish("6"))
    const bytes = await fetchProgram(server, "m1", notice)
    expect(bytes[512 + 600]).toBe((600 * 7 + 5) & 0xff)
    expect(await poll(server, "m1")).toContain("VERSION:6\n")
  })

  it("forgets what was read after a quarter of an hour", async () => {
    await server.addMote("m1")
    const rollout = await server.rollOut(await server.publish("5"))
    const notice = await poll(server, "m1")
    await abortRollout(server.needs, rollout)
    await server.pass(15 * 60_000 + 1)
    await expect(fetchProgram(server, "m1", notice)).rejects.toThrow("550")
  })

  it("paused: offers nothing new, lets a begun update finish, and goes on when resumed", async () => {
    await server.addMote("m2")
    const { rollout } = await downloaded()
    await pauseRollout(server.needs, rollout)
    expect(await poll(server, "m2")).toBe(noFile)
    expect(await server.explain("m2")).toMatch(/is paused/)
    for (let i = 0; i < 3; i++) await quietPoll(server, "m1")
    expect((await server.stored("m1"))?.progress.state).toBe("succeeded")
    await resumeRollout(server.needs, rollout)
    expect(await poll(server, "m2")).toBe(offer(5))
  })

  it("its release withdrawn: offers nothing, and ends as failed", async () => {
    await server.addMote("m1")
    const release = await server.publish("5")
    const rollout = await server.rollOut(release)
    await withdrawRelease(server.needs, release)
    expect(await poll(server, "m1")).toBe(noFile)
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("failed")
    await expect(server.rollOut(release)).rejects.toThrow(/withdrawn/)
  })
})

describe("deeds that meet", () => {
  it("an abort in the moment in which a mote begins to fetch ends as cancelled, whichever came first", async () => {
    for (const isAbortFirst of [true, false]) {
      const id = isAbortFirst ? "m1" : "m2"
      await server.addMote(id)
      const rollout = await server.rollOut(await server.publish(isAbortFirst ? "5" : "6"))
      const notice = await poll(server, id)
      const deeds = [() => abortRollout(server.needs, rollout), () => fetchProgram(server, id, notice)]
      if (!isAbortFirst) deeds.reverse()
      await Promise.all(deeds.map((deed) => deed()))
      expect((await server.stored(id))?.progress.state).toBe("cancelled")
      expect(server.device(id).running.evidence).toBe("unknown")
      const events = await server.store.events({ after: 0, limit: 1000, deviceId: id })
      const steps = events.filter(isMove).map(({ data }) => [data.from, data.to])
      for (const [i, [from]] of steps.entries()) expect(from).toBe(i === 0 ? "waiting" : steps[i - 1]?.[1])
    }
  })
})

describe("silence", () => {
  it("becomes no-show after the rollout's time, and a mote that comes back is updated all the same", async () => {
    await server.addMote("m1")
    await server.addMote("m2")
    await server.rollOut(await server.publish("5"), 60_000)
    for (let i = 0; i < 4; i++) {
      await fetchProgram(server, "m2", await poll(server, "m2"), 100)
      await server.pass(20_000)
    }
    expect((await server.stored("m1"))?.progress.state).toBe("no-show")
    expect((await server.stored("m2"))?.progress.state).toBe("downloading")
    await fetchProgram(server, "m1", await poll(server, "m1"))
    expect((await server.stored("m1"))?.progress.state).toBe("downloaded")
  })

  it("is not believed of a clock that jumps a year", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"), 60_000)
    server.clock.wall += 365 * 86_400_000
    await server.pass(1000)
    expect(server.update("m1")?.progress.state).toBe("offered")
    server.clock.wall -= 20 * 365 * 86_400_000
    await server.pass(1000)
    expect(server.update("m1")?.progress.state).toBe("offered")
    expect(await poll(server, "m1")).toBe(offer(5))
  })

  it("is not counted while the server was down", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"), 60_000)
    server.clock.pass(3_600_000)
    await server.restart()
    await server.pass(1000)
    expect(server.update("m1")?.progress.state).toBe("offered")
  })
})

describe("a server that is ended at every step", () => {
  const steps: readonly ((notice: string) => Promise<string>)[] = [
    () => poll(server, "m1"),
    async (notice) => {
      await fetchProgram(server, "m1", notice, 900)
      return poll(server, "m1")
    },
    async (notice) => {
      await fetchProgram(server, "m1", notice)
      return notice
    },
    () => quietPoll(server, "m1"),
    () => poll(server, "m1"),
    () => quietPoll(server, "m1"),
    () => quietPoll(server, "m1"),
  ]

  it("goes on where it was, and no update moves backwards", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"), week)
    const states: string[] = []
    let notice = ""
    for (const step of steps) {
      notice = await step(notice)
      states.push((await server.stored("m1"))?.progress.state ?? "none")
      await server.restart()
      expect((await server.stored("m1"))?.progress.state).toBe(states.at(-1))
    }
    // A poll whose settling was interrupted teaches nothing.
    expect(states).toEqual([
      ...["offered", "downloading", "downloaded", "downloaded", "downloaded", "downloaded"],
      "succeeded",
    ])
    const events = await server.store.events({ after: 0, limit: 1000 })
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
  })

  it("settles an update whose end it did not see by the mote's next five polls", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"), week)
    const view = server.login("m1")
    await retrieve(view, "/UPGRADE.TXT")
    const file = view.find("/PROG001")
    if (file?.kind !== "file") throw new Error("no program")
    await file.open(0)
    await server.restart()
    for (let i = 0; i < 5; i++) {
      expect((await server.stored("m1"))?.progress.state).toBe("downloading")
      await quietPoll(server, "m1")
    }
    expect((await server.stored("m1"))?.progress).toMatchObject({ state: "succeeded", basis: "concluded" })
  })
})

describe("a disk that is full", () => {
  it("stops a transfer before its first byte, and the mote comes again", async () => {
    await server.addMote("m1")
    await server.rollOut(await server.publish("5"))
    const notice = await poll(server, "m1")
    server.store.failure = new Error("SQLITE_FULL")
    await expect(fetchProgram(server, "m1", notice)).rejects.toThrow("SQLITE_FULL")
    server.store.failure = null
    await fetchProgram(server, "m1", notice)
    expect((await server.stored("m1"))?.progress.state).toBe("downloaded")
  })
})

describe("a channel", () => {
  it("offers one release, or NO_FILE, to whoever comes, with exactly the version that was set", async () => {
    const release = await server.publish("5")
    const access = { user: "ota", password: "secret" }
    await setChannel(server.needs, { name: "gateway", family: "waspmote", ...access })
    expect(await poll(server, "ota")).toBe(noFile)
    for (const version of ["0", "7", "200", "255"]) {
      await setChannel(server.needs, { name: "gateway", releaseId: release, version })
      expect(await poll(server, "ota")).toBe(offer(Number(version)))
    }
    expect(await fetchProgram(server, "ota", offer(7))).toHaveLength(2512)
    await setChannel(server.needs, { name: "gateway", releaseId: null })
    expect(await poll(server, "ota")).toBe(noFile)
  })

  it("cannot take a device's login", async () => {
    await server.addMote("m1")
    const wish = { name: "m1", family: "waspmote", password: "secret" }
    await expect(setChannel(server.needs, wish)).rejects.toThrow(/belongs to the device m1/)
  })
})
