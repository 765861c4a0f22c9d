import { beforeEach, describe, expect, it } from "vitest"
import { simplePlan } from "../src/core/domain/plan.ts"
import { manifestOf, manifestText, type ReleaseEnvelope } from "../src/core/domain/release-manifest.ts"
import { fetchProgram, otaBinary, poll, Rehearsal, retrieve } from "../src/server/gateway/rehearsal.testing.ts"
import { commit } from "../src/server/fleet/commit.ts"
import { publishRelease } from "../src/server/fleet/publish-release.ts"
import { addSignatures, pauseUnsigned } from "../src/server/fleet/release-signatures.ts"
import { setChannel } from "../src/server/fleet/set-channel.ts"
import { startPlan } from "../src/server/fleet/start-rollout.ts"
import { resumeRollout } from "../src/server/fleet/steer-rollout.ts"
import { makeKeyPair, readPublicKeys, signManifest } from "../src/signing/release-keys.ts"
import { ReleaseTrust } from "../src/signing/release-trust.ts"

const [first, second] = [makeKeyPair(null), makeKeyPair(null)]
const keys = readPublicKeys(first.publicPem + second.publicPem)

let server: Rehearsal
beforeEach(async () => {
  server = await Rehearsal.start()
})

function demand(signatures: number): void {
  const trust = new ReleaseTrust(keys, signatures)
  server.needs.live.demandsSignatures = true
  server.needs.live.whyNotOffered = (release) => trust.whyNot(release)
}

async function restart(signatures: number): Promise<void> {
  await server.restart()
  demand(signatures)
  await pauseUnsigned(server.needs)
}

const upload = (version: string, name = "PROG001") => ({
  fileName: name,
  bytes: otaBinary(name, Number(version)),
  version,
  models: [],
  options: {},
})

/** What `waft release sign` makes of a file, by finding out what a server without keys makes of it. */
async function sign(file: ReturnType<typeof upload>, ...signers: readonly (typeof first)[]): Promise<ReleaseEnvelope> {
  const elsewhere = await Rehearsal.start()
  const release = await publishRelease(elsewhere.needs, "waspmote", file)
  const payload = manifestText(manifestOf(release))
  return { payload, signatures: signers.map(({ privatePem }) => signManifest(payload, privatePem, null)) }
}

async function publish(version: string, ...signers: readonly (typeof first)[]) {
  const envelope = await sign(upload(version), ...signers)
  return publishRelease({ ...server.needs, envelope }, "waspmote", upload(version))
}

const heard = (kind: string) => server.heard.filter((event) => event.kind === kind)

describe("a server with keys", () => {
  it("takes no file that is not signed by as many as it demands, and says whose signature is missing", async () => {
    demand(2)
    await expect(publishRelease(server.needs, "waspmote", upload("12"))).rejects.toMatchObject({
      code: "upload-unsigned",
      message: expect.stringContaining(`missing: ${first.id} and ${second.id}`) as string,
    })
    await expect(publish("12", second)).rejects.toThrow(`it carries 1 of 2 signatures; missing: ${first.id}`)
    const other = { ...server.needs, envelope: await sign(upload("11"), first, second) }
    await expect(publishRelease(other, "waspmote", upload("12"))).rejects.toMatchObject({
      code: "bad-signatures",
      message: expect.stringContaining('version "11" was signed and the release has "12"') as string,
    })
    expect(server.needs.live.releases.size).toBe(0)
    const release = await publish("12", first, second)
    expect(heard("release.published")[0]?.sentence).toContain(`signed by ${first.id}, ${second.id}`)
    expect((await server.store.releases())[0]?.signatures).toEqual(release.signatures)
  })

  it("offers what is signed, also in the copy that a mote's header needs", async () => {
    demand(1)
    await server.addMote("m1")
    const { id } = await publish("12", first)
    await server.rollOut(id)
    await fetchProgram(server, "m1", await poll(server, "m1"))
    const older = await publish("9", first)
    const plan = { ...simplePlan({ releases: [older.id], group: null }), allowsDowngrade: true }
    await startPlan(server.needs, plan)
    const notice = await poll(server, "m1")
    expect(notice).toContain("PROG_R1")
    expect(await fetchProgram(server, "m1", notice)).toEqual(otaBinary("PROG_R1", 9))
    expect(heard("release.unsigned")).toEqual([])
  })

  it("pauses what was begun without them, says nothing of it to devices, and goes on once it is signed", async () => {
    await server.addMote("m1")
    const release = await publishRelease(server.needs, "waspmote", upload("12"))
    const rollout = await server.rollOut(release.id)
    const channel = { name: "bench", family: "waspmote", password: "secret", releaseId: release.id }
    await setChannel(server.needs, channel)
    expect(await poll(server, "m1")).toContain("PROG001")
    await restart(1)
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("paused")
    expect(heard("release.unsigned").map(({ rolloutId }) => rolloutId)).toEqual([rollout, null])
    expect(await poll(server, "m1")).toContain("NO_FILE")
    expect(await poll(server, "bench")).toContain("NO_FILE")
    await expect(resumeRollout(server.needs, rollout)).rejects.toMatchObject({ code: "release-unsigned" })
    await expect(setChannel(server.needs, channel)).rejects.toMatchObject({ code: "release-unsigned" })
    const unsigned = await publishRelease(server.needs, "waspmote", upload("12"))
    expect(unsigned.notes.at(-1)).toContain("Nobody is offered it: it carries 0 of 1 signatures")
    await addSignatures(server.needs, release.id, await sign(upload("12"), second))
    expect((await publish("12", first)).id).toBe(release.id)
    expect(server.needs.live.releases.get(release.id)?.signatures).toHaveLength(2)
    await resumeRollout(server.needs, rollout)
    const notice = await poll(server, "m1")
    expect(await fetchProgram(server, "m1", notice)).toEqual(otaBinary("PROG001", 12))
    expect(await poll(server, "bench")).toContain("PROG001")
  })

  it("hands out no byte of an image that is not what was signed, whoever changed the records", async () => {
    demand(1)
    await server.addMote("m1")
    const release = await publish("12", first)
    const rollout = await server.rollOut(release.id)
    const evil = await server.images.put(otaBinary("PROG001", 66))
    const update = server.update("m1")
    if (update === null) throw new Error("no update")
    await commit(server.needs, server.needs.actor, [{ put: "update", update: { ...update, image: evil } }])
    const view = server.login("m1")
    await expect(retrieve(view, "/PROG001")).rejects.toMatchObject({ code: "image-unsigned" })
    expect(heard("release.unsigned")[0]?.sentence).toContain("it is not what was signed")
    expect(server.needs.live.rollouts.get(rollout)?.rollout.state).toBe("paused")
    await commit(server.needs, server.needs.actor, [{ put: "release", release: { ...release, image: evil } }])
    await restart(1)
    expect(await poll(server, "m1")).toContain("NO_FILE")
  })
})
