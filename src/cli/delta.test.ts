import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { deltaCommand } from "./delta.ts"
import { Failure } from "./failure.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-cli-delta-"))
const path = (name: string): string => join(folder, name)
const oldBytes = Uint8Array.from({ length: 5000 }, (_, i) => Math.imul(i, 2654435761) >>> 24)
const newBytes = new Uint8Array([...oldBytes.subarray(0, 3000), 1, 2, 3, ...oldBytes.subarray(3000)])

beforeAll(() => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true)
  writeFileSync(path("old"), oldBytes)
  writeFileSync(path("new"), newBytes)
})
afterAll(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

const waftDelta = (...args: readonly string[]): Promise<unknown> =>
  deltaCommand().parseAsync([...args], { from: "user" })

describe("waft delta", () => {
  it("makes a patch, checks it and applies it", async () => {
    await waftDelta("make", path("old"), path("new"), "-o", path("patch"), "--profile", "tiny")
    await waftDelta("verify", path("patch"), "--old", path("old"))
    await waftDelta("info", path("patch"), "--json")
    await waftDelta("apply", path("old"), path("patch"), "-o", path("made"))
    expect(new Uint8Array(readFileSync(path("made")))).toEqual(newBytes)
  })

  it("makes one in place and one in another system's format", async () => {
    await waftDelta("make", path("old"), path("new"), "-o", path("in-place"), "--in-place", "--sector", "512")
    await waftDelta("apply", path("old"), path("in-place"), "-o", path("made"))
    expect(new Uint8Array(readFileSync(path("made")))).toEqual(newBytes)
    await waftDelta("make", path("old"), path("new"), "-o", path("jojo"), "--format", "jojodiff")
    expect(readFileSync(path("jojo"))[0]).toBe(0xa7)
  })

  it("looks into gzip files whose deflate it can repeat, and leaves others as they are", async () => {
    const packed = (bytes: Uint8Array, level: number): Uint8Array => new Uint8Array(gzipSync(bytes, { level }))
    writeFileSync(path("old.gz"), packed(oldBytes, 1))
    writeFileSync(path("new.gz"), packed(newBytes, 9))
    await waftDelta("make", path("old.gz"), path("new.gz"), "-o", path("gz-patch"), "--profile", "tiny")
    await waftDelta("apply", path("old.gz"), path("gz-patch"), "-o", path("made.gz"))
    expect(readFileSync(path("made.gz"))).toEqual(readFileSync(path("new.gz")))
    await waftDelta("make", path("old.gz"), path("new.gz"), "-o", path("raw"), "--profile", "tiny", "--raw")
    expect(statSync(path("gz-patch")).size).toBeLessThan(statSync(path("raw")).size / 2)
    await waftDelta("apply", path("old"), path("gz-patch"), "-o", path("made"))
    expect(new Uint8Array(readFileSync(path("made")))).toEqual(newBytes)
    const foreign = new Uint8Array([...packed(newBytes, 9), 0, 0])
    writeFileSync(path("foreign.gz"), foreign)
    await waftDelta("make", path("old.gz"), path("foreign.gz"), "-o", path("raw"), "--profile", "tiny")
    await waftDelta("apply", path("old.gz"), path("raw"), "-o", path("made.gz"))
    expect(new Uint8Array(readFileSync(path("made.gz")))).toEqual(foreign)
  })

  it("makes the patch back as well", async () => {
    await waftDelta("make", path("old"), path("new"), "-o", path("patch"), "--reverse", path("back"))
    await waftDelta("apply", path("new"), path("back"), "-o", path("made"))
    expect(new Uint8Array(readFileSync(path("made")))).toEqual(oldBytes)
  })

  it("names the blocks in which a device's flash is not the new image", async () => {
    const far = new Uint8Array([...newBytes, ...newBytes])
    writeFileSync(path("far"), far)
    await waftDelta("make", path("old"), path("far"), "-o", path("patch"), "--index")
    await waftDelta("verify", path("patch"), "--image", path("far"))
    far[5000] = (far[5000] ?? 0) ^ 1
    writeFileSync(path("far"), far)
    await expect(waftDelta("verify", path("patch"), "--image", path("far"))).rejects.toThrow("blocks at 0x1000.")
    await waftDelta("make", path("old"), path("new"), "-o", path("patch"))
    await expect(waftDelta("verify", path("patch"), "--image", path("far"))).rejects.toThrow("no block index")
  })

  it("refuses the wrong image, an unsigned patch and a sector of 300 bytes", async () => {
    await waftDelta("make", path("old"), path("new"), "-o", path("patch"))
    await expect(waftDelta("apply", path("new"), path("patch"), "-o", path("made"))).rejects.toThrow(Failure)
    await expect(waftDelta("verify", path("patch"), "--key", "00".repeat(32))).rejects.toThrow(Failure)
    const bad = waftDelta("make", path("old"), path("new"), "-o", path("x"), "--in-place", "--sector", "300")
    await expect(bad).rejects.toThrow("--sector 300 is no power of two from 256 on.")
  })
})
