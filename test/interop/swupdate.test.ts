import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import { bundle } from "../../src/cli/hawkbit/bundle.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { type CuttingProxy, startCuttingProxy } from "../faults/cutting-proxy.testing.ts"
import { freePort } from "../serving.ts"
import { startHere } from "../start-here.ts"
import { end, type Image, SwupdateBench, until } from "./swupdate-client.ts"

/** Debian's SWUpdate against the real listener. */

const bench = new SwupdateBench()
const servers: RunningServer[] = []

beforeAll(() => bench.makeKeys())

afterAll(async () => {
  await bench.close()
  for (const server of servers) await server.close()
})

async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<ApiClient> {
  const server = await startHere(join(bench.folder, `data-${servers.length}`), settings)
  servers.push(server)
  return client(server.url, server.token)
}

async function addGateway(api: ApiClient, id: string, sleep: string) {
  const body = { id, family: "ddi", model: "swupdate", options: { sleep } }
  const access: object = await api.call("addDevice", { body })
  return (access as { readonly ddi: { url: string; token: string } }).ddi
}

async function rollOut(api: ApiClient, { bytes }: Image, version: string, id: string): Promise<string> {
  const query = { family: "ddi", fileName: "update.swu", version }
  const release = await api.call("publishRelease", { query, body: bytes })
  return (await api.call("startRollout", { body: { group: `id=${id}`, releaseIds: [release.id] } })).id
}

async function updateOf(api: ApiClient, id: string) {
  return (await api.call("showDevice", { params: { id } })).update
}

async function has(api: ApiClient, id: string, kind: string): Promise<boolean> {
  const events = await api.list("listEvents", { query: { device: id } })
  return events.some((event) => event.kind === kind)
}

describe("Debian's SWUpdate", () => {
  it("is updated, and says so after its restart", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-1", "00:00:01")
    const image = await bench.image("whole", "2.0")
    await rollOut(api, image, "2.0", "gw-1")
    const first = bench.start("gw-1", access)
    await until("the installation", () => first.log().includes("pending testing"), first.log)
    expect(readFileSync(image.path).equals(image.payload)).toBe(true)
    expect(await updateOf(api, "gw-1")).toMatchObject({ state: "installing", basis: "reported" })
    expect((await api.call("showDevice", { params: { id: "gw-1" } })).labels).toEqual({ place: "attic" })
    await end(first.child)
    const second = bench.start("gw-1", access, ["-c", "2"])
    await until("the report", async () => (await updateOf(api, "gw-1"))?.state === "succeeded", second.log)
    await end(second.child)
    const { running, update } = await api.call("showDevice", { params: { id: "gw-1" } })
    expect(running).toEqual({ version: "2.0", evidence: "reported" })
    expect(update).toMatchObject({ attempt: 1, basis: "reported" })
  })

  it("stops when its rollout is aborted after it has read what to do", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-2", "00:00:03")
    const image = await bench.image("cancelled", "2.1")
    const rollout = await rollOut(api, image, "2.1", "gw-2")
    const running = bench.start("gw-2", access)
    await until("the first read", () => has(api, "gw-2", "update.offer-read"), running.log)
    await api.call("abortRollout", { params: { id: rollout } })
    await until("the acceptance", () => has(api, "gw-2", "conversation.cancel-accepted"), running.log)
    await end(running.child)
    expect(existsSync(image.path)).toBe(false)
  })

  it("says that it does not install what somebody else has signed", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-3", "00:00:01")
    const image = await bench.image("foreign", "2.2", { signer: "other" })
    await rollOut(api, image, "2.2", "gw-3")
    const running = bench.start("gw-3", access)
    await until("the failure", async () => (await updateOf(api, "gw-3"))?.state === "failed", running.log)
    await end(running.child)
    expect(await updateOf(api, "gw-3")).toMatchObject({ state: "failed", basis: "reported" })
    expect(existsSync(image.path)).toBe(false)
  })

  it("installs every chunk of a release, and says once how that ended", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-5", "00:00:01")
    const images = [await bench.image("base", "3.0"), await bench.image("app", "1.4")]
    const tar = bundle([
      { name: "os,base,3.0/base.swu", bytes: images[0]?.bytes ?? new Uint8Array(0) },
      { name: "bApp,app,1.4/app.swu", bytes: images[1]?.bytes ?? new Uint8Array(0) },
    ])
    const query = { family: "ddi", fileName: "bundle.tar", version: "3.0", options: JSON.stringify({ bundle: "" }) }
    const release = await api.call("publishRelease", { query, body: tar })
    await api.call("startRollout", { body: { group: "id=gw-5", releaseIds: [release.id] } })
    const first = bench.start("gw-5", access)
    await until("the installation", () => first.log().includes("pending testing"), first.log)
    for (const { path, payload } of images) expect(readFileSync(path).equals(payload)).toBe(true)
    await end(first.child)
    const second = bench.start("gw-5", access, ["-c", "2"])
    await until("the report", async () => (await updateOf(api, "gw-5"))?.state === "succeeded", second.log)
    await end(second.child)
    const running = { version: "3.0", evidence: "reported" }
    expect(await api.call("showDevice", { params: { id: "gw-5" } })).toMatchObject({ running, update: { attempt: 1 } })
  })

  it("goes on with a download that was cut", async () => {
    const port = await freePort()
    const proxy: CuttingProxy = await startCuttingProxy(port, { way: "down", afterBytes: 150_000 })
    const deviceUrl = `http://127.0.0.1:${proxy.port}`
    const api = await startServer({ "device-http": `127.0.0.1:${port}`, "device-url": deviceUrl })
    const access = await addGateway(api, "gw-4", "00:00:01")
    const image = await bench.image("cut", "2.3")
    await rollOut(api, image, "2.3", "gw-4")
    const running = bench.start("gw-4", access)
    await until("the installation", () => running.log().includes("pending testing"), running.log)
    await end(running.child)
    expect(proxy.hasCut()).toBe(true)
    expect(readFileSync(image.path).equals(image.payload)).toBe(true)
    // What came through is the image once, and not the first half twice.
    expect(proxy.passed.down).toBeLessThan(150_000 + image.bytes.length)
    expect(await has(api, "gw-4", "update.transfer-cut")).toBe(true)
    await proxy.close()
  })
})
