import { createHash, timingSafeEqual } from "node:crypto"

/** The text that a token or session is presented by: it is known for what it is wherever it is found. */
export function textOf({ id }: { readonly id: string }, secret: string): string {
  return `waft_${id}_${secret}`
}

/** The id and the secret of such a text; what is none names nothing. */
export function partsOf(text: string): { readonly id: string; readonly secret: string } {
  const [, id = "", secret = ""] = /^waft_([ts]-[a-z0-9]{1,40})_([a-z0-9]{1,64})$/.exec(text) ?? []
  return { id, secret }
}

/** What is kept of a secret that a random source made; a secret that a person chose needs more than this. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex")
}

/** Whether a secret is the one that was hashed, in a time that tells nothing. */
export function isHashOf(hash: string, secret: string): boolean {
  const [known, given] = [Buffer.from(hash, "hex"), createHash("sha256").update(secret).digest()]
  return known.length === given.length && timingSafeEqual(known, given)
}
