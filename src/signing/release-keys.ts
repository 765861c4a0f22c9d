import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto"
import { type ReleaseSignature, signedBytes } from "../core/domain/release-manifest.ts"

/** A key file cannot be used; `message` is the end of a sentence that begins with the file's name. */
export class KeyFault extends Error {
  override readonly name = "KeyFault"
}

/** A key by which releases are verified. */
export interface ReleaseKey {
  /** The first 16 hex digits of the SHA-256 of the key in DER: `openssl pkey -pubin -outform DER | sha256sum`. */
  readonly id: string
  readonly key: KeyObject
}

/** A new pair in PEM: PKCS #8 (encrypted when there is a passphrase) and SubjectPublicKeyInfo, as openssl writes them. */
export function makeKeyPair(passphrase: string | null): {
  readonly id: string
  readonly privatePem: string
  readonly publicPem: string
} {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const lock = passphrase === null ? {} : { cipher: "aes-256-cbc", passphrase }
  return {
    id: keyIdOf(publicKey),
    privatePem: privateKey.export({ type: "pkcs8", format: "pem", ...lock }) as string,
    publicPem: publicKey.export({ type: "spki", format: "pem" }) as string,
  }
}

/** Signs a manifest's text with a private key in PEM. Throws `KeyFault`. */
export function signManifest(payload: string, privatePem: string, passphrase: string | null): ReleaseSignature {
  const isLocked = privatePem.includes("ENCRYPTED")
  const key = readKey(isLocked, () =>
    createPrivateKey({ key: privatePem, ...(passphrase === null ? {} : { passphrase }) }),
  )
  return { keyId: keyIdOf(createPublicKey(key)), signature: sign(null, signedBytes(payload), key).toString("base64") }
}

/** The public keys of a PEM file, one or several. Throws `KeyFault`. */
export function readPublicKeys(text: string): readonly ReleaseKey[] {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g) ?? []
  if (blocks.length === 0) throw new KeyFault("holds no key in PEM")
  return blocks.map((pem) => {
    if (pem.includes("PRIVATE")) {
      throw new KeyFault("holds a private key: a server needs the public one, and the private one belongs elsewhere")
    }
    const key = readKey(false, () => createPublicKey(pem))
    return { id: keyIdOf(key), key }
  })
}

/** Whether the signature is that key's on that text. */
export function isSignedBy({ key }: ReleaseKey, payload: string, { signature }: ReleaseSignature): boolean {
  return verify(null, signedBytes(payload), key, Buffer.from(signature, "base64"))
}

function readKey(isLocked: boolean, read: () => KeyObject): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch (error) {
    throw new KeyFault(
      isLocked ? "is locked, and the passphrase is missing or wrong" : "holds no key in PEM that can be read",
      { cause: error },
    )
  }
  if (key.asymmetricKeyType !== "ed25519") throw new KeyFault(`holds a key of ${key.asymmetricKeyType}, not of Ed25519`)
  return key
}

function keyIdOf(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16)
}
