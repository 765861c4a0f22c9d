import { describe, expect, it } from "vitest"
import type { Upload } from "../../family.ts"
import { enter } from "./enter.ts"
import { imeiA } from "./bench.testing.ts"
import { telit } from "../index.ts"
import { readMemory } from "./memory.ts"
import { modelNamed, telitModels, variantsOf } from "../models.ts"

const { versions, publish, planOffer } = telit

describe("versions", () => {
  it.each(["10.00.005", "10.00.006", "13.00.003", "10.00.77.2"])(
    "%s is taken as it is (figs. 1 and 2, table 1)",
    (text) => {
      expect(versions.parse(text)).toEqual({ version: text })
    },
  )

  it.each(["", "10", "10.00", "10.00.xx5", "10.00.005 ", "v10.00.005", "1.2.3", "10.00.005.1.2"])(
    "%j is none",
    (text) => {
      expect(versions.parse(text)).toHaveProperty("fault.rule", "software-version")
    },
  )

  it("are ordered field by field", () => {
    const sorted = ["13.00.003", "10.00.77.2", "10.00.006", "10.00.005"].sort(versions.compare)
    expect(sorted).toEqual(["10.00.005", "10.00.006", "10.00.77.2", "13.00.003"])
    expect(versions.compare("10.00.77", "10.00.77.1")).toBeLessThan(0)
  })
})

describe("the applicability table", () => {
  // §4.1.1 and §5.1.1: "Software Version equal/greater than".
  it.each([
    ["10.00.002", ["sms"]],
    ["10.00.003", ["sms", "combined"]],
    ["10.00.004", ["sms", "combined", "ip"]],
    ["10.00.005", ["sms", "combined", "ip"]],
    ["13.00.001", ["sms"]],
    ["13.00.002", ["sms", "combined", "ip"]],
    ["12.00.002", ["sms", "combined", "ip"]],
    ["12.00.001", ["sms"]],
    ["16.00.002", ["sms"]],
  ])("%s has %j", (firmware, variants) => {
    expect(variantsOf(firmware)).toEqual(variants)
  })

  it("names a model by its id and by its products", () => {
    for (const { id, products } of telitModels) {
      for (const name of [id, ...products, id.toLowerCase()]) expect(modelNamed(name)?.id).toBe(id)
    }
    expect(modelNamed("LE910")).toBeNull()
  })
})

describe("publishing a delta", () => {
  const upload: Upload = {
    fileName: "ge910.bin",
    bytes: Uint8Array.of(1, 2, 3),
    version: "13.00.004",
    models: ["GE910"],
    options: { from: "13.00.003" },
  }

  it("takes it byte for byte, bound to model, source and target", () => {
    expect(publish({ ...upload, options: { ...upload.options, mode: "automatic" } })).toMatchObject({
      ok: true,
      image: upload.bytes,
      version: "13.00.004",
      source: "13.00.003",
      details: { from: "13.00.003", to: "13.00.004", mode: "automatic" },
    })
  })

  it.each([
    ["from-missing", { options: {} }],
    ["same-version", { options: { from: "13.00.004" } }],
    ["model-missing", { models: [] }],
    ["empty", { bytes: new Uint8Array(0) }],
    ["software-version", { version: "latest" }],
    ["mode", { options: { from: "13.00.003", mode: "maybe" } }],
  ])("refuses by the rule %s", (rule, part) => {
    const publication = publish({ ...upload, ...part })
    expect(publication.ok ? [] : publication.faults.map((fault) => fault.rule)).toContain(rule)
  })
})

describe("planning", () => {
  const packages = [
    { id: "p1", from: "13.00.003", to: "13.00.004", sizeBytes: 1000 },
    { id: "p2", from: "13.00.004", to: "13.00.005", sizeBytes: 1000 },
  ]
  const state = (options: Readonly<Record<string, string>>) => {
    const entered = enter({ id: imeiA, number: "+393330000001", apn: "ibox.tim.it", ...options })
    if ("fault" in entered) throw new Error(entered.fault)
    return entered.familyState
  }
  const plan = (options: Readonly<Record<string, string>>, runningVersion: string | null, details = {}) =>
    planOffer({
      device: { id: imeiA, model: "GE910", familyState: state(options), runningVersion, isReported: false },
      release: { version: "13.00.005", details },
      image: { sha256: "", sizeBytes: 1000 },
      packages,
    })

  it("finds the first hop of the way, from what an operator told as well", () => {
    expect(plan({}, "13.00.003")).toMatchObject({
      ok: true,
      packageId: "p1",
      offer: { from: "13.00.003", to: "13.00.004", hops: 2, variant: "sms", mode: "manual" },
      reason: expect.stringContaining("13.00.003 → 13.00.004 → 13.00.005"),
    })
  })

  it("asks the host as the release says, or else as the device's option says", () => {
    expect(plan({ mode: "automatic" }, "13.00.003")).toMatchObject({ offer: { mode: "automatic" } })
    expect(plan({ mode: "automatic" }, "13.00.003", { mode: "manual" })).toMatchObject({ offer: { mode: "manual" } })
  })

  it("waits until what runs, the number and the access point are known", () => {
    expect(plan({}, null)).toMatchObject({ ok: false, isLater: true, sentence: expect.stringMatching(/AT#OTASNAP/) })
    const device = { id: imeiA, model: "GE910", familyState: {}, runningVersion: "13.00.003", isReported: true }
    const rest = { release: { version: "13.00.005", details: {} }, image: { sha256: "", sizeBytes: 1 }, packages }
    expect(planOffer({ device, ...rest })).toMatchObject({ isLater: true, sentence: expect.stringMatching(/number/) })
    const entered = enter({ id: imeiA, number: "+393330000001" })
    const familyState = "familyState" in entered ? entered.familyState : {}
    expect(planOffer({ device: { ...device, familyState }, ...rest })).toMatchObject({
      isLater: true,
      sentence: expect.stringMatching(/access point/),
    })
  })

  it("refuses a protocol that the software does not have", () => {
    expect(plan({ variant: "tcp-ip" }, "13.00.001")).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/13\.00\.001 has no TCP\/IP protocol/),
    })
    expect(plan({ variant: "combined" }, "13.00.003")).toMatchObject({ ok: true, offer: { variant: "combined" } })
  })

  it("refuses a package for a module that calls itself another model", () => {
    const familyState = { ...state({}), product: "HE910-D" }
    const device = { id: imeiA, model: "GE910", familyState, runningVersion: "13.00.003", isReported: true }
    const rest = { release: { version: "13.00.005", details: {} }, image: { sha256: "", sizeBytes: 1 }, packages }
    expect(planOffer({ device, ...rest })).toMatchObject({
      ok: false,
      sentence: expect.stringMatching(/calls itself HE910-D/),
    })
    expect(planOffer({ device: { ...device, model: "HE910" }, ...rest })).toMatchObject({ ok: true })
  })

  it("says why when no package leads there", () => {
    expect(plan({}, "13.00.009")).toMatchObject({ ok: false, sentence: expect.stringMatching(/no package starts/) })
  })
})

describe("what an operator enters", () => {
  it("is remembered", () => {
    const entered = enter({
      id: imeiA,
      number: "+393330000001",
      variant: "combined",
      mode: "automatic",
      "answer-seconds": "120",
      coding: "7-bit",
      apn: "ibox.tim.it",
      "apn-user": "otto",
    })
    expect(readMemory("familyState" in entered ? entered.familyState : {})).toMatchObject({
      variant: "combined",
      mode: "automatic",
      answerSeconds: 120,
      coding: "7-bit-no-class",
      bearer: { bearer: "gprs", access: "ibox.tim.it", user: "otto", password: "" },
      bindings: [{ number: "+393330000001", imsi: "" }],
    })
  })

  it.each([
    [{ id: "pump-7" }, /IMEI, 15 digits/],
    [{ number: "0393" }, /international/],
    [{ variant: "ip" }, /tcp-ip/],
    [{ "answer-seconds": "3601" }, /5 to 3600/],
    [{ apn: "a", "csd-number": "+39011" }, /one of them/],
    [{ "apn-user": "otto" }, /go with/],
    [{ colour: "red" }, /no option "colour"/],
    [{ __proto__x: "1" }, /no option/],
  ])("%j is refused with a sentence", (options, sentence) => {
    expect(enter({ id: imeiA, ...options })).toMatchObject({ fault: expect.stringMatching(sentence) })
  })
})
