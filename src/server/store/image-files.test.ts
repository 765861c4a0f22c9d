import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { Refusal } from "../../core/domain/refusal.ts"
import { type ImageDisk, openImageFiles } from "./image-files.ts"

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waft-images-"))
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i % 251)

/** A disk whose n-th operation fails with `code`. */
function failingDisk(failAt: number, code: string): { readonly disk: ImageDisk; readonly operations: () => number } {
  let count = 0
  const step = (): void => {
    if (++count === failAt) throw Object.assign(new Error(code), { code })
  }
  const disk = {
    ...fs,
    open: async (...args: Parameters<typeof fs.open>) => {
      step()
      const file = await fs.open(...args)
      return {
        readFile: () => file.readFile(),
        writeFile: async (data: Uint8Array) => {
          step()
          await file.writeFile(data)
        },
        sync: async () => {
          step()
          await file.sync()
        },
        close: () => file.close(),
      }
    },
    rename: async (from: string, to: string) => {
      step()
      await fs.rename(from, to)
    },
  } as unknown as ImageDisk
  return { disk, operations: () => count }
}

describe("image files", () => {
  it("give back what was put, and store the same bytes once", async () => {
    const images = await openImageFiles({ folder, cacheBytes: 1 << 20 })
    const first = await images.put(bytes)
    expect(await images.put(bytes)).toEqual(first)
    expect(await readdir(folder)).toEqual([first.sha256])
    const hold = await images.open(first)
    expect(Uint8Array.from(await hold.read(10, 5))).toEqual(bytes.subarray(10, 15))
  })

  it("are checked against their SHA-256 when a transfer starts reading", async () => {
    const images = await openImageFiles({ folder, cacheBytes: 1 << 20 })
    const image = await images.put(bytes)
    await writeFile(
      join(folder, image.sha256),
      bytes.map((byte, i) => (i === 77 ? byte ^ 1 : byte)),
    )
    await expect(images.open(image)).rejects.toThrow(/no longer has its SHA-256/)
    await images.put(bytes)
    expect((await images.open(image)).sizeBytes).toBe(bytes.length)
  })

  it("leave nothing half written whichever disk operation fails, and say that the disk is full", async () => {
    let runs = 0
    for (let failAt = 1; ; failAt++) {
      const { disk, operations } = failingDisk(failAt, "ENOSPC")
      const images = await openImageFiles({ folder, cacheBytes: 1 << 20, disk })
      const put = images.put(Uint8Array.from(bytes, (byte) => (byte + failAt) % 256))
      if (
        await put.then(
          () => true,
          (error: unknown) => isStorageFull(error),
        )
      ) {
        const names = await readdir(folder)
        expect(names.filter((name) => name.endsWith(".part"))).toEqual([])
        if (operations() < failAt) break
      }
      runs++
    }
    expect(runs).toBeGreaterThanOrEqual(6)
  })

  it("are cleared of what a crash left behind", async () => {
    await writeFile(join(folder, "abc-1-0.part"), "half")
    await openImageFiles({ folder, cacheBytes: 1 << 20 })
    expect(await readdir(folder)).toEqual([])
  })
})

function isStorageFull(error: unknown): boolean {
  if (error instanceof Refusal && error.code === "storage-full") return true
  // The first operation only looks whether the image is there already.
  if ((error as NodeJS.ErrnoException).code === "ENOSPC") return true
  throw error
}
