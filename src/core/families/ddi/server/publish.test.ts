import { describe, expect, it } from "vitest"
import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import type { Publication } from "../../family.ts"
import { tarFile } from "./known-device.testing.ts"
import { planOffer, readOffer } from "./offer.ts"
import { publish } from "./publish.ts"

function bundle(...files: readonly Uint8Array[]): Publication {
  const bytes = concat([...files, new Uint8Array(1024)])
  return publish({ fileName: "b.tar", bytes, models: [], options: { bundle: "true" }, version: "3" })
}

describe("artifacts", () => {
  it("of a bundle stand one behind another in the image", () => {
    const archive = concat([tarFile("a.bin", "aaa"), tarFile("b.bin", "bbbb"), new Uint8Array(1024)])
    const made = publish({ fileName: "b.tar", bytes: archive, models: [], options: { bundle: "true" }, version: "3" })
    if (!made.ok) throw new Error(made.faults[0]?.sentence)
    expect(fromLatin1(made.image)).toBe("aaabbbb")
    expect(readOffer(made.details).chunks).toMatchObject([
      {
        part: "os",
        name: "b.tar",
        version: "3",
        artifacts: [
          { filename: "a.bin", offset: 0, sizeBytes: 3 },
          { filename: "b.bin", offset: 3, sizeBytes: 4 },
        ],
      },
    ])
  })

  it("of a bundle with folders are a chunk for each folder", () => {
    const made = bundle(
      tarFile("./os/root.img", "aaa"),
      tarFile("bApp,dashboard,1.4/app.bin", "bbbb"),
      tarFile("os/boot.img", "cc"),
      tarFile("readme.txt", "d"),
    )
    if (!made.ok) throw new Error(made.faults[0]?.sentence)
    const chunks = readOffer(made.details).chunks.map(({ artifacts, ...chunk }) => ({
      ...chunk,
      files: artifacts.map(({ filename, offset, sizeBytes }) => [filename, offset, sizeBytes]),
    }))
    expect(fromLatin1(made.image)).toBe("aaabbbbccd")
    expect(chunks).toEqual([
      {
        part: "os",
        name: "os",
        version: "3",
        files: [
          ["root.img", 0, 3],
          ["boot.img", 7, 2],
        ],
      },
      { part: "bApp", name: "dashboard", version: "1.4", files: [["app.bin", 3, 4]] },
      { part: "os", name: "b.tar", version: "3", files: [["readme.txt", 9, 1]] },
    ])
    expect(made.notes[0]).toBe("chunk os: os 3")
  })

  it.each([
    ["part", "a b,x/f.bin"],
    ["chunk-name", "os,\u00e9,1/f.bin"],
    ["version-text", "os,x, 1/f.bin"],
  ])("of a bundle are refused by the rule %s where a folder is called as in %s", (rule, path) => {
    const made = bundle(tarFile(path, "x"))
    expect(made.ok ? [] : made.faults.map((fault) => fault.rule)).toEqual([rule])
  })

  it("may have the same name in two chunks, and not in one", () => {
    expect(bundle(tarFile("os/f.bin", "x"), tarFile("jvm/f.bin", "y")).ok).toBe(true)
    expect(bundle(tarFile("os/f.bin", "x"), tarFile("os/f.bin", "y"))).toMatchObject({
      ok: false,
      faults: [{ rule: "artifact-twice" }],
    })
  })

  it("of a release that was stored without its list of chunks are one chunk", () => {
    const artifacts = [{ filename: "a", offset: 0, sizeBytes: 1, sha1: "", md5: "", sha256: "" }]
    expect(readOffer({ part: "bApp", name: "n", version: "7", handling: "attempt", artifacts })).toEqual({
      handling: "attempt",
      chunks: [{ part: "bApp", name: "n", version: "7", artifacts }],
    })
  })

  it("are one for rauc-hawkbit-updater, which closes a release of more in failure", () => {
    const made = bundle(tarFile("a.bin", "x"), tarFile("b.bin", "y"))
    if (!made.ok) throw new Error(made.faults[0]?.sentence)
    const plan = (model: string) =>
      planOffer({
        device: { id: "d1", model, familyState: {}, runningVersion: null },
        release: { version: "3", details: made.details },
        image: { sha256: "", sizeBytes: 2 },
      })
    expect(plan("swupdate").ok).toBe(true)
    expect(plan("rauc")).toEqual({
      ok: false,
      sentence: "rauc-hawkbit-updater takes a release of one file, and 3 has 2: publish one of its own for this model.",
    })
  })

  it.each([
    ["version-missing", { version: undefined }],
    ["handling", { options: { handling: "now" } }],
    ["part", { options: { part: "a b" } }],
    ["bundle", { options: { bundle: "true" } }],
    ["artifact-name", { fileName: "a b.swu" }],
    ["artifact-name", { fileName: "a.MD5SUM" }],
    ["artifact-empty", { bytes: new Uint8Array(0) }],
  ])("are refused by the rule %s", (rule, change) => {
    const { version = "1", ...rest } = change as { version?: string }
    const upload = { fileName: "a.swu", bytes: latin1("x"), models: [], options: {}, ...rest }
    const made = publish("version" in change ? upload : { ...upload, version })
    expect(made.ok ? [] : made.faults.map((fault) => fault.rule)).toContain(rule)
  })
})
