import { spawnSync } from "node:child_process"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { wrappings } from "../../src/cli/wrappings.ts"
import { applyToFile, makeFilePatch } from "../../src/core/delta/index.ts"
import { sharedInput } from "../shared-inputs.ts"

const folder = mkdtempSync(join(tmpdir(), "waft-forms-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(program: string, ...args: readonly string[]): Buffer {
  const done = spawnSync(program, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 })
  expect(done.stderr.toString()).toBe("")
  expect(done.status).toBe(0)
  return done.stdout
}

/** One file of blocks of 256 bytes for an RP2040, as its tools write them. */
function uf2(image: Uint8Array): Uint8Array {
  const count = Math.ceil(image.length / 256)
  const file = new Uint8Array(512 * count)
  const view = new DataView(file.buffer)
  for (let block = 0; block < count; block++) {
    const at = 512 * block
    const words = [0x0a324655, 0x9e5d5157, 0x2000, 0x10000000 + 256 * block, 256, block, count, 0xe48bff56]
    for (const [i, word] of words.entries()) view.setUint32(at + 4 * i, word, true)
    file.set(image.subarray(256 * block, 256 * block + 256), at + 32)
    view.setUint32(at + 508, 0x0ab16f30, true)
  }
  return file
}

/** The forms of an image, made by the tools that make them in the field. */
const forms: Readonly<Record<string, (image: string) => Uint8Array>> = {
  "Intel HEX of objcopy": () => {
    run("objcopy", "-I", "binary", "-O", "ihex", "--change-addresses", "0x08000000", "image", "form")
    return new Uint8Array(readFileSync(join(folder, "form")))
  },
  "Intel HEX of srec_cat": () => {
    run("srec_cat", "image", "-binary", "-offset", "0x1000", "-o", "form", "-intel")
    return new Uint8Array(readFileSync(join(folder, "form")))
  },
  UF2: (image) => uf2(new Uint8Array(readFileSync(image))),
  "gzip file": () => new Uint8Array(run("gzip", "-9", "-n", "-c", "image")),
  "gzip file around Intel HEX": () => {
    run("objcopy", "-I", "binary", "-O", "ihex", "image", "form")
    return new Uint8Array(run("gzip", "-n", "-c", "form"))
  },
  "ELF file": () => {
    run("ld", "-m", "elf_i386", "-b", "binary", "-Tdata", "0x08000000", "-e", "0x08000000", "-o", "form", "image")
    return new Uint8Array(readFileSync(join(folder, "form")))
  },
}

/** A small patch, where a form's own bytes weigh most, and a larger one. */
const pairs = [
  { name: "avr/grbl-0.9i-201503", forms: ["Intel HEX of objcopy", "Intel HEX of srec_cat", "UF2", "gzip file"] },
  { name: "cm-app/rrf-sam3x-2014", forms: ["UF2", "gzip file around Intel HEX"] },
  { name: "cm-app/hackrf-2024.02", forms: ["gzip file", "ELF file"] },
].flatMap(({ name, forms: rows }) => rows.map((form) => ({ name, form })))

const isThere = sharedInput("corpus", pairs[0]?.name ?? "") !== null

describe.skipIf(!isThere)("forms of an image (skipped where the corpus is absent beside the repository)", () => {
  it.each(pairs)("$name as $form costs at most a tenth more than by itself", ({ name, form }) => {
    const images = ["old.bin", "new.bin"].map((file) => sharedInput("corpus", name, file) ?? "")
    const [before, after] = images.map((image) => {
      copyFileSync(image, join(folder, "image"))
      return (forms[form] as (image: string) => Uint8Array)(image)
    }) as [Uint8Array, Uint8Array]
    const [oldBytes, newBytes] = images.map((image) => new Uint8Array(readFileSync(image))) as [Uint8Array, Uint8Array]
    const { patch } = makeFilePatch(before, after, { profile: "mcu", effort: "fast", wrappings })
    expect(applyToFile(patch, before, wrappings)).toEqual(after)
    const raw = makeFilePatch(oldBytes, newBytes, { profile: "mcu", effort: "fast", wrappings }).patch
    expect(patch.length / raw.length, `${patch.length} bytes, ${raw.length} raw`).toBeLessThanOrEqual(1.1)
  })

  it("is left as it is in an xz file, whose packer is not repeated", () => {
    writeFileSync(join(folder, "image"), new Uint8Array(2000).fill(7))
    const file = new Uint8Array(run("xz", "-k", "-c", "image"))
    expect(makeFilePatch(file, file, { wrappings }).wrapping).toBeNull()
  })
})
