import { describe, expect, it } from "vitest"
import type { ImageRef } from "../../core/domain/records.ts"
import { ImageCache } from "./image-cache.ts"

const image = (sha256: string): ImageRef => ({ sha256, sizeBytes: 100 })

function cacheThatCounts(limitBytes: number) {
  const loads: string[] = []
  const cache = new ImageCache(limitBytes, ({ sha256, sizeBytes }) => {
    loads.push(sha256)
    return Promise.resolve(new Uint8Array(sizeBytes))
  })
  return { cache, loads }
}

describe("the image cache", () => {
  it("reads an image once for any number of transfers", async () => {
    const { cache, loads } = cacheThatCounts(1000)
    const holds = await Promise.all(Array.from({ length: 50 }, () => cache.hold(image("a"))))
    expect(loads).toEqual(["a"])
    expect(cache.usedBytes).toBe(100)
    for (const hold of holds) hold.release()
  })

  it("keeps within its limit once images are released, dropping the longest unused", async () => {
    const { cache, loads } = cacheThatCounts(250)
    for (const name of ["a", "b", "a", "c"]) (await cache.hold(image(name))).release()
    expect(cache.usedBytes).toBe(200)
    ;(await cache.hold(image("a"))).release()
    expect(loads).toEqual(["a", "b", "c"])
    ;(await cache.hold(image("b"))).release()
    expect(loads).toEqual(["a", "b", "c", "b"])
  })

  it("never drops an image in use, and counts a double release once", async () => {
    const { cache } = cacheThatCounts(50)
    const first = await cache.hold(image("a"))
    const second = await cache.hold(image("a"))
    first.release()
    first.release()
    expect(cache.usedBytes).toBe(100)
    second.release()
    expect(cache.usedBytes).toBe(0)
  })

  it("forgets an image that could not be read, so that the next try reads again", async () => {
    let failing = true
    const cache = new ImageCache(1000, () =>
      failing ? Promise.reject(new Error("bad sector")) : Promise.resolve(new Uint8Array(100)),
    )
    await expect(cache.hold(image("a"))).rejects.toThrow("bad sector")
    failing = false
    expect((await cache.hold(image("a"))).sizeBytes).toBe(100)
  })
})
