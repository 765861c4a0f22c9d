import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { newFolder, root, serve, type Serving } from "../serving.ts"
import { waft } from "./run-waft.ts"

const running: Serving[] = []
const start = async (options: Parameters<typeof serve>[0] = {}): Promise<Serving> => {
  const server = await serve(options)
  running.push(server)
  return server
}
afterEach(async () => {
  for (const server of running.splice(0)) await server.end("SIGKILL")
})

async function publish({ api }: Serving): Promise<void> {
  await api.call("publishRelease", {
    query: { family: "waspmote", fileName: "greenhouse-1.hex", version: "1" },
    body: readFileSync(join(root, "demo", "waspmote", "greenhouse-1.hex")),
  })
}

describe("waft backup", () => {
  it("copies a server that is being written to, verified, as often as it is asked; a restored one has it all", async () => {
    const server = await start()
    await publish(server)
    const folder = newFolder()
    let added = 0
    const ending = new AbortController()
    const writing = (async () => {
      for (; !ending.signal.aborted; added++) {
        await server.api.call("addDevice", { body: { id: `m${added}`, family: "waspmote", model: "4g" } })
      }
    })()
    const before: number[] = []
    const names = ["a.tar", "b.tar", "c.tar"].map((name) => join(folder, name))
    for (const name of names) {
      before.push(added)
      const ran = await waft("backup", name, "--data", server.data, "--json")
      expect(ran.errors).toBe("")
      expect(JSON.parse(ran.out)).toMatchObject({ path: name, releases: 1, images: 1 })
      expect(statSync(name).mode & 0o777).toBe(0o600)
    }
    ending.abort()
    await writing
    expect(readdirSync(server.data).filter((name) => name.startsWith("backup-"))).toEqual([])
    for (const [i, name] of names.entries()) {
      const data = join(newFolder(), "restored")
      expect(await waft("restore", name, "--data", data)).toMatchObject({ code: 0, errors: "" })
      const restored = await start({ data })
      const devices = await restored.api.list("listDevices", {})
      expect(devices.length).toBeGreaterThanOrEqual(before[i] ?? Number.POSITIVE_INFINITY)
      // The same token opens it: `serve` reads it from the folder, and the events are without a gap.
      const events = await restored.api.list("listEvents", {})
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1))
      expect((await waft("device", "list", "--data", data, "--json")).code).toBe(0)
      await restored.end("SIGTERM")
    }
  })

  it("calls nothing a backup that is damaged, and restores over nothing", async () => {
    const server = await start()
    await publish(server)
    const folder = newFolder()
    const file = join(folder, "good.tar")
    expect((await waft("backup", file, "--data", server.data)).code).toBe(0)
    expect((await waft("backup", file, "--data", server.data)).errors).toContain("is there already")
    const whole = readFileSync(file)
    const image = whole.indexOf("images/") + 512
    const faults: readonly [string, Buffer][] = [
      ["cut", whole.subarray(0, whole.length / 2)],
      ["flipped", Buffer.from(whole.map((byte, at) => (at === image + 100 ? byte ^ 1 : byte)))],
      ["foreign", Buffer.from("no archive at all, whatever its name says".repeat(100))],
      ["empty", Buffer.alloc(0)],
    ]
    for (const [name, bytes] of faults) {
      writeFileSync(join(folder, name), bytes)
      const data = join(folder, `${name}-data`)
      const ran = await waft("restore", join(folder, name), "--data", data)
      expect(ran.code, name).toBe(1)
      expect(ran.errors, name).toContain("is no sound backup")
      expect(readdirSync(folder), name).not.toContain(`${name}-data`)
    }
    const used = join(folder, "used")
    mkdirSync(used)
    writeFileSync(join(used, "something"), "")
    expect((await waft("restore", file, "--data", used)).errors).toContain("is not empty")
  })
})
