import { readFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { sharedInput } from "../../../../../test/shared-inputs.ts"
import { concat, fromLatin1, hex, latin1 } from "../../../kit/bytes.ts"
import type { Upload } from "../../family.ts"
import { makeOtaBinary, programIdBytes, readOtaBinary } from "../codec/ota-binary.ts"
import { programNameOf } from "../codec/program-name.ts"
import { publish } from "./publish.ts"
import vectors from "../vectors.json" with { type: "json" }

const greenhouse = readFileSync(new URL("../../../../../demo/waspmote/greenhouse-1.hex", import.meta.url))

function upload(bytes: Uint8Array, more: Partial<Upload> = {}): Upload {
  return { fileName: "PROG001.hex", bytes, version: "7", models: [], options: {}, ...more }
}

function rulesOf(bytes: Uint8Array, more: Partial<Upload> = {}): readonly string[] {
  const publication = publish(upload(bytes, more))
  return publication.ok ? [] : publication.faults.map((fault) => fault.rule)
}

/** A program that passes for one: vectors that jump behind themselves, then filler. */
function program(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(0x11)
  for (let at = 0; at < 51 * 4; at += 4) bytes.set([0x0c, 0x94, 0x66, 0x00], at)
  return bytes
}

/** Intel HEX of bytes at an address below 64 KiB, or in the segment given. */
function hexOf(bytes: Uint8Array, address = 0, segment = 0): string {
  let text = segment === 0 ? "" : record(0, 2, Uint8Array.of(segment >> 8, segment & 0xff))
  for (let at = 0; at < bytes.length; at += 16) text += record(address + at, 0, bytes.subarray(at, at + 16))
  return text
}

function record(address: number, type: number, data: Uint8Array): string {
  const bytes = concat([Uint8Array.of(data.length, address >> 8, address & 0xff, type), data])
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  return `:${hex(bytes)}${hex(Uint8Array.of(-sum & 0xff))}\n`.toUpperCase()
}

const end = ":00000001FF\n"

describe("publishing a Waspmote program", () => {
  it("makes the OTA binary of an Intel HEX file, name and header included", () => {
    const publication = publish(upload(greenhouse, { fileName: "_4G_20_OTA.hex" }))
    if (!publication.ok) throw new Error(publication.faults.map((fault) => fault.sentence).join(" "))
    expect(publication.version).toBe("7")
    expect(publication.details).toMatchObject({ name: "_4G_20_" })
    expect(fromLatin1(publication.image, 0, 39)).toBe("FIRMWARE_FILE_FOR_WASPMOTE######_4G_20_")
    expect(fromLatin1(publication.image)).toContain("greenhouse version 1")
  })

  it("takes the IDE's OTA binary as it is", () => {
    const binary = makeOtaBinary("PROG001", program(3000))
    const publication = publish(upload(binary, { fileName: "PROG001" }))
    expect(publication.ok && hex(publication.image) === hex(binary)).toBe(true)
  })

  it("stamps the name that was asked for", () => {
    const publication = publish(upload(makeOtaBinary("PROG001", program(300)), { options: { name: "OTHER_1" } }))
    expect(publication.ok && fromLatin1(publication.image, 32, 41)).toBe("OTHER_1**")
  })

  it("names files as the vendor's IDE does", () => {
    for (const { file, name, source } of vectors.programNames) expect(programNameOf(file), source).toBe(name)
  })

  it("writes the header byte for byte as documented", () => {
    const { name, firstHex, idHex, starsFrom, starsTo, programAt } = vectors.otaHeader
    const binary = makeOtaBinary(name, Uint8Array.of(0x0c))
    expect(hex(binary.subarray(0, 32))).toBe(firstHex)
    expect(hex(binary.subarray(32, 64))).toBe(idHex)
    expect(hex(programIdBytes(name))).toBe(idHex)
    expect(hex(binary.subarray(starsFrom, starsTo))).toBe("2a".repeat(starsTo - starsFrom))
    expect(hex(binary.subarray(programAt))).toBe("0c")
  })

  const text = (content: string): Uint8Array => latin1(content)
  const good = hexOf(program(512))
  const binary = makeOtaBinary("PROG001", program(3000))
  interface Refusal {
    readonly why: string
    readonly bytes: Uint8Array
    readonly rules: readonly string[]
    readonly more: Partial<Upload>
  }
  const refusal = (why: string, bytes: Uint8Array, rule: string, more: Partial<Upload> = {}): Refusal => ({
    why,
    bytes,
    rules: [rule],
    more,
  })
  const refusals: readonly Refusal[] = [
    refusal("an empty file", text(""), "file-empty"),
    refusal("something else", text("MZ\x90"), "unknown-file"),
    refusal("a HEX file that goes on after its end", text(good + end + good), "data-after-end"),
    refusal("a HEX file without an end", text(good), "no-end-record"),
    refusal("a damaged record", text(good.replace("94", "95") + end), "hex-checksum"),
    refusal("garbage inside", text(good + "hello\n" + end), "hex-unreadable"),
    refusal("an address given twice", text(good + good + end), "hex-overlap"),
    refusal(
      "data in the bootloader's area",
      text(good + hexOf(new Uint8Array(16), 0xe000, 0x1000) + end),
      "data-in-bootloader",
    ),
    refusal("data outside the flash", text(good + hexOf(new Uint8Array(16), 0, 0x2000) + end), "data-outside-flash"),
    refusal("a program that does not begin at 0", text(hexOf(program(512), 0x100) + end), "no-data-at-zero"),
    refusal("a HEX file without data", text(end), "program-empty"),
    refusal("no AVR program", text(hexOf(new Uint8Array(512).fill(0x7f)) + end), "no-reset-vector"),
    refusal("a program for another chip", text(hexOf(program(512).fill(0x11, 104)) + end), "vectors-of-another-chip"),
    refusal("a version above a byte", binary, "version-not-a-byte", { version: "256", fileName: "PROG001" }),
    refusal("a bad name", text(good + end), "program-name", { options: { name: "TOOLONG1" } }),
    refusal("the name NO_FILE", text(good + end), "program-name", { fileName: "NO_FILE.hex" }),
    refusal("a renamed binary", binary, "name-mismatch", { fileName: "OTHER_1" }),
    refusal("a binary cut in its header", binary.subarray(0, 400), "ota-header-missing"),
    refusal("a binary without a program", binary.subarray(0, 512), "program-empty"),
    refusal("a binary too large", makeOtaBinary("PROG001", program(122_881)), "program-too-large"),
  ]

  it.each(refusals)("refuses $why", ({ bytes, rules, more }) => {
    expect(rulesOf(bytes, more)).toEqual(rules)
  })

  it("refuses a program without a version", () => {
    const publication = publish({ fileName: "PROG001", bytes: binary, models: [], options: {} })
    expect(publication.ok ? [] : publication.faults.map((fault) => fault.rule)).toEqual(["version-missing"])
  })

  it("refuses a program that is one byte too large, and takes the largest", () => {
    expect(rulesOf(makeOtaBinary("PROG001", program(122_880)), { fileName: "PROG001" })).toEqual([])
    const tooLarge = hexOf(program(0x10000)) + hexOf(program(0xe001), 0, 0x1000) + end
    expect(rulesOf(latin1(tooLarge))).toEqual(["program-too-large"])
  })

  it.each([
    [3, "ota-header-mark"],
    [32, "ota-header-name"],
    [40, "ota-header-name"],
    [64, "ota-header-filler"],
    [511, "ota-header-filler"],
  ])("finds a byte of the header that is wrong at offset %i", (at, rule) => {
    const damaged = binary.slice()
    damaged[at] = 0x20
    const read = readOtaBinary(damaged)
    expect("faults" in read ? read.faults.map((fault) => fault.rule) : []).toEqual([rule])
  })

  it("takes any bytes without failing and says every fault in one sentence", () => {
    const files = fc.oneof(
      fc.uint8Array({ maxLength: 900 }),
      fc.uint8Array({ maxLength: 900 }).map((bytes) => concat([latin1(":"), bytes])),
      fc.uint8Array({ maxLength: 900 }).map((bytes) => concat([latin1("FIRMWARE_FILE_FOR_WASPMOTE######"), bytes])),
    )
    fc.assert(
      fc.property(files, (bytes) => {
        const publication = publish(upload(bytes))
        expect(publication.ok).toBe(false)
        if (!publication.ok) for (const fault of publication.faults) expect(fault.sentence).toMatch(/\.$/)
      }),
    )
  })
})

describe("programs of others", () => {
  for (const name of ["awesome", "kami2"]) {
    const path = sharedInput("firmware", "waspmote", `${name}.hex`)
    it.skipIf(path === null)(`are published: ${name}.hex (needs firmware/waspmote of the shared inputs)`, () => {
      const publication = publish(upload(readFileSync(path ?? ""), { fileName: `${name}.hex` }))
      expect(publication.ok && publication.details["name"]).toBe(programNameOf(`${name}.hex`))
    })
  }

  const grbl = sharedInput("firmware", "avr", "grbl_v0_9j_atmega328p_16mhz_115200.hex")
  it.skipIf(grbl === null)("are refused when built for another AVR (needs firmware/avr of the shared inputs)", () => {
    expect(rulesOf(readFileSync(grbl ?? ""), { fileName: "grbl.hex" })).toEqual(["vectors-of-another-chip"])
  })
})
