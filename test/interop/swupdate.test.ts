import { type ChildProcess, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { type CuttingProxy, startCuttingProxy } from "../faults/cutting-proxy.testing.ts"
import { startHere } from "../start-here.ts"
import { runWell } from "./run-program.ts"

/** Debian's SWUpdate with its hawkBit client, and an image that openssl signs and cpio packs. */

let folder: string
const clients: ChildProcess[] = []
const servers: RunningServer[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-swupdate-"))
  for (const name of ["ours", "other"]) {
    const extensions = ["-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature"]
    const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`, ...extensions]
    await runWell("openssl", [...self, "-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.pem`)])
  }
})

afterAll(async () => {
  await Promise.all(clients.map(end))
  for (const server of servers) await server.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Image {
  readonly bytes: Uint8Array
  /** What is installed, and where. */
  readonly payload: Uint8Array
  readonly path: string
}

/** A `.swu` with one file, signed with the key of that name. */
async function makeImage(name: string, version: string, signer = "ours"): Promise<Image> {
  const dir = join(folder, name)
  mkdirSync(dir)
  const [payload, path] = [randomBytes(300_000), join(dir, "installed.bin")]
  writeFileSync(join(dir, "payload.bin"), payload)
  const sum = createHash("sha256").update(payload).digest("hex")
  const file = `{ filename = "payload.bin"; path = "${path}"; sha256 = "${sum}"; }`
  const description = `software = { version = "${version}"; hardware-compatibility = [ "1.0" ]; files: ( ${file} ); }\n`
  writeFileSync(join(dir, "sw-description"), description)
  const pair = ["-signer", join(folder, `${signer}.pem`), "-inkey", join(folder, `${signer}.key`)]
  const form = ["-outform", "DER", "-nosmimecap", "-binary"]
  const from = ["cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig"]
  await runWell("openssl", [...from, ...pair, ...form], { cwd: dir })
  const input = "sw-description\nsw-description.sig\npayload.bin\n"
  const { stdout } = await runWell("cpio", ["-o", "-H", "crc"], { cwd: dir, input })
  return { bytes: stdout, payload, path }
}

/** A client that runs, and what it has written so far. */
interface Running {
  readonly child: ChildProcess
  readonly log: () => string
}

/** SWUpdate beside nobody else: its sockets stand in a folder of its own. */
function startClient(
  id: string,
  { url, token }: { url: string; token: string },
  more: readonly string[] = [],
): Running {
  const dir = join(folder, `client-${clients.length}`)
  mkdirSync(dir)
  const config = join(dir, "swupdate.cfg")
  writeFileSync(
    config,
    `globals: { loglevel = 5; };
     suricatta: { identify : ( { name = "place"; value = "attic"; } ); };
     identify: ( { name = "place"; value = "attic"; } );\n`,
  )
  const suricatta = ["-t", "default", "-u", new URL(url).origin, "-i", id, "-k", token, "-r", "5", "-w", "1", ...more]
  const args = ["-f", config, "-H", "board:1.0", "-k", join(folder, "ours.pem"), "-u", suricatta.join(" ")]
  const child = spawn("swupdate", args, { env: { ...process.env, TMPDIR: dir }, stdio: ["ignore", "pipe", "pipe"] })
  clients.push(child)
  let text = ""
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString()))
  return { child, log: () => text }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const over = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  setTimeout(() => child.kill("SIGKILL"), 3000).unref()
  await over
}

async function until(what: string, isSo: () => Promise<boolean> | boolean, log: () => string): Promise<void> {
  const last = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > last) throw new Error(`${what} never came; the client said:\n${log().slice(-4000)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<ApiClient> {
  const server = await startHere(join(folder, `data-${servers.length}`), settings)
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
    const image = await makeImage("whole", "2.0")
    await rollOut(api, image, "2.0", "gw-1")
    const first = startClient("gw-1", access)
    await until("the installation", () => first.log().includes("pending testing"), first.log)
    expect(readFileSync(image.path).equals(image.payload)).toBe(true)
    expect(await updateOf(api, "gw-1")).toMatchObject({ state: "installing", basis: "reported" })
    expect((await api.call("showDevice", { params: { id: "gw-1" } })).labels).toEqual({ place: "attic" })
    await end(first.child)
    const second = startClient("gw-1", access, ["-c", "2"])
    await until("the report", async () => (await updateOf(api, "gw-1"))?.state === "succeeded", second.log)
    await end(second.child)
    const { running, update } = await api.call("showDevice", { params: { id: "gw-1" } })
    expect(running).toEqual({ version: "2.0", evidence: "reported" })
    expect(update).toMatchObject({ attempt: 1, basis: "reported" })
  })

  it("stops when its rollout is aborted after it has read what to do", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-2", "00:00:03")
    const image = await makeImage("cancelled", "2.1")
    const rollout = await rollOut(api, image, "2.1", "gw-2")
    const running = startClient("gw-2", access)
    await until("the first read", () => has(api, "gw-2", "update.offer-read"), running.log)
    await api.call("abortRollout", { params: { id: rollout } })
    await until("the acceptance", () => has(api, "gw-2", "conversation.cancel-accepted"), running.log)
    await end(running.child)
    expect(existsSync(image.path)).toBe(false)
  })

  it("says that it does not install what somebody else has signed", async () => {
    const api = await startServer()
    const access = await addGateway(api, "gw-3", "00:00:01")
    const image = await makeImage("foreign", "2.2", "other")
    await rollOut(api, image, "2.2", "gw-3")
    const running = startClient("gw-3", access)
    await until("the failure", async () => (await updateOf(api, "gw-3"))?.state === "failed", running.log)
    await end(running.child)
    expect(await updateOf(api, "gw-3")).toMatchObject({ state: "failed", basis: "reported" })
    expect(existsSync(image.path)).toBe(false)
  })

  it("goes on with a download that was cut", async () => {
    const port = await freePort()
    const proxy: CuttingProxy = await startCuttingProxy(port, { way: "down", afterBytes: 150_000 })
    const deviceUrl = `http://127.0.0.1:${proxy.port}`
    const api = await startServer({ "device-http": `127.0.0.1:${port}`, "device-url": deviceUrl })
    const access = await addGateway(api, "gw-4", "00:00:01")
    const image = await makeImage("cut", "2.3")
    await rollOut(api, image, "2.3", "gw-4")
    const running = startClient("gw-4", access)
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

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
