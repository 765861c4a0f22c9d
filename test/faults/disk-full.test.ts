import { spawnSync } from "node:child_process"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { newFolder, serve, type Serving } from "../serving.ts"

const mayMount = process.getuid?.() === 0
let folder: string
let server: Serving | null = null

beforeEach(() => {
  folder = newFolder()
  if (!mayMount) return
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "waft-test", folder])
  if (mounted.status !== 0) throw new Error(`no small file system to fill: ${mounted.stderr.toString()}`)
})
afterEach(async () => {
  await server?.end("SIGKILL")
  server = null
  if (mayMount) spawnSync("umount", [folder])
})

/** An OTA binary as large as a mote's flash takes. */
function largeProgram(seed: number): Uint8Array {
  const header = `${"FIRMWARE_FILE_FOR_WASPMOTE".padEnd(32, "#")}${"LARGE01".padEnd(32, "*")}${"*".repeat(448)}`
  const bytes = new Uint8Array(512 + 122_880)
  bytes.set(new TextEncoder().encode(header))
  for (let vector = 0; vector < 57; vector++) bytes.set([0x0c, 0x94, 0x00, 0x01], 512 + vector * 4)
  for (let at = 1024; at < bytes.length; at++) bytes[at] = (at * 31 + seed * 17) & 0xff
  return bytes
}

async function health(url = ""): Promise<string> {
  const answer = await fetch(`${url}/api/health`)
  return `${answer.status} ${await answer.text()}`
}

describe("a full disk", () => {
  it.skipIf(!mayMount)(
    "makes publishing a clear refusal, leaves nothing half published, and the server serves on (needs root: mounts a tmpfs)",
    async () => {
      server = await serve({ data: folder })
      const { api } = server
      const publish = (version: number) =>
        api.call("publishRelease", {
          query: { family: "waspmote", fileName: "LARGE01", version: String(version) },
          body: largeProgram(version),
        })
      const good = await publish(1)
      let refused: unknown = null
      for (let version = 2; version < 40 && refused === null; version++) {
        refused = await publish(version).then(
          () => null,
          (error: unknown) => error,
        )
      }
      expect(String(refused)).toMatch(/The disk is full: nothing was published/)
      const releases = await api.list("listReleases", {})
      const images = new Set(releases.map(({ sha256 }) => sha256))
      expect(readdirSync(join(folder, "images")).filter((name) => !images.has(name))).toEqual([])
      expect(releases.map(({ id }) => id)).toContain(good.id)
      expect((await api.call("health", {})).status).toBe("ok")
      const rest = join(folder, "rest")
      spawnSync("dd", ["if=/dev/zero", `of=${rest}`, "bs=1k"])
      await expect
        .poll(() => health(server?.url), { timeout: 20_000 })
        .toMatch(/^503 .*cannot write to its data folder/)
      rmSync(rest)
      await expect.poll(() => health(server?.url), { timeout: 20_000 }).toMatch(/^200 /)
    },
  )
})
