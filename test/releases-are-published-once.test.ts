import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { client } from "../src/cli/api-client.ts"
import type { RunningServer } from "../src/server/main.ts"
import { startHere } from "./start-here.ts"

let folder: string
let server: RunningServer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "waft-once-"))
  server = await startHere(join(folder, "data"))
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

it("the same bytes and version again are the release that they were, also when both come at once", async () => {
  const api = client(server.url, server.token)
  const body = readFileSync(new URL("../demo/waspmote/greenhouse-2.hex", import.meta.url))
  const publish = (more: object = {}) => {
    const query = { family: "waspmote", fileName: "a.hex", version: "2", options: '{"name":"GREENHS"}', ...more }
    return api.call("publishRelease", { query, body })
  }
  const [first, second] = await Promise.all([publish(), publish({ fileName: "b.hex" })])
  expect(second.id).toBe(first.id)
  expect(second.notes).toContain("It was published before; nothing was added.")
  expect((await publish()).notes.filter((note) => note.includes("published before"))).toHaveLength(1)
  expect((await api.call("showRelease", { params: { id: first.id } })).notes).toEqual(first.notes)
  // Whatever differs is another release.
  const others = [{ version: "3" }, { models: "4g" }, { options: '{"name":"GREENHT"}' }, { rules: '{"floor":"1"}' }]
  for (const more of others) expect((await publish(more)).id, JSON.stringify(more)).not.toBe(first.id)
  expect((await publish({ rules: '{"floor":"1"}' })).notes).toContain("It was published before; nothing was added.")
  expect((await api.list("listReleases", {})).length).toBe(1 + others.length)
  // What was taken back comes anew.
  await api.call("withdrawRelease", { params: { id: first.id }, query: {} })
  expect((await publish()).id).not.toBe(first.id)
})
