import { ed25519 } from "@noble/curves/ed25519.js"
import { describe, expect, it } from "vitest"
import {
  manifestText,
  type ReleaseSignature,
  type SignedRelease,
  signedBytes,
} from "../core/domain/release-manifest.ts"
import { KeyFault, makeKeyPair, readPublicKeys, signManifest } from "./release-keys.ts"
import { ReleaseTrust } from "./release-trust.ts"

const bare: SignedRelease = {
  family: "waspmote",
  models: [],
  version: "12",
  source: null,
  image: { sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", sizeBytes: 4 },
}
const text = manifestText({ ...bare, ...bare.image })
const pairs = [makeKeyPair(null), makeKeyPair(null), makeKeyPair(null)] as const
const [a, b, c] = pairs
const keys = readPublicKeys(a.publicPem + b.publicPem)
const by = (...signers: readonly (typeof a)[]): SignedRelease => ({
  ...bare,
  signatures: signers.map(({ privatePem }) => signManifest(text, privatePem, null)),
})

/** The key pair of RFC 8032 §7.1, test 1, in the form of RFC 8410 §7 and §4. */
const rfcPrivate = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
const rfcPublic = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
const pem = (kind: string, head: string, key: string): string =>
  `-----BEGIN ${kind} KEY-----\n${Buffer.from(head + key, "hex").toString("base64")}\n-----END ${kind} KEY-----\n`
const rfcPrivatePem = pem("PRIVATE", "302e020100300506032b657004220420", rfcPrivate)
const rfcPublicPem = pem("PUBLIC", "302a300506032b6570032100", rfcPublic)

describe("a key", () => {
  it("signs as docs/signed-releases.md prints it, and as another implementation does", () => {
    const made = signManifest(text, rfcPrivatePem, null)
    expect(made).toEqual({
      keyId: "06e3fd8fda29bb60",
      signature: "c0Vxobqu3heElOC+RVjvlZAZC3j6pBbDOddLn+kX882FeEjTeOQNh47dW+UJapeVwSrt5YOjBfQrBwoMODrhAg==",
    })
    expect(ed25519.sign(signedBytes(text), Buffer.from(rfcPrivate, "hex"))).toEqual(
      new Uint8Array(Buffer.from(made.signature, "base64")),
    )
    expect(readPublicKeys(rfcPublicPem)[0]?.id).toBe(made.keyId)
  })

  it("may be locked with a passphrase", () => {
    const locked = makeKeyPair("open sesame")
    expect(signManifest(text, locked.privatePem, "open sesame").keyId).toBe(locked.id)
    for (const wrong of [null, "", "sesame"])
      expect(() => signManifest(text, locked.privatePem, wrong)).toThrow("the passphrase is missing or wrong")
  })

  it("is refused where it is none, of another kind, or the private one at the server", () => {
    expect(() => readPublicKeys("")).toThrow(KeyFault)
    expect(() => readPublicKeys("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")).toThrow(
      "that can be read",
    )
    expect(() => readPublicKeys(a.publicPem + a.privatePem)).toThrow("holds a private key")
    const x25519 = pem("PUBLIC", "302a300506032b656e032100", rfcPublic)
    expect(() => readPublicKeys(x25519)).toThrow("holds a key of x25519, not of Ed25519")
  })
})

describe("trust", () => {
  it("demands nothing without keys", () => {
    expect(new ReleaseTrust([], 1).whyNot(bare)).toBe(null)
  })

  it("takes any one of the keys at a threshold of one, and names what is missing", () => {
    const trust = new ReleaseTrust(keys, 1)
    expect(trust.whyNot(by(a))).toBe(null)
    expect(trust.whyNot(by(c, b))).toBe(null)
    expect(trust.whyNot(bare)).toBe(`it carries 0 of 1 signatures; missing: 1 of ${a.id}, ${b.id}`)
    expect(trust.whyNot(by(c))).toContain(`(${c.id} is no key of this server)`)
  })

  it("counts each key once at a threshold of two", () => {
    const trust = new ReleaseTrust(keys, 2)
    expect(trust.whyNot(by(a, b))).toBe(null)
    expect(trust.whyNot(by(a, a))).toBe(`it carries 1 of 2 signatures; missing: ${b.id}`)
    expect(trust.whyNot(by(a, c))).toContain("1 of 2")
    expect(trust.whyNot(bare)).toContain(`missing: ${a.id} and ${b.id}`)
  })

  it("is gone with any change of what was signed, or of a signature", () => {
    const trust = new ReleaseTrust(keys, 1)
    const signed = by(a)
    const [signature] = signed.signatures as readonly [ReleaseSignature]
    const other = signature.signature.startsWith("B") ? "C" : "B"
    const changes: readonly Partial<SignedRelease>[] = [
      { family: "telit" },
      { models: ["4g"] },
      { version: "13" },
      { source: "11" },
      { image: { ...bare.image, sizeBytes: 5 } },
      { image: { ...bare.image, sha256: "0".repeat(64) } },
      { signatures: [{ ...signature, keyId: b.id }] },
      { signatures: [{ ...signature, signature: `${other}${signature.signature.slice(1)}` }] },
    ]
    expect(trust.whyNot(signed)).toBe(null)
    for (const change of changes) expect(trust.whyNot({ ...signed, ...change })).toContain("is not for this release")
  })
})
