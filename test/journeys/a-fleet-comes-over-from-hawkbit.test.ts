import { spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type ApiClient, client } from "../../src/cli/api-client.ts"
import { HawkbitApi } from "../../src/cli/hawkbit/management-api.ts"
import { planImport } from "../../src/cli/hawkbit/plan-import.ts"
import { importCommand } from "../../src/cli/import.ts"
import { publish } from "../../src/core/families/ddi/server/publish.ts"
import type { RunningServer } from "../../src/server/main.ts"
import { root } from "../serving.ts"
import { startHere } from "../start-here.ts"

/** A small server that answers as hawkBit's management API is documented, in pages of two. */

const [kernel, app] = [randomBytes(3000), randomBytes(500)]
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const targets = [
  { controllerId: "gw-1", name: "first", group: "north", securityToken: "a".repeat(32), targetTypeName: "gateway" },
  { controllerId: "gw-2", name: "second", securityToken: "b".repeat(32) },
  { controllerId: "gw 3", name: "third", securityToken: "c".repeat(32) },
]
const modules = [
  { id: 11, name: "kernel", version: "5.1", type: "os", encrypted: false },
  { id: 12, name: "app", version: "2", type: "application" },
]
const sets: object[] = [
  { id: 1, name: "gateway", version: "5.1", modules, complete: true, valid: true, deleted: false },
  { id: 2, name: "gateway", version: "5.0", modules: [modules[0]], complete: true, valid: true },
  { id: 3, name: "broken", version: "1", modules: [], complete: false, valid: true },
]
const artifacts: Readonly<Record<number, readonly { id: number; bytes: Buffer; name: string }[]>> = {
  11: [{ id: 1, bytes: kernel, name: "image.bin" }],
  12: [{ id: 2, bytes: app, name: "image.bin" }],
}

/** What goes wrong at the first request of a path; it is right afterwards. */
const faults = new Map<string, number | "cut" | "odd">()

function answerOf(path: string): unknown {
  if (path === "/targets") return targets
  if (path === "/targettags") return [{ id: 7, name: "beta testers" }]
  if (path === "/targettags/7/assigned") return [targets[0]]
  if (path === "/distributionsets") return sets
  const [, set] = /^\/distributionsets\/(\d)\/installedTargets$/.exec(path) ?? []
  if (set !== undefined) return set === "2" ? [targets[1]] : []
  return null
}

/** As they were uploaded. */
const sums = new Map(
  Object.values(artifacts).flatMap((own) => own.map(({ id, bytes, name }) => [name + id, sha256(bytes)] as const)),
)

let folder: string
let hawkbit: Server
let url: string
let server: RunningServer
let api: ApiClient

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-import-"))
  hawkbit = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://h")
    const path = pathname.replace(/^\/rest\/v1/, "")
    if (request.headers.authorization !== `Basic ${Buffer.from("admin:secret").toString("base64")}`) {
      return response.writeHead(401).end()
    }
    const fault = faults.get(path)
    faults.delete(path)
    if (typeof fault === "number") return response.writeHead(fault).end()
    if (fault === "odd") return response.end("<html>a proxy's page</html>")
    if (fault === "cut") {
      response.writeHead(200, { "Content-Length": "3000" })
      return response.write("{", () => response.destroy())
    }
    const [, module = "", artifact] = /^\/softwaremodules\/(\d+)\/artifacts(?:\/(\d+)\/download)?$/.exec(path) ?? []
    const own = artifacts[Number(module)] ?? []
    if (artifact !== undefined) return response.end(own.find(({ id }) => id === Number(artifact))?.bytes)
    const list = module === "" ? answerOf(path) : null
    const body =
      module !== ""
        ? own.map(({ id, bytes, name }) => ({
            id,
            size: bytes.length,
            providedFilename: name,
            hashes: { sha256: sums.get(name + id) },
          }))
        : Array.isArray(list)
          ? {
              content: list.slice(Number(searchParams.get("offset")), Number(searchParams.get("offset")) + 2),
              total: list.length,
              size: 2,
            }
          : null
    if (body === null) return response.writeHead(404).end()
    return response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => hawkbit.listen(0, "127.0.0.1", resolve))
  url = `http://127.0.0.1:${(hawkbit.address() as AddressInfo).port}`
  server = await startHere(join(folder, "data"))
  api = client(server.url, server.token)
})

afterAll(async () => {
  await server.close()
  hawkbit.close()
  rmSync(folder, { recursive: true, force: true })
})

/** `waft …` as a process: what it says and how it ends. */
async function waft(...args: readonly string[]): Promise<{ code: number | null; out: string; error: string }> {
  const env = { ...process.env, WAFT_DATA: join(folder, "data") }
  const child = spawn(process.execPath, [join(root, "bin", "waft.js"), ...args], { env })
  let [out, error] = ["", ""]
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve))
  return { code, out, error }
}

const run = (...more: readonly string[]): Promise<unknown> =>
  importCommand().parseAsync(
    [
      "hawkbit",
      "--data",
      join(folder, "data"),
      "--url",
      url,
      "--token",
      "admin:secret",
      "--model",
      "rauc",
      "--json",
      ...more,
    ],
    { from: "user" },
  )

it("shows what would come over and adds nothing", async () => {
  const plan = await planImport(
    new HawkbitApi({ url, token: "admin:secret" }),
    { devices: new Set(), releases: new Set() },
    { model: "rauc", tenant: "ACME" },
  )
  expect(plan.devices).toEqual([
    {
      id: "gw-1",
      family: "ddi",
      model: "rauc",
      labels: { group: "north", type: "gateway", tag_beta_testers: "yes" },
      options: { tenant: "ACME" },
      password: "a".repeat(32),
    },
    {
      id: "gw-2",
      family: "ddi",
      model: "rauc",
      labels: {},
      options: { tenant: "ACME" },
      password: "b".repeat(32),
      running: "5.0",
    },
  ])
  expect(
    plan.releases.map(({ version, part, files }) => [
      version,
      part,
      files.map(({ folder, name }) => `${folder}/${name}`),
    ]),
  ).toEqual([
    ["5.1", "os", ["os,kernel,5.1/image.bin", "bApp,app,2/image.bin"]],
    ["5.0", "os", ["/image.bin"]],
  ])
  expect(plan.left.map(({ what }) => what)).toEqual(["target gw 3", "distribution set broken 1"])
  await run()
  expect(await api.list("listDevices", {})).toEqual([])
})

it("calls a release as a chunk may be called, and takes one of two sets that are then called the same", async () => {
  const named = (id: number, name: string, module = modules[0]) => ({ id, name, version: "1", modules: [module] })
  const own = [...sets]
  const long = `${"n".repeat(63)} ${"m".repeat(40)}`
  try {
    sets.splice(0, sets.length, ...[named(1, long), named(2, "Gerät 📦"), named(3, "Gerät ☃"), named(4, " ")])
    const names = { devices: new Set<string>(), releases: new Set<string>() }
    const wish = { model: "rauc", tenant: "DEFAULT" }
    const plan = await planImport(new HawkbitApi({ url, token: "admin:secret" }), names, wish)
    expect(plan.releases.map(({ name }) => name)).toEqual(["n".repeat(63), "Ger_t _"])
    expect(plan.left.slice(1)).toEqual([
      { what: "distribution set Gerät ☃ 1", why: expect.stringContaining("another set is called Ger_t _ 1 too") },
      { what: "distribution set   1", why: "it has no name" },
    ])
    // The server takes these names.
    for (const { name, version } of plan.releases) {
      const bytes = new Uint8Array([1])
      const upload = { fileName: "a", bytes, version, models: [], options: { "chunk-name": name } }
      expect(publish(upload)).toMatchObject({ ok: true, details: { name } })
    }
  } finally {
    sets.splice(0, sets.length, ...own)
  }
})

it.each([
  ["/targets", 401, /\/targets cannot be read: it does not know this token/],
  ["/targettags", 403, /\/targettags cannot be read: the user of this token may not read that/],
  ["/distributionsets", 404, /\/distributionsets cannot be read: it is not there; --url takes/],
  ["/targets", 500, /\/targets cannot be read: it answers 500/],
  ["/targets", "cut", /\/targets broke off in the middle: .*Run it again/],
  ["/softwaremodules/11/artifacts", "odd", /\/softwaremodules\/11\/artifacts does not answer as hawkBit's/],
] as const)("names what is wrong where %s gives %s, and adds nothing", async (path, fault, sentence) => {
  faults.set(path, fault)
  await expect(run("--apply")).rejects.toThrow(sentence)
  faults.clear()
  expect(await api.list("listDevices", {})).toEqual([])
  expect(await api.list("listReleases", {})).toEqual([])
})

it("is one command, which says what it would do and that it did nothing", async () => {
  const command = ["import", "hawkbit", "--url", url, "--token"]
  const { code, out, error } = await waft(...command, "admin:secret", "--model", "swupdate")
  expect({ code, error }).toEqual({ code: 0, error: "" })
  expect(out).toMatch(/^DEVICE +RUNNING +LABELS\ngw-1 +unknown +group=north type=gateway tag_beta_testers=yes\n/)
  expect(out).toContain("Left out: target gw 3: a device's name takes 1 to 64 letters")
  expect(out).toMatch(/Nothing was added; --apply adds it\.\n$/)
  expect(out).not.toContain("aaaa")
  expect(await api.list("listDevices", {})).toEqual([])
  const refused = await waft(...command, "nobody")
  expect([refused.code, refused.out]).toEqual([1, ""])
  expect(refused.error).toMatch(/does not know this token/)
})

it("publishes no half of a release where an artifact breaks off, is damaged or cannot be had", async () => {
  faults.set("/softwaremodules/12/artifacts/2/download", "cut")
  await expect(run("--apply")).rejects.toThrow(/artifacts\/2\/download broke off in the middle/)
  expect(await api.list("listReleases", {})).toEqual([])
  artifacts[12]?.[0]?.bytes.writeUInt8(artifacts[12][0].bytes.readUInt8(0) ^ 1)
  await expect(run("--apply")).rejects.toThrow(/image\.bin of gateway 5\.1 came with SHA-256 .*, not /)
  artifacts[12]?.[0]?.bytes.writeUInt8(artifacts[12][0].bytes.readUInt8(0) ^ 1)
  faults.set("/softwaremodules/11/artifacts/1/download", 503)
  await expect(run("--apply")).rejects.toThrow(/artifacts\/1\/download cannot be read: it answers 503/)
})

it("adds devices with their tokens and labels, and releases with all of their artifacts; a second time it adds nothing", async () => {
  await run("--apply")
  const { ddi } = (await api.call("deviceAccess", { params: { id: "gw-1" } })) as {
    ddi?: { url: string; token: string }
  }
  expect(ddi?.token).toBe("a".repeat(32))
  const poll = await fetch(ddi?.url ?? "", { headers: { Authorization: `TargetToken ${"a".repeat(32)}` } })
  expect(poll.status).toBe(200)
  const releases = await api.list("listReleases", {})
  expect(releases.map(({ version, sizeBytes }) => [version, sizeBytes])).toEqual([
    ["5.1", 3500],
    ["5.0", 3000],
  ])
  // A set of two modules is a release of two chunks, with their own types, names and versions.
  expect(releases[0]?.details["chunks"]).toMatchObject([
    { part: "os", name: "kernel", version: "5.1", artifacts: [{ filename: "image.bin", sizeBytes: 3000 }] },
    { part: "bApp", name: "app", version: "2", artifacts: [{ filename: "image.bin", sizeBytes: 500 }] },
  ])
  await run("--apply")
  await run("--apply")
  expect(await api.list("listReleases", {})).toHaveLength(2)
  expect(await api.list("listDevices", {})).toHaveLength(2)
})
