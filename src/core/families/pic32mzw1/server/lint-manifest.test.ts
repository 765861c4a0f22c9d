import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latin1 } from "../../../kit/bytes.ts"
import { boardImage } from "../device/board.testing.ts"
import { decideManifest } from "../codec/manifest-rules.ts"
import { linters, lintManifest } from "./lint-manifest.ts"
import { writeManifest } from "../codec/manifest.ts"

const digest = "ab".repeat(32)
const url = "http://10.0.0.2/f/a.bin"

function rules(text: string): readonly string[] {
  return lintManifest(latin1(text)).map((fault) => fault.rule)
}

function element(changes: Record<string, unknown>): string {
  return JSON.stringify({ ota: [{ Version: 6, URL: url, Digest: digest, EraseVer: false, ...changes }] })
}

/** One row per rule: a manifest that breaks it and nothing else. */
const broken: readonly (readonly [string, string])[] = [
  ["not-json", '{"ota":['],
  ["not-json", '// comment\n{"ota":[]}'],
  ["no-object", "[]"],
  ["no-ota-array", "{}"],
  ["no-ota-array", '{"ota":{}}'],
  ["element-no-object", '{"ota":[7]}'],
  ["only-last-element", `{"ota":[{},${JSON.stringify({ Version: 6, URL: url, Digest: digest, EraseVer: false })}]}`],
  ["trailing-text", `${element({})} and more`],
  ["byte-order-mark", `\xef\xbb\xbf${element({})}`],
  ["duplicate-key", element({}).replace('"URL"', '"Version":1,"URL"')],
  ["key-case", element({}).replace('"Version"', '"version"')],
  ["missing-version", element({ Version: undefined })],
  ["missing-url", element({ URL: undefined })],
  ["missing-digest", element({ Digest: undefined })],
  ["missing-erasever", element({ EraseVer: undefined })],
  ["erase-not-bool", element({ EraseVer: "false" })],
  ["erase-order", element({ EraseVer: true })],
  ["version-not-number", element({ Version: "6" })],
  ["version-zero", element({ Version: 0 })],
  ["version-negative", element({ Version: -1 })],
  ["version-not-whole", element({ Version: 6.5 })],
  ["version-above-99", element({ Version: 100 })],
  ["url-not-string", element({ URL: 7 })],
  ["url-too-long", element({ URL: `http://10.0.0.2/${"a".repeat(84)}.bin` })],
  ["url-characters", element({ URL: "http://10.0.0.2/f/a b.bin" })],
  ["url-characters", element({ URL: "http://10.0.0.2/f/grün.bin" })],
  ["url-characters", element({ URL: "http://10.0.0.2/f/a\tb.bin" })],
  ["url-query", element({ URL: `${url}?v=6` })],
  ["url-ipv6", element({ URL: "http://[::1]:80/f/a.bin" })],
  ["url-unusable", element({ URL: "ftp://10.0.0.2/a.bin" })],
  ["url-no-extension", element({ URL: "http://10.0.0.2/f/a" })],
  ["digest-not-string", element({ Digest: 7 })],
  ["digest-not-hex", element({ Digest: "ab".repeat(31) })],
  ["digest-too-long", element({ Digest: `${digest}00` })],
  ["digest-upper-case", element({ Digest: digest.toUpperCase() })],
  ["patch-not-array", element({ Patch: {} })],
  ["patch-base-missing", element({ Patch: [{ PatchURL: url, PatchDigest: digest, TargetDigest: digest }] })],
  [
    "patch-base-decimal-hex",
    element({
      Patch: [{ BaseVersion: 12, BaseVerDigest: digest, PatchURL: url, PatchDigest: digest, TargetDigest: digest }],
    }),
  ],
  ["manifest-long", element({}).padEnd(991)],
  ["manifest-too-long", element({}).padEnd(1991)],
]

/** Elements of manifests, each field right or wrong in a way of its own, absent for `undefined`. */
const elements = fc.record({
  Version: fc.constantFrom<unknown>(6, 1, 99, 0, 0.5, 6.5, -3, "6", null, undefined),
  URL: fc.constantFrom<unknown>(url, url, 7, null, undefined),
  Digest: fc.constantFrom<unknown>(digest, digest, digest.toUpperCase(), 7, undefined),
  EraseVer: fc.constantFrom<unknown>(false, false, false, true, "false", 0, undefined),
})
const manifests = fc.oneof(
  { weight: 9, arbitrary: fc.array(elements, { minLength: 1, maxLength: 3 }).map((ota) => JSON.stringify({ ota })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "[]", "{}", '{"ota":{}}', '{"ota":[7]}', '{"OTA":[null]} tail', '{"ota":'),
  },
)
const saysNothingIsInstalled = /refuses the whole manifest|installs nothing|nothing is ever installed|"not available"/

describe("lint of ota.json", () => {
  it.each(broken.map(([rule, text]) => ({ rule, text })))("names $rule in $text", ({ rule, text }) => {
    const found = rules(text)
    expect(found).toContain(rule)
    const others = found.filter((other) => other !== rule && !(rule === "url-ipv6" && other === "url-unusable"))
    expect(others).toEqual([])
  })

  it("says that nothing is installed exactly where a board decides so", () => {
    fc.assert(
      fc.property(manifests, (text) => {
        const board = { runningVersion: 0, stickyErase: false, holds: () => false }
        const { decision } = decideManifest(text, board)
        const claims = lintManifest(latin1(text)).filter(({ sentence }) => saysNothingIsInstalled.test(sentence))
        expect({ text, installs: claims.length === 0 }).toEqual({ text, installs: decision.kind === "update" })
      }),
      { numRuns: 1000 },
    )
  })

  it("reads the linker's HEX file where the family is named, as making an image would", () => {
    const bytes = latin1(":04000000DEADBEEFC4\n:00000001FF\n")
    expect(linters.find((linter) => linter.matches("a.hex", bytes))).toBeUndefined()
    const linter = linters.find((candidate) => candidate.matchesInFamily?.("a.hex", bytes))
    expect(linter?.lint("a.hex", bytes).map(({ rule }) => rule)).toContain("no-boot-control")
  })

  it("finds nothing wrong in what this server writes", () => {
    expect(lintManifest(writeManifest({ version: 6, url, digest, erase: false }))).toEqual([])
  })

  it("finds nothing wrong in an empty array, which offers nothing", () => {
    expect(rules('{"ota":[]}')).toEqual([])
  })

  it("says which number deletes an image of version 10 and above", () => {
    const faults = lintManifest(latin1(element({ Version: 12, EraseVer: true })))
    expect(faults.find((fault) => fault.rule === "erase-decimal-hex")?.sentence).toContain("write 18")
  })

  it("lints images too: a good one is whole, a blank one has no boot address and no signature byte", () => {
    const linter = linters.find((candidate) => candidate.matches("a.bin", boardImage(2)))
    expect(linter?.lint("a.bin", boardImage(2))).toEqual([])
    const spoiled = boardImage(2)
    spoiled[4095] = 0
    expect(linter?.lint("a.bin", spoiled).map((fault) => fault.rule)).toEqual(["signature-byte"])
  })
})
