import type { Json } from "../kit/json.ts"

/**
 * What is signed of a release: what devices get and what it is for. Signatures come in a DSSE envelope
 * (https://github.com/secure-systems-lab/dsse, protocol v1), whose payload is the manifest in canonical JSON (RFC 8785).
 */
export interface ReleaseManifest {
  readonly family: string
  /** Compatible models; empty = all of the family. */
  readonly models: readonly string[]
  /** Of the image as devices fetch it, in hex. */
  readonly sha256: string
  readonly sizeBytes: number
  /** A package leads from exactly this version; null = a full image. */
  readonly source: string | null
  readonly version: string
}

/** A release as far as its signatures go. */
export interface SignedRelease extends Omit<ReleaseManifest, "sha256" | "sizeBytes"> {
  readonly image: { readonly sha256: string; readonly sizeBytes: number }
  readonly signatures?: readonly ReleaseSignature[]
}

/** What is signed of a release. */
export function manifestOf({ family, models, version, source, image }: SignedRelease): ReleaseManifest {
  return { family, models, version, source, sha256: image.sha256, sizeBytes: image.sizeBytes }
}

/** One key's word on a manifest. */
export interface ReleaseSignature {
  /** The first 16 hex digits of the SHA-256 of the public key in DER (SubjectPublicKeyInfo). */
  readonly keyId: string
  /** Ed25519 (RFC 8032), base64: 64 bytes. */
  readonly signature: string
}

export interface ReleaseEnvelope {
  /** The manifest's text. */
  readonly payload: string
  readonly signatures: readonly ReleaseSignature[]
}

export const manifestType = "application/vnd.waft.release.v1+json"

/** Signatures that one release may carry. */
export const mostSignatures = 16

/** Bytes of a manifest's text that are read at all. */
const mostPayloadBytes = 4096

/** The manifest in canonical JSON: keys in the order of their code units, no blanks; models sorted, so that their order says nothing. */
export function manifestText({ family, models, sha256, sizeBytes, source, version }: ReleaseManifest): string {
  return JSON.stringify({ family, models: [...models].sort(), sha256, sizeBytes, source, version })
}

/** The bytes that a key signs: DSSE's pre-authentication encoding of the payload and its type. */
export function signedBytes(payload: string): Uint8Array {
  const body = new TextEncoder().encode(payload)
  const head = new TextEncoder().encode(`DSSEv1 ${manifestType.length} ${manifestType} ${body.length} `)
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}

/** The envelope as a file. */
export function envelopeText({ payload, signatures }: ReleaseEnvelope): string {
  const sorted = [...signatures].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
  const file = {
    payloadType: manifestType,
    payload: toBase64(payload),
    signatures: sorted.map(({ keyId, signature }) => ({ keyid: keyId, sig: signature })),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

const keyIdPattern = /^[0-9a-f]{16}$/
const signaturePattern = /^[A-Za-z0-9+/]{85}[AQgw]==$/

/** Reads an envelope; a fault says what about it is wrong. */
export function readEnvelope(text: string): ReleaseEnvelope | { readonly fault: string } {
  const value = parsed(text)
  if (value === null) return { fault: "it is no JSON object" }
  if (value["payloadType"] !== manifestType) return { fault: `its payloadType is not ${manifestType}` }
  const payload = typeof value["payload"] === "string" ? fromBase64(value["payload"]) : null
  if (payload === null) return { fault: "its payload is not the base64 of a manifest" }
  const given = value["signatures"]
  if (!Array.isArray(given) || given.length > mostSignatures) {
    return { fault: `it needs a list of at most ${mostSignatures} signatures` }
  }
  const signatures: ReleaseSignature[] = []
  for (const one of given as readonly Json[]) {
    const { keyid, sig } = (typeof one === "object" && one !== null ? one : {}) as Record<string, Json>
    if (typeof keyid !== "string" || !keyIdPattern.test(keyid)) {
      return { fault: "each signature needs a keyid of 16 hex digits" }
    }
    if (typeof sig !== "string" || !signaturePattern.test(sig)) {
      return { fault: `the signature by ${keyid} is not the base64 of 64 bytes` }
    }
    signatures.push({ keyId: keyid, signature: sig })
  }
  return { payload, signatures }
}

/** What two manifests say differently, in words; empty = nothing, `null` = the first is no manifest. */
export function manifestDifference(signed: string, actual: ReleaseManifest): string | null {
  const value = parsed(signed)
  if (value === null) return null
  const words = (one: Json | undefined): string => (one === undefined ? "nothing" : JSON.stringify(one).slice(0, 80))
  return Object.entries(JSON.parse(manifestText(actual)) as Record<string, Json>)
    .filter(([key, one]) => words(value[key]) !== words(one))
    .map(([key, one]) => `${key} ${words(value[key])} was signed and the release has ${words(one)}`)
    .join("; ")
}

function parsed(text: string): Record<string, Json> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : null
  } catch {
    return null
  }
}

function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}

function fromBase64(text: string): string | null {
  if (text.length > (mostPayloadBytes * 4) / 3) return null
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
