import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { applyToFile, makeFilePatch, makePatch } from "../../src/core/delta/index.ts"
import { firmwarePair, numbers } from "../../src/core/delta/firmware.testing.ts"
import { gnuDeflate } from "../../src/core/delta/wrap/deflate/gnu-gzip.ts"
import { wrappings } from "../../src/cli/wrappings.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-gnu-gzip-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What GNU gzip makes of a file. */
function gzip(content: Uint8Array, level: number): Uint8Array {
  const path = join(folder, "content")
  writeFileSync(path, content)
  const done = spawnSync("gzip", [`-${level}`, "-n", "-c", path], { maxBuffer: 64 * 1024 * 1024 })
  expect(done.status).toBe(0)
  return new Uint8Array(done.stdout)
}

/** Firmware, noise and runs in turn, so that blocks of every kind occur and the window moves on. */
function mixed(length: number): Uint8Array {
  const next = numbers(9)
  const { newBytes } = firmwarePair(60)
  return Uint8Array.from({ length }, (_, i) => {
    const part = (i >> 15) % 4
    if (part === 0) return newBytes[i % newBytes.length] as number
    if (part === 1) return next() & 255
    if (part === 2) return 0xff
    return "0123456789abcdef".charCodeAt(next() & 15)
  })
}

describe("a deflate stream of GNU gzip", () => {
  const cases = [0, 1, 5, 70_000, 400_000].flatMap((length) =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((level) => ({ length, level })),
  )
  it.each(cases)("of $length bytes at level $level is made again to the last bit", ({ length, level }) => {
    const content = mixed(length)
    expect(Buffer.from(gnuDeflate(content, level))).toEqual(Buffer.from(gzip(content, level).subarray(10, -8)))
  })

  it("is looked into: the patch between two such files is little larger than that between what is in them", () => {
    const { oldBytes, newBytes } = firmwarePair(60)
    const [before, after] = [gzip(oldBytes, 9), gzip(newBytes, 6)]
    const made = makeFilePatch(before, after, { wrappings })
    expect(made.wrapping).toBe("gzip")
    expect(applyToFile(made.patch, before, wrappings)).toEqual(after)
    expect(made.header.payloadSize).toBe(makePatch(oldBytes, newBytes).header.payloadSize)
  })
})
