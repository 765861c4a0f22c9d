import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { firmwarePair, numbers } from "../../src/core/delta/firmware.testing.ts"
import { bzip2 } from "../../src/core/delta/formats/bzip2.ts"
import { makeBsdiff4, makeJojodiff, makeVcdiff, padJojodiff } from "../../src/core/delta/index.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-formats-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const path = (name: string): string => join(folder, name)

function run(program: string, args: readonly string[]): void {
  const done = spawnSync(program, args, { encoding: "utf8" })
  expect(`${done.error?.message ?? ""}${done.stderr}`).toBe("")
  expect(done.status).toBe(0)
}

const next = numbers(11)
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => next() & 255)
const cases = [
  { name: "two versions of firmware", ...firmwarePair(80, 3) },
  { name: "an image that only grew", oldBytes: noise(5000), newBytes: noise(0) },
  { name: "noise and other noise", oldBytes: noise(3000), newBytes: noise(4000) },
  { name: "one byte", oldBytes: noise(1), newBytes: noise(1) },
].map((one) =>
  one.name.startsWith("an image") ? { ...one, newBytes: new Uint8Array([...one.oldBytes, ...noise(100)]) } : one,
)

describe("Debian's bspatch", () => {
  it.each(cases)("applies our bsdiff 4 patch between $name", ({ oldBytes, newBytes }) => {
    writeFileSync(path("old"), oldBytes)
    writeFileSync(path("patch"), makeBsdiff4(oldBytes, newBytes))
    run("bspatch", [path("old"), path("new"), path("patch")])
    expect(new Uint8Array(readFileSync(path("new")))).toEqual(newBytes)
  })
})

describe("Debian's xdelta3", () => {
  it.each(cases)("applies our VCDIFF delta between $name", ({ oldBytes, newBytes }) => {
    writeFileSync(path("old"), oldBytes)
    writeFileSync(path("patch"), makeVcdiff(oldBytes, newBytes))
    run("xdelta3", ["-d", "-f", "-s", path("old"), path("patch"), path("new")])
    expect(new Uint8Array(readFileSync(path("new")))).toEqual(newBytes)
  })

  it.each([0, 1, 5000])("applies our VCDIFF delta from %i bytes to an empty file", (size) => {
    writeFileSync(path("old"), new Uint8Array(size))
    writeFileSync(path("patch"), makeVcdiff(new Uint8Array(size), new Uint8Array()))
    run("xdelta3", ["-d", "-f", "-s", path("old"), path("patch"), path("new")])
    expect(readFileSync(path("new"))).toHaveLength(0)
  })
})

const janpatch = process.env["WAFT_JANPATCH"]

describe.skipIf(janpatch === undefined)("janpatch, where WAFT_JANPATCH names its program (skipped otherwise)", () => {
  it.each(cases)("applies our JojoDiff patch between $name", ({ oldBytes, newBytes }) => {
    const patch = makeJojodiff(oldBytes, newBytes)
    writeFileSync(path("old"), oldBytes)
    for (const bytes of [patch, padJojodiff(patch, patch.length + 5000)]) {
      writeFileSync(path("patch"), bytes)
      run(janpatch ?? "", [path("old"), path("patch"), path("new")])
      expect(new Uint8Array(readFileSync(path("new")))).toEqual(newBytes)
    }
  })
})

describe("bunzip2", () => {
  it.each([
    ["nothing", new Uint8Array()],
    ["one byte", Uint8Array.of(7)],
    ["a long run", new Uint8Array(5000).fill(9)],
    ["runs of 3, 4 and 259", Uint8Array.from([1, 1, 1, 2, 2, 2, 2, ...new Uint8Array(259).fill(3)])],
    ["two blocks", noise(910_000).map((byte) => byte & 7)],
    ["firmware", firmwarePair(200).newBytes],
  ])("unpacks what we packed of %s", (_, bytes) => {
    const unpacked = spawnSync("bzip2", ["-dc"], { input: bzip2(bytes), maxBuffer: 1 << 26 })
    expect(unpacked.stderr.toString()).toBe("")
    expect(Buffer.compare(unpacked.stdout, bytes)).toBe(0)
  })
})
