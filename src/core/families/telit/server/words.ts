import type { HmacSha256 } from "../../../kit/hmac-sha256.ts"
import { masked } from "../../../domain/wire/mask.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { frameOctets, octetsOfFrame, octetsOfSms } from "../codec/pfm-carriers.ts"
import { waftCodec } from "../codec/pfm-codec.ts"
import { pfmKeys } from "../codec/pfm-keys.ts"

/** A message by its name and fields, as an operator reads it; passwords are not shown. */
export function messageWords(
  bytes: Uint8Array,
  { id, secret, hmac }: { readonly id: string; readonly secret: string; readonly hmac?: HmacSha256 },
): string {
  const octets = octetsOfSms(bytes) ?? framed(bytes)
  if (octets === null) return `${bytes.length} bytes that are no message`
  try {
    const message = waftCodec.decode(octets, pfmKeys(secret, id, hmac))
    if (message === "forged") return `${octets.length} bytes in the name of ${id}, and not by its key`
    const fields = Object.entries(message.fields).map(([name, value]) =>
      name === "password" ? `password=${masked}` : `${name}=${String(value)}`,
    )
    return [message.name, `transaction=${message.transaction}`, ...fields].join(" ")
  } catch (error) {
    if (error instanceof MalformedMessage || error instanceof RangeError)
      return `${octets.length} bytes: ${error.message}`
    throw error
  }
}

function framed(bytes: Uint8Array): Uint8Array | null {
  try {
    return frameOctets(bytes) === bytes.length ? octetsOfFrame(bytes) : null
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}
