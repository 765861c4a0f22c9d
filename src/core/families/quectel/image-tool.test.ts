import { describe, expect, it } from "vitest"
import { readFullPackage } from "../recovery/full-package.ts"
import { imageTool } from "./image-tool.ts"

const invent = (options: Readonly<Record<string, string>>): Uint8Array => {
  const made = imageTool.invent?.(options)
  if (made?.ok !== true) throw new Error("nothing was made")
  return made.bytes
}

describe("firmware for virtual modules", () => {
  it("is made of a version, the same every time, and read back", () => {
    const bytes = invent({ version: "AG35CEV13" })
    expect(invent({ version: "AG35CEV13", model: "AG35" })).toEqual(bytes)
    expect(imageTool.inspect({ fileName: "x", bytes })).toMatchObject({
      fields: [
        { name: "model", value: "AG35" },
        { name: "version", value: "AG35CEV13" },
        { name: "size", value: "65536 bytes" },
      ],
      faults: [],
    })
    bytes[5000] = (bytes[5000] ?? 0) ^ 1
    expect(imageTool.inspect({ fileName: "x", bytes })?.faults).toMatchObject([{ rule: "checksum" }])
  })

  it("is packed into a package with from, as large as it is wanted", () => {
    const bytes = invent({ version: "V13", from: "V12", model: "BG96", size: "8000", "package-size": "300000" })
    expect(bytes.length).toBe(300_000)
    expect(readFullPackage(bytes)).toMatchObject({ from: "V12", to: "V13", product: "BG96" })
    expect(imageTool.inspect({ fileName: "x", bytes })?.fields.at(-1)).toEqual({
      name: "filler",
      value: "291768 bytes",
    })
  })

  it.each([
    [{}, "version"],
    [{ version: "a b" }, "version"],
    [{ version: "V1", from: "" }, "from"],
    [{ version: "V1", model: "MINIFOTA" }, "model"],
    [{ version: "V1", size: "12" }, "size"],
    [{ version: "V1", size: "many" }, "size"],
    [{ version: "V1", from: "V0", "package-size": "1e12" }, "package-size"],
  ])("is refused for %j by the rule %s, in a sentence", (options, rule) => {
    expect(imageTool.invent?.(options)).toMatchObject({
      ok: false,
      faults: [{ rule, sentence: expect.stringMatching(/^[A-Z].*\.$/) }],
    })
  })

  it("is nothing else's", () => {
    expect(imageTool.inspect({ fileName: "x", bytes: new Uint8Array(500) })).toBeNull()
  })
})
