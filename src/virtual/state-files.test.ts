import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { afterAll, describe, expect, it } from "vitest"
import type { BodyStorage } from "../core/families/body.ts"
import { MemoryStorage } from "../core/families/memory-storage.ts"
import { StateFiles } from "./state-files.ts"

const scratch = mkdtempSync(join(tmpdir(), "waft-state-"))
afterAll(() => rmSync(scratch, { recursive: true }))

const geometry = { sizeBytes: 1024, sectorBytes: 256 }

/** One thing done to a storage; what it gives back is compared. */
type Deed = (storage: BodyStorage) => Promise<unknown>

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 })
const offset = fc.integer({ min: 0, max: 980 })
const fileName = fc.constantFrom("A", "../../x", "a/b", ".", "..", "%41", "Ä", "\0", "UPGRADE.TXT")

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  fc.tuple(offset, bytes).map(
    ([at, data]): Deed =>
      async (s) =>
        (await s.memory("flash", geometry)).write(at, data),
  ),
  offset.map(
    (at): Deed =>
      async (s) =>
        (await s.memory("flash", geometry)).erase(at),
  ),
  offset.map(
    (at): Deed =>
      async (s) => [...(await (await s.memory("flash", geometry)).read(at, 40))],
  ),
  fc.tuple(offset, bytes).map(
    ([at, data]): Deed =>
      async (s) =>
        (await s.memory("eeprom", { sizeBytes: 1024 })).write(at, data),
  ),
  offset.map(
    (at): Deed =>
      async (s) => [...(await (await s.memory("eeprom", { sizeBytes: 1024 })).read(at, 40))],
  ),
  fileName.map(
    (name): Deed =>
      async (s) =>
        (await s.files("sd")).create(name),
  ),
  fileName.map(
    (name): Deed =>
      async (s) =>
        (await s.files("sd")).remove(name),
  ),
  fileName.map(
    (name): Deed =>
      async (s) =>
        (await s.files("sd")).size(name),
  ),
  fileName.map(
    (name): Deed =>
      async (s) => [...(await (await s.files("sd")).read(name, 1, 30))],
  ),
  fc.tuple(fileName, bytes).map(
    ([name, data]): Deed =>
      async (s) => {
        const files = await s.files("sd")
        if ((await files.size(name)) !== null) await files.append(name, data)
      },
  ),
)

describe("storage in a folder", () => {
  it("does what storage in memory does, opened again at every step, and nothing leaves the folder", async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(deeds, { maxLength: 25 }), async (steps) => {
        const outer = join(scratch, String(run++))
        const memory = new MemoryStorage()
        const folder = join(outer, "deep", "state")
        mkdirSync(folder, { recursive: true })
        for (const step of steps) {
          const files = new StateFiles(folder)
          try {
            expect(await step(files)).toEqual(await step(memory))
          } finally {
            files.close()
          }
        }
        const kept = new StateFiles(folder)
        expect([...(await (await kept.files("sd")).list())].sort()).toEqual(
          [...(await (await memory.files("sd")).list())].sort(),
        )
        kept.close()
        expect(readdirSync(outer)).toEqual(["deep"])
        expect(readdirSync(join(outer, "deep"))).toEqual(["state"])
      }),
      { numRuns: 60 },
    )
  })
})
