import { ed25519 } from "@noble/curves/ed25519.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { concat } from "../kit/bytes.ts"
import { type Field, fieldType, readPatch, writePatch } from "./container.ts"
import { DeltaError } from "./delta-error.ts"

/**
 * Signs a patch with an Ed25519 secret key of 32 bytes. The signature covers the header, in which the payload's SHA-256
 * then stands, up to the signature field itself. `keyId` names the key for the device, 8 bytes.
 */
export function signPatch(patchBytes: Uint8Array, secretKey: Uint8Array, keyId: Uint8Array): Uint8Array {
  if (keyId.length !== 8) throw new RangeError("a key id has 8 bytes")
  const { header, payload } = readPatch(patchBytes)
  const kept = header.fields.filter(({ type }) => type !== fieldType.signature && type !== fieldType.payloadSha256)
  const fields: Field[] = [...kept, { type: fieldType.payloadSha256, value: sha256(payload) }]
  const placeholder = { type: fieldType.signature, value: concat([keyId, new Uint8Array(64)]) }
  const unsigned = writePatch({ ...header, fields: [...fields, placeholder] }, new Uint8Array())
  const signature = ed25519.sign(signedPart(unsigned), secretKey)
  return writePatch(
    { ...header, fields: [...fields, { type: fieldType.signature, value: concat([keyId, signature]) }] },
    payload,
  )
}

const signatureField = 3 + 8 + 64

/** The header up to the signature field, which is its last. */
function signedPart(headerBytes: Uint8Array): Uint8Array {
  return headerBytes.subarray(0, headerBytes.length - signatureField)
}

/** Throws `DeltaError` unless the patch is whole and signed by the key whose public part (32 bytes) is given. */
export function verifySignature(patchBytes: Uint8Array, publicKey: Uint8Array): void {
  const { header, headerSize } = readPatch(patchBytes)
  const last = header.fields.at(-1)
  if (last?.type !== fieldType.signature || last.value.length !== 72)
    throw new DeltaError("bad-signature", "it is not signed")
  if (!header.fields.some(({ type }) => type === fieldType.payloadSha256)) {
    throw new DeltaError("bad-signature", "the signature does not cover the payload")
  }
  const isGood = ed25519.verify(last.value.subarray(8), signedPart(patchBytes.subarray(0, headerSize)), publicKey)
  if (!isGood) throw new DeltaError("bad-signature", "another key, or other bytes")
}
