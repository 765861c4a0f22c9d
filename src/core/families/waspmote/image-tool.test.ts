import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { imageTool } from "./image-tool.ts"

const hexFile = {
  fileName: "_4G_20_OTA.hex",
  bytes: readFileSync(new URL("../../../../demo/waspmote/greenhouse-1.hex", import.meta.url)),
}

describe("the image tool", () => {
  it("makes an OTA binary and reads every field of it back", () => {
    const made = imageTool.make?.(hexFile, {})
    if (made?.ok !== true) throw new Error("not made")
    const report = imageTool.inspect({ fileName: "_4G_20_", bytes: made.bytes })
    expect(report?.faults).toEqual([])
    expect(Object.fromEntries(report?.fields.map(({ name, value }) => [name, value]) ?? [])).toEqual({
      mark: "FIRMWARE_FILE_FOR_WASPMOTE######",
      "program id": `_4G_20_${"*".repeat(25)}`,
      "program name": "_4G_20_",
      SIZE: `${made.bytes.length} bytes`,
      program: `${made.bytes.length - 512} bytes of 122880`,
    })
  })

  it("names what is wrong with a damaged one, and leaves other files to others", () => {
    const made = imageTool.make?.(hexFile, { name: "PROG001" })
    if (made?.ok !== true) throw new Error("not made")
    const damaged = made.bytes.slice()
    damaged[100] = 0
    const report = imageTool.inspect({ fileName: "PROG001", bytes: damaged })
    expect(report?.faults.map((fault) => fault.rule)).toEqual(["ota-header-filler"])
    expect(imageTool.inspect(hexFile)).toBeNull()
  })
})
