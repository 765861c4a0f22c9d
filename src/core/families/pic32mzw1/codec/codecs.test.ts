import { readFileSync } from "node:fs"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromLatin1, hex } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { parseCJson } from "./cjson.ts"
import { parseDeviceUrl, requestText, storedName } from "./device-url.ts"
import { freshBootControl, readBootControl } from "./image.ts"
import { largestManifestBytes, writeManifest } from "./manifest.ts"
import { decideManifest } from "./manifest-rules.ts"
import { standardSlot } from "../models.ts"
import { versions, versionToErase } from "../versions.ts"

interface Vectors {
  readonly requests: readonly {
    says: string
    section: string
    url: string
    request: string
    host: string
    port: number
    tls: boolean
  }[]
  readonly versions: readonly { section: string; published: number; readBack: number }[]
  readonly storedNames: readonly {
    says: string
    section: string
    url: string
    bin: string | null
    patch: string | null
  }[]
  readonly freshBootControl: { readonly first16: string; readonly lastByte: string }
  readonly writtenManifest: { version: number; url: string; digest: string; bytes: string }
}

const vectors = JSON.parse(readFileSync(new URL("../vectors.json", import.meta.url), "utf8")) as Vectors
const digest = "ab".repeat(32)

describe("the codecs of a board", () => {
  it.each(vectors.requests.map((vector) => ({ ...vector })))("request, $section: $says", (vector) => {
    const url = parseDeviceUrl(vector.url)
    expect(url).toMatchObject({ host: vector.host, port: vector.port, tls: vector.tls })
    expect(url === null ? "" : requestText(url)).toBe(vector.request)
  })

  it.each(vectors.versions.map((vector) => ({ ...vector })))(
    "version $published is read back as $readBack",
    (vector) => {
      expect(versionToErase(vector.published)).toBe(vector.readBack)
    },
  )

  it.each(vectors.storedNames.map((vector) => ({ ...vector })))("stored name, $section: $says", (vector) => {
    expect(storedName(vector.url, "bin")).toBe(vector.bin)
    expect(storedName(vector.url, "patch")).toBe(vector.patch)
  })

  it("make a fresh boot-control sector with the bytes of 2.6", () => {
    const sector = freshBootControl(standardSlot)
    expect(hex(sector.subarray(0, 16))).toBe(vectors.freshBootControl.first16)
    expect(hex(sector.subarray(4095))).toBe(vectors.freshBootControl.lastByte)
    expect(readBootControl(sector)).toMatchObject({ type: 3, version: 1, bootAddress: 0xb0021000, signature: 0xf8 })
  })

  it("write the recommended manifest byte for byte", () => {
    const { bytes, ...entry } = vectors.writtenManifest
    expect(fromLatin1(writeManifest({ ...entry, erase: false }))).toBe(bytes)
  })

  it("read back every manifest that they write, below 990 bytes and with as many patches as fit", () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,12}\.bin$/)
    const patch = fc.record({
      baseVersion: fc.integer({ min: 1, max: 99 }),
      baseDigest: fc.constant(digest),
      url: name.map((file) => `http://10.0.0.2/d/${file}`),
      patchDigest: fc.constant(digest),
      targetDigest: fc.constant(digest),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 99 }),
        name,
        fc.array(patch, { maxLength: 6 }),
        (version, file, patches) => {
          const url = `http://10.0.0.2:8081/d/key/${file}`
          const bytes = writeManifest({ version, url, digest, erase: false, patches })
          expect(bytes.length).toBeLessThan(largestManifestBytes)
          const context = { runningVersion: 1, stickyErase: true, holds: () => false }
          expect(decideManifest(fromLatin1(bytes), context)).toEqual({
            decision: { kind: "update", version, url, digest },
            stickyErase: false,
          })
          const held = decideManifest(fromLatin1(bytes), { ...context, holds: () => true }).decision
          if (patches.length > 0) expect(held).toMatchObject({ kind: "patch", url: patches[0]?.url })
        },
      ),
    )
  })

  it("refuse to write a URL or digest that no board can take", () => {
    const entry = { version: 2, url: "http://h/a.bin", digest, erase: false }
    for (const url of [
      `http://h/${"a".repeat(90)}.bin`,
      "http://h/a.bin?x",
      "http://h/a",
      "ftp://h/a.bin",
      "http://h/ä.bin",
    ]) {
      expect(() => writeManifest({ ...entry, url })).toThrow(RangeError)
    }
    expect(() => writeManifest({ ...entry, digest: digest.toUpperCase() })).toThrow(RangeError)
  })

  it("parse any text into a value or a malformed message, and read all that JSON is", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: "binary-ascii" }), (text) => {
        try {
          parseCJson(text)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
      }),
    )
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseCJson(text).end).toBe(text.length)
      }),
    )
  })

  it("take versions 1 to 99 and name the rule that others break", () => {
    expect(versions.parse("7")).toEqual({ version: "7" })
    expect(versions.parse("099")).toEqual({ version: "99" })
    for (const [text, rule] of [
      ["0", "version-zero"],
      ["100", "version-above-99"],
      ["1.2", "version-number"],
      ["", "version-number"],
    ] as const) {
      expect(versions.parse(text)).toMatchObject({ fault: { rule } })
    }
    expect(versions.compare("9", "10")).toBeLessThan(0)
  })
})
