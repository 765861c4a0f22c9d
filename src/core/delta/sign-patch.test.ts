import { ed25519 } from "@noble/curves/ed25519.js"
import { describe, expect, it } from "vitest"
import { applyPatch } from "./apply-patch.ts"
import { readHeader } from "./container.ts"
import { DeltaError } from "./delta-error.ts"
import { firmwarePair } from "./firmware.testing.ts"
import { makePatch } from "./make-patch.ts"
import { signPatch, verifySignature } from "./sign-patch.ts"

const secret = new Uint8Array(32).fill(7)
const publicKey = ed25519.getPublicKey(secret)
const { oldBytes, newBytes } = firmwarePair(12)
const { patch } = makePatch(oldBytes, newBytes, { profile: "tiny" })
const signed = signPatch(patch, secret, new Uint8Array(8).fill(1))

describe("a signed patch", () => {
  it("is applied like any other", () => {
    expect(applyPatch(signed, oldBytes)).toEqual(newBytes)
  })

  it("is known by its key, and by no other", () => {
    expect(() => verifySignature(signed, publicKey)).not.toThrow()
    expect(() => verifySignature(signed, ed25519.getPublicKey(new Uint8Array(32).fill(8)))).toThrow(DeltaError)
    expect(() => verifySignature(patch, publicKey)).toThrow(DeltaError)
  })

  it("is refused when any byte of header, signature or payload is another; the key's id is only a hint", () => {
    const { headerSize } = readHeader(signed)
    for (let at = 0; at < signed.length; at += 2) {
      if (at >= headerSize - 72 && at < headerSize - 64) continue
      const damaged = signed.slice()
      damaged[at] = (damaged[at] as number) ^ 4
      expect(() => verifySignature(damaged, publicKey), `byte ${at}`).toThrow(DeltaError)
    }
  })

  it("signed again has one signature", () => {
    expect(signPatch(signed, secret, new Uint8Array(8).fill(1))).toEqual(signed)
  })
})
