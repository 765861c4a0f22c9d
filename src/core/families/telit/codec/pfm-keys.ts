import { latin1 } from "../../../kit/bytes.ts"
import { type HmacSha256, hmacSha256 } from "../../../kit/hmac-sha256.ts"

/** What the tags of one module's messages are made with: a key for each direction, so that nobody can send a message back. */
export interface PfmKeys {
  readonly toModule: Uint8Array
  readonly toServer: Uint8Array
  /** What makes the tags. */
  readonly hmac: HmacSha256
}

/** A device's secret has at least that many characters. */
export const minSecretChars = 16

/**
 * The keys of a module: HMAC-SHA-256 (RFC 2104, FIPS 180-4) under the device's own secret over the direction and the IMEI,
 * so that a secret given to two modules still gives them different keys. Throws `RangeError` for a short secret.
 */
export function pfmKeys(secret: string, imei: string, hmac: HmacSha256 = hmacSha256): PfmKeys {
  if (secret.length < minSecretChars) {
    throw new RangeError(`a secret of ${secret.length} characters; it must have ${minSecretChars} or more`)
  }
  const key = latin1(secret)
  const derive = (direction: string): Uint8Array => hmac(key, latin1(`waft pfm 1 ${direction} ${imei}`))
  return { toModule: derive("to module"), toServer: derive("to server"), hmac }
}
