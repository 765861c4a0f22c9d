import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { crc32 } from "../../src/core/delta/checksum.ts"
import { ramNeeded } from "../../src/core/delta/memory.ts"
import { firmwarePair, numbers, sealAgain } from "../../src/core/delta/firmware.testing.ts"
import {
  Study,
  applyPatch,
  architectures,
  DeltaError,
  flashFor,
  formatVersions,
  makePatch,
  PowerCut,
  type ProfileName,
  profiles,
  readHeader,
  spareSectors,
  updateInPlace,
} from "../../src/core/delta/index.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const corpus = join(process.env["WAFT_SHARED"] ?? join(root, "..", "shared"), "corpus")
const folder = mkdtempSync(join(tmpdir(), "waft-c-delta-"))
const program = join(folder, "decoder")

beforeAll(() => {
  const flags = [
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
  ]
  const sources = ["waft_delta.c", "waft_delta_host.c"].map((name) => join(root, "device", "c", name))
  const built = spawnSync("cc", [...flags, "-DWAFT_PROFILE=3", "-DWAFT_OLD_VERSIONS=1", ...sources, "-o", program], {
    encoding: "utf8",
  })
  expect(built.stderr).toBe("")
  expect(built.status).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

function run(args: readonly string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  expect(done.stderr).toBe("")
  expect(done.status).toBe(0)
  return done.stdout.trim()
}

/** What the C decoder makes of a streamed patch: its result code, and the bytes it wrote. */
function streamInC(patch: Uint8Array, oldBytes: Uint8Array): { readonly code: number; readonly bytes: Uint8Array } {
  const out = join(folder, "new")
  const code = Number(run(["stream", write("patch", patch), write("old", oldBytes), out]))
  return { code, bytes: new Uint8Array(readFileSync(out)) }
}

interface Cut {
  readonly cut: number
  readonly result: number
  readonly isNew: boolean
  readonly operations: number
  readonly atCut: number
  readonly atEnd: number
}

interface Cuts {
  readonly from: number
  readonly to: number
  readonly step: number
}

/** Updates in place in C, once for each cut. */
function placeInC(patch: Uint8Array, images: { oldBytes: Uint8Array; newBytes: Uint8Array }, cuts: Cuts): Cut[] {
  const { header } = readHeader(patch)
  const files = [write("patch", patch), write("old", images.oldBytes), write("new", images.newBytes)]
  const numbersGiven = [header.sectorSize, 8, spareSectors(header), cuts.from, cuts.to, cuts.step].map(String)
  return run(["place", ...files, ...numbersGiven])
    .split("\n")
    .map((line) => {
      const [cut, result, same, operations, atCut, atEnd] = line.split(" ")
      return {
        cut: Number(cut),
        result: Number(result),
        isNew: same === "1",
        operations: Number(operations),
        atCut: Number.parseInt(atCut ?? "", 16),
        atEnd: Number.parseInt(atEnd ?? "", 16),
      }
    })
}

/** The same in TypeScript. */
function placeHere(patch: Uint8Array, oldBytes: Uint8Array, cut: number): Omit<Cut, "result" | "isNew"> {
  const { flash, layout } = flashFor(patch, oldBytes, 8)
  flash.cutAt = cut
  flash.tear = (cut % 5) / 4
  let atCut = -1
  try {
    updateInPlace(patch, flash, layout)
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
    atCut = crc32(flash.bytes)
    flash.cutAt = 0
    updateInPlace(patch, flash, layout)
  }
  const atEnd = crc32(flash.bytes)
  return { cut, operations: flash.operations, atCut: atCut < 0 ? atEnd : atCut, atEnd }
}

const names = Object.keys(profiles) as ProfileName[]

describe("the C decoder's memory", () => {
  const object = join(folder, "decoder.o")

  it("is one struct: nothing is called but four functions that move bytes, so nothing can be allocated", () => {
    const source = join(root, "device", "c", "waft_delta.c")
    expect(spawnSync("cc", ["-std=c99", "-O2", "-fno-stack-protector", "-c", source, "-o", object]).status).toBe(0)
    const undefinedNames = spawnSync("nm", ["-u", object], { encoding: "utf8" }).stdout
    const called = [...undefinedNames.matchAll(/U (\w+)/g)].map((match) => match[1] ?? "")
    expect(
      called.filter((name) => !["memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"].includes(name)),
    ).toEqual([])
  })

  it.each(names.map((name) => [name, profiles[name]] as const))("for %s is within its profile", (_, profile) => {
    const code =
      '#include <stdio.h>\n#include "waft_delta.h"\nint main(void) { printf("%zu", sizeof(struct waft_delta)); }\n'
    const flags = [
      "-std=c99",
      `-DWAFT_PROFILE=${profile.code}`,
      `-I${join(root, "device", "c")}`,
      "-x",
      "c",
      "-",
      "-o",
      join(folder, "size"),
    ]
    expect(spawnSync("cc", flags, { input: code }).status).toBe(0)
    const size = Number(spawnSync(join(folder, "size"), { encoding: "utf8" }).stdout)
    // Three pointers and their padding are wider here than on a 32-bit machine, of which stateSize speaks.
    expect(size - profile.stateSize).toBeGreaterThanOrEqual(0)
    expect(size - profile.stateSize).toBeLessThanOrEqual(48)
    expect(ramNeeded(profile)).toBeLessThanOrEqual(profile.ramLimit)
  })
})

describe("the C decoder", () => {
  const images = firmwarePair(40, 5)

  it.each(names.flatMap((profile) => formatVersions.map((version) => ({ profile, version }))))(
    "makes the same bytes as ours of a streamed patch for $profile, format version $version",
    ({ profile, version }) => {
      const { patch, header } = makePatch(images.oldBytes, images.newBytes, { profile, version, effort: "fast" })
      // A patch says the least version that its decoder needs, and this one needs nothing of 4.
      expect([header.profile.name, header.version]).toEqual([profile, Math.min(version, 3)])
      expect(streamInC(patch, images.oldBytes)).toEqual({ code: 0, bytes: images.newBytes })
    },
  )

  it.each(names)("makes the same bytes as ours of a packed patch for %s, whose copies cross its blocks", (profile) => {
    const { oldBytes, newBytes } = rewrittenPair()
    const { patch, header } = makePatch(oldBytes, newBytes, { profile })
    expect([header.algorithm, header.version]).toEqual(["packed", 4])
    expect(applyPatch(patch, oldBytes)).toEqual(newBytes)
    expect(streamInC(patch, oldBytes)).toEqual({ code: 0, bytes: newBytes })
  })

  it("judges packed payloads that are noise as ours does, and stays inside its memory", () => {
    const { oldBytes, newBytes } = rewrittenPair()
    const { patch } = makePatch(oldBytes, newBytes, { profile: "mcu" })
    const { headerSize } = readHeader(patch)
    const next = numbers(991)
    const codes = new Set<number>()
    for (let round = 0; round < 60; round++) {
      const bad = patch.slice()
      for (let at = headerSize + (next() % 60); at < bad.length; at++) bad[at] = next() & 255
      sealAgain(bad)
      const here = resultHere(bad, oldBytes)
      const inC = streamInC(bad, oldBytes).code
      expect(inC, `round ${round}`).toBe(here === "bad-payload" ? 8 : 9)
      codes.add(inC)
    }
    expect(codes).toContain(8)
  })

  it("knows no version after its own", () => {
    const { patch } = makePatch(images.oldBytes, images.newBytes)
    patch[4] = 5
    expect(streamInC(patch, images.oldBytes).code).toBe(2)
    expect(resultHere(patch, images.oldBytes)).toBe("unknown-version")
  })

  it.each(architectures.map(({ name }) => name))("agrees with ours on %s, whatever the bytes", (architecture) => {
    const next = numbers(architecture.length * 31)
    const oldBytes = Uint8Array.from({ length: 6000 }, () => next() & 255)
    const newBytes = new Uint8Array([...oldBytes.subarray(0, 2000), 1, 2, 3, 4, ...oldBytes.subarray(2000)])
    for (let i = 0; i < 40; i++) newBytes[next() % newBytes.length] = next() & 255
    const { patch } = makePatch(oldBytes, newBytes, { profile: "std", architecture })
    expect(streamInC(patch, oldBytes)).toEqual({ code: 0, bytes: newBytes })
  })

  it.each([
    ["tiny", 1],
    ["tiny", 3],
    ["mcu", 2],
    ["mcu", 3],
  ] as const)(
    "leaves the same flash as ours after a power cut at any operation, and after the restart (%s, version %i)",
    (profile, version) => {
      const small = firmwarePair(14)
      const { patch } = makePatch(small.oldBytes, small.newBytes, { profile, version, sectorSize: 512, effort: "fast" })
      const { operations } = placeHere(patch, small.oldBytes, 0)
      for (const result of placeInC(patch, small, { from: 1, to: operations, step: 7 })) {
        expect(result).toEqual({ ...placeHere(patch, small.oldBytes, result.cut), result: 0, isNew: true })
      }
    },
  )

  it("gets through a power cut at every single operation of a small update", () => {
    const small = firmwarePair(14)
    const { patch } = makePatch(small.oldBytes, small.newBytes, { profile: "tiny", sectorSize: 512 })
    const { operations } = placeHere(patch, small.oldBytes, 0)
    const failures = placeInC(patch, small, { from: 1, to: operations, step: 1 }).filter(
      (row) => row.result !== 0 || !row.isNew,
    )
    expect(failures).toEqual([])
  })

  it("never reads or writes out of bounds on a patch with any one byte wrong, and never accepts it", () => {
    const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "tiny" })
    for (let at = 0; at < patch.length; at += 3) {
      const damaged = patch.slice()
      damaged[at] = (damaged[at] as number) ^ (1 << (at & 7))
      expect(streamInC(damaged, images.oldBytes).code, `byte ${at}`).not.toBe(0)
    }
  })

  it("stops a damaged stream where ours does: at the first wrong block, before its last piece", () => {
    const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "mcu", blockIndex: true })
    expect(streamInC(patch, images.oldBytes)).toEqual({ code: 0, bytes: images.newBytes })
    const { headerSize } = readHeader(patch)
    const results = new Set<string>()
    for (let at = headerSize; at < patch.length; at += Math.ceil((patch.length - headerSize) / 60)) {
      const bad = patch.slice()
      bad[at] = (bad[at] as number) ^ 0x10
      sealAgain(bad)
      const here = resultHere(bad, images.oldBytes)
      const inC = streamInC(bad, images.oldBytes)
      expect(inC.code, `byte ${at}`).toBe(here === "wrong-block" ? 10 : here === "bad-payload" ? 8 : 0)
      expect(inC.bytes, `byte ${at}`).toEqual(images.newBytes.subarray(0, inC.bytes.length))
      if (here === "wrong-block") expect(inC.bytes.length % 4096).toBe(0)
      results.add(here ?? "applied")
    }
    expect([...results]).toContain("wrong-block")
  })

  it("refuses a block index that does not fit before it writes anything, as ours does", () => {
    const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "mcu", blockIndex: true })
    const { header, headerSize } = readHeader(patch)
    const indexAt = headerSize - (header.fields[0]?.value.length ?? 0)
    for (const size of [0, 2048, 8192, 12288, 0x80000000]) {
      const bad = patch.slice()
      new DataView(bad.buffer).setUint32(indexAt, size, true)
      sealAgain(bad)
      expect(resultHere(bad, images.oldBytes)).toBe("bad-header")
      expect(streamInC(bad, images.oldBytes)).toEqual({ code: 3, bytes: new Uint8Array() })
    }
  })

  it("stays inside its limits on payloads that are noise under a right checksum, and judges them as ours does", () => {
    const next = numbers(77)
    const { patch } = makePatch(images.oldBytes, images.newBytes, { profile: "mcu" })
    const { headerSize } = readHeader(patch)
    for (let round = 0; round < 60; round++) {
      const bad = patch.slice()
      for (let at = headerSize + (next() % 40); at < bad.length; at++) bad[at] = next() & 255
      sealAgain(bad)
      const here = resultHere(bad, images.oldBytes)
      const inC = streamInC(bad, images.oldBytes).code
      expect(inC === 0, `round ${round}`).toBe(here === null)
      if (here === "bad-payload") expect(inC).toBe(8)
    }
  })
})

/** An image of text that has nothing to do with the old one, and some of whose lines are there already. */
function rewrittenPair(): { readonly oldBytes: Uint8Array; readonly newBytes: Uint8Array } {
  const { oldBytes } = firmwarePair(20, 9)
  const page = readFileSync(join(root, "docs", "delta-format.md"))
  const newBytes = new Uint8Array([
    ...page.subarray(0, 20_000),
    ...page.subarray(500, 7000),
    ...oldBytes.subarray(100, 900),
  ])
  return { oldBytes, newBytes }
}

function resultHere(patch: Uint8Array, oldBytes: Uint8Array): string | null {
  try {
    applyPatch(patch, oldBytes)
    return null
  } catch (error) {
    if (error instanceof DeltaError) return error.code
    throw error
  }
}

const pairs = existsSync(corpus)
  ? readdirSync(corpus)
      .filter((family) => family !== "arm32-linux" && statSync(join(corpus, family)).isDirectory())
      .flatMap((family) => readdirSync(join(corpus, family)).map((name) => join(family, name)))
      .filter((name) => statSync(join(corpus, name, "new.bin")).size < 200_000)
  : []

describe.skipIf(pairs.length === 0)(
  "the C decoder, on the corpus beside the repository (skipped where it is absent)",
  () => {
    it.each(pairs)("agrees with ours on %s, streamed and in place", (name) => {
      const oldBytes = new Uint8Array(readFileSync(join(corpus, name, "old.bin")))
      const newBytes = new Uint8Array(readFileSync(join(corpus, name, "new.bin")))
      const study = new Study(oldBytes, newBytes)
      const streamed = makePatch(oldBytes, newBytes, { profile: "mcu", study }).patch
      expect(streamInC(streamed, oldBytes).code).toBe(0)
      const inPlace = makePatch(oldBytes, newBytes, { profile: "mcu", sectorSize: 4096, study }).patch
      const [whole] = placeInC(inPlace, { oldBytes, newBytes }, { from: 0, to: 0, step: 1 })
      expect(whole).toMatchObject({ result: 0, isNew: true })
      const step = Math.max(1, Math.floor((whole?.operations ?? 1) / 3))
      for (const row of placeInC(inPlace, { oldBytes, newBytes }, { from: 100, to: whole?.operations ?? 0, step })) {
        expect(row).toMatchObject({ result: 0, isNew: true })
      }
    })
  },
)
