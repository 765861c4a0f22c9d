import { describe, expect, it } from "vitest"
import { imageTool as quectelTool } from "../quectel/image-tool.ts"
import { readFullPackage } from "../recovery/full-package.ts"
import { imageTool } from "./image-tool.ts"

const invent = (options: Readonly<Record<string, string>>): Uint8Array => {
  const made = imageTool.invent?.(options)
  if (made?.ok !== true) throw new Error("nothing was made")
  return made.bytes
}

describe("firmware for virtual Telit modules", () => {
  it("is made of a version, for a GE910 unless another model is named", () => {
    const bytes = invent({ version: "13.00.004" })
    expect(invent({ version: "13.00.004", model: "GE910" })).toEqual(bytes)
    expect(imageTool.inspect({ fileName: "x", bytes })).toMatchObject({
      title: "firmware of a virtual module",
      fields: [{ value: "GE910" }, { value: "13.00.004" }, { value: "65536 bytes" }],
      faults: [],
    })
  })

  it("is packed into a package with from", () => {
    const bytes = invent({ version: "12.00.005", from: "12.00.004", model: "HE910", size: "8000" })
    expect(readFullPackage(bytes)).toMatchObject({ from: "12.00.004", to: "12.00.005", product: "HE910" })
  })

  it("is refused for a model of another family, by a sentence that names its own", () => {
    expect(imageTool.invent?.({ version: "13.00.004", model: "AG35" })).toEqual({
      ok: false,
      faults: [{ rule: "model", sentence: "There is no virtual module AG35; there are GE910, HE910, GE864, GL865." }],
    })
  })

  it("is no image of another family, and another family's is none of its own", () => {
    const own = { fileName: "x", bytes: invent({ version: "13.00.004", from: "13.00.003" }) }
    expect(imageTool.inspect(own)).not.toBeNull()
    expect(quectelTool.inspect(own)).toBeNull()
    const made = quectelTool.invent?.({ version: "AG35CEV13" })
    expect(imageTool.inspect({ fileName: "x", bytes: made?.ok === true ? made.bytes : new Uint8Array(0) })).toBeNull()
    expect(made?.ok).toBe(true)
  })
})
