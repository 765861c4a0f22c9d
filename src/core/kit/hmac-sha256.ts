import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"

/** HMAC-SHA-256 (RFC 2104, FIPS 180-4): the 32 octets for a key and a message. */
export type HmacSha256 = (key: Uint8Array, message: Uint8Array) => Uint8Array

/** In plain arithmetic, for the pure rooms; a program with the platform's own hands that in. */
export const hmacSha256: HmacSha256 = (key, message) => hmac(sha256, key, message)
