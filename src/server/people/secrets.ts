import { createHash, timingSafeEqual } from "node:crypto"

/** What is kept of a secret that a random source made; a secret that a person chose needs more than this. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}

/** Whether a secret is the one that was hashed, in a time that tells nothing. */
export function isHashOf(hash: string, secret: string): boolean {
  const [known, given] = [Buffer.from(hash, "hex"), createHash("sha256").update(secret).digest()]
  return known.length === given.length && timingSafeEqual(known, given)
}
