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
import type { RunningServer } from "../../src/server/main.ts"
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
const sets = [
  { id: 1, name: "gateway", version: "5.1", modules, complete: true, valid: true, deleted: false },
  { id: 2, name: "gateway", version: "5.0", modules: [modules[0]], complete: true, valid: true },
  { id: 3, name: "broken", version: "1", modules: [], complete: false, valid: true },
]
const artifacts: Readonly<Record<number, readonly { id: number; bytes: Buffer; name: string }[]>> = {
  11: [{ id: 1, bytes: kernel, name: "image.bin" }],
  12: [{ id: 2, bytes: app, name: "image.bin" }],
}

function answerOf(path: string): unknown {
  if (path === "/targets") return targets
  if (path === "/targettags") return [{ id: 7, name: "beta testers" }]
  if (path === "/targettags/7/assigned") return [targets[0]]
  if (path === "/distributionsets") return sets
  const [, set] = /^\/distributionsets\/(\d)\/installedTargets$/.exec(path) ?? []
  if (set !== undefined) return set === "2" ? [targets[1]] : []
  return null
}

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
            hashes: { sha256: sha256(bytes) },
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
  expect(plan.releases.map(({ version, part, files }) => [version, part, files.map(({ name }) => name)])).toEqual([
    ["5.1", "os", ["kernel-image.bin", "app-image.bin"]],
    ["5.0", "os", ["image.bin"]],
  ])
  expect(plan.left.map(({ what }) => what)).toEqual(["target gw 3", "distribution set broken 1"])
  await run()
  expect(await api.list("listDevices", {})).toEqual([])
})

it("names a wrong token", async () => {
  await expect(new HawkbitApi({ url, token: "nobody" }).targets()).rejects.toThrow(/does not know this token/)
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
  await run("--apply")
  expect(await api.list("listReleases", {})).toHaveLength(2)
  expect(await api.list("listDevices", {})).toHaveLength(2)
})
