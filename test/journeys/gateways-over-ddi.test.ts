import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { runVirtual } from "../../src/virtual/main.ts"
import { startHere } from "../start-here.ts"

let folder: string
let server: RunningServer
let api: ApiClient

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-gateways-"))
  // The devices are a thousand times faster than hardware.
  server = await startHere(join(folder, "data"), { "device-speed": "1000" })
  api = client(server.url, server.token)
})

afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A virtual gateway with a folder of its own, and what its contacts end in. */
async function gateway(id: string, model: string) {
  const access: object = await api.call("addDevice", { body: { id, family: "ddi", model } })
  const { ddi } = access as { readonly ddi: { readonly url: string; readonly token: string } }
  return (fault?: string) =>
    runVirtual({
      family: "ddi",
      model,
      server: { url: ddi.url, token: ddi.token },
      state: join(folder, id),
      speed: 1000,
      signal: new AbortController().signal,
      log: () => undefined,
      ...(fault === undefined ? {} : { fault }),
    }).then(({ code, running }) => [code, running.version])
}

async function rollOut(id: string, version: string): Promise<string> {
  const query = { family: "ddi", fileName: `${id}.bin`, version }
  const release = await api.call("publishRelease", { query, body: new Uint8Array(50_000).fill(Number(version) + 1) })
  return (
    await api.call("startRollout", { body: { releaseIds: [release.id], group: `id=${id}`, allowDowngrade: true } })
  ).id
}

const updateOf = async (id: string) => (await api.call("showDevice", { params: { id } })).update

/** Waits until the device's update is in one of these states. */
async function comesTo(id: string, ...states: readonly string[]): Promise<void> {
  await expect
    .poll(async () => (await updateOf(id))?.state, { timeout: 20_000 })
    .toMatch(new RegExp(`^(${states.join("|")})$`))
}

describe("gateways over the real wire", () => {
  it("go forwards and back to the release before", async () => {
    const contact = await gateway("gw-back", "swupdate")
    await rollOut("gw-back", "2")
    expect(await contact()).toEqual(["INSTALLED", "2"])
    await rollOut("gw-back", "1")
    expect(await contact()).toEqual(["INSTALLED", "1"])
    expect(await updateOf("gw-back")).toMatchObject({ state: "succeeded", basis: "reported" })
    expect(await contact()).toEqual(["NO_UPDATE", "1"])
  })

  it.each([
    ["cut-download", "DOWNLOAD_FAILED", "downloading"],
    ["wrong-hash", "HASH_MISMATCH", "failed"],
    ["wrong-signature", "SIGNATURE_WRONG", "failed"],
    ["rejects", "REJECTED", "offered"],
    ["cancels", "CANCELED", "declined"],
    ["never-returns", "NOT_BACK", "downloaded"],
    ["reboot-without-report", "INSTALLED_UNREPORTED", "downloaded"],
    ["429", "TOO_MANY_REQUESTS", "offered"],
    ["clock-wrong", "INSTALLED", "succeeded"],
  ])("with %s end in %s, and the update is %s", async (fault, code, state) => {
    const id = `gw-${fault}`
    const contact = await gateway(id, "rauc")
    await rollOut(id, "2")
    expect((await contact(fault))[0]).toBe(code)
    await comesTo(id, state)
  })

  it("that the server answers 429 end there, and keep what they have to do", async () => {
    const contact = await gateway("gw-loud", "swupdate")
    const { ddi } = (await api.call("deviceAccess", { params: { id: "gw-loud" } })) as unknown as {
      readonly ddi: { readonly url: string; readonly token: string }
    }
    await rollOut("gw-loud", "2")
    const flood = async (): Promise<number> => {
      const headers = { Authorization: `TargetToken ${ddi.token}` }
      const body = JSON.stringify({ status: { execution: "download" } })
      return (await fetch(`${ddi.url}/deploymentBase/1/feedback`, { method: "POST", headers, body })).status
    }
    let told = 0
    while ((await flood()) !== 429) expect(++told).toBeLessThan(300)
    expect((await contact())[0]).toBe("TOO_MANY_REQUESTS")
    expect((await updateOf("gw-loud"))?.state).toBe("offered")
  })

  it("that fetch for ever are cut off", async () => {
    const contact = await gateway("gw-loop", "rauc")
    await rollOut("gw-loop", "2")
    for (let i = 0; i < 16 && (await updateOf("gw-loop"))?.state !== "failed"; i++) {
      await contact("downloads-for-ever")
      // The end of a download is seen a moment after it.
      await comesTo("gw-loop", "downloaded", "failed")
    }
    expect(await updateOf("gw-loop")).toMatchObject({ state: "failed", basis: "concluded" })
  })

  it("that say nothing are concluded from their polls, and shown so", async () => {
    const contact = await gateway("gw-mute", "other")
    await rollOut("gw-mute", "2")
    expect(await contact()).toEqual(["INSTALLED_SILENTLY", "2"])
    await comesTo("gw-mute", "downloaded")
    for (let i = 0; i < 12 && (await updateOf("gw-mute"))?.state !== "succeeded"; i++) {
      expect((await contact())[0]).toBe("NO_UPDATE")
      // Contacts that are a minute apart, a thousand times faster.
      await new Promise((resolve) => setTimeout(resolve, 1200))
    }
    const { running, update } = await api.call("showDevice", { params: { id: "gw-mute" } })
    expect(update).toMatchObject({ state: "succeeded", basis: "concluded" })
    expect(running).toEqual({ version: "2", evidence: "concluded" })
  })

  it("are told to stop what was taken back", async () => {
    const contact = await gateway("gw-stop", "swupdate")
    const rollout = await rollOut("gw-stop", "2")
    expect((await contact("cut-download"))[0]).toBe("DOWNLOAD_FAILED")
    await api.call("abortRollout", { params: { id: rollout } })
    expect(await contact()).toEqual(["STOPPED", "1"])
    expect(await contact()).toEqual(["NO_UPDATE", "1"])
  })
})
