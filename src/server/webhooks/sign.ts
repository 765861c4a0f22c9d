import { createHmac } from "node:crypto"

/** How a webhook's secret is written: Standard Webhooks 1.0, "Signature scheme". */
export const secretPrefix = "whsec_"

/**
 * The headers of a message as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and body with the key that the secret
 * is the base64 of. `id` is the same at every try.
 */
export function signedHeaders(
  secret: string,
  { id, atMs, body }: { readonly id: string; readonly atMs: number; readonly body: string },
): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(atMs / 1000))
  const key = Buffer.from(secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : secret, "base64")
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": seconds,
    "webhook-signature": `v1,${signature}`,
  }
}
