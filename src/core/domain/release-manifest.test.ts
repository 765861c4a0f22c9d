import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  envelopeText,
  manifestDifference,
  manifestText,
  manifestType,
  readEnvelope,
  type ReleaseManifest,
  signedBytes,
} from "./release-manifest.ts"

const manifest: ReleaseManifest = {
  family: "waspmote",
  models: ["wifi-pro", "4g"],
  sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  sizeBytes: 4,
  source: null,
  version: "12",
}
const signature = { keyId: "0123456789abcdef", signature: btoa("\u0007".repeat(64)) }

describe("a manifest", () => {
  it("has one text: sorted keys, sorted models, no blanks", () => {
    const text = `{"family":"waspmote","models":["4g","wifi-pro"],"sha256":"${manifest.sha256}","sizeBytes":4,"source":null,"version":"12"}`
    expect(manifestText(manifest)).toBe(text)
    expect(manifestText({ ...manifest, models: ["4g", "wifi-pro"] })).toBe(text)
  })

  it("is signed in DSSE's pre-authentication encoding, whose lengths are of bytes", () => {
    expect(new TextDecoder().decode(signedBytes("hé"))).toBe(`DSSEv1 ${manifestType.length} ${manifestType} 3 hé`)
  })

  it("says what it has that another has not", () => {
    const signed = manifestText({ ...manifest, version: "11" })
    expect(manifestDifference(signed, manifest)).toBe('version "11" was signed and the release has "12"')
    expect(manifestDifference("{}", manifest)).toContain("family nothing was signed")
    expect(manifestDifference("[]", manifest)).toBe(null)
  })
})

describe("an envelope", () => {
  it("is read as it was written, its signatures by their keys", () => {
    const other = { ...signature, keyId: "00112233445566ff" }
    const read = readEnvelope(envelopeText({ payload: manifestText(manifest), signatures: [signature, other] }))
    expect(read).toEqual({ payload: manifestText(manifest), signatures: [other, signature] })
  })

  it.each([
    ["no JSON", "signatures", "no JSON object"],
    ["a list", "[]", "no JSON object"],
    ["another type", { payloadType: "application/json" }, "payloadType"],
    ["a payload that is no base64", { payload: "%%" }, "payload"],
    ["a payload that is no text", { payload: btoa("\u00ff\u00fe") }, "payload"],
    ["a payload without end", { payload: btoa("A".repeat(8000)) }, "payload"],
    ["no signatures", { signatures: undefined }, "list"],
    ["signatures without end", { signatures: Array.from({ length: 17 }, () => ({})) }, "at most 16"],
    ["a signature of null", { signatures: [null] }, "keyid"],
    ["a key of another length", { signatures: [{ keyid: "00", sig: signature.signature }] }, "keyid"],
    ["a short signature", { signatures: [{ keyid: signature.keyId, sig: "AAAA" }] }, "64 bytes"],
  ])("is refused with the cause: %s", (_, change, cause) => {
    const whole = JSON.parse(envelopeText({ payload: manifestText(manifest), signatures: [signature] })) as object
    const read = readEnvelope(typeof change === "string" ? change : JSON.stringify({ ...whole, ...change }))
    expect("fault" in read ? read.fault : "").toContain(cause)
  })

  it("is read or refused, whatever it is", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readEnvelope(text)))
  })
})
