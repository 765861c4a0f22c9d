import { concat, fromLatin1, latin1 } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { maxPfmOctets, minPfmOctets } from "./pfm-codec.ts"

/** How PFM messages travel: in one SMS, 8-bit of class 0 or 7-bit without a class (§3.1.2), or framed on a TCP socket. */

export type SmsCoding = "8-bit-class-0" | "7-bit-no-class"

/** 160 characters of base64. */
export const maxTextFormOctets = 120
const maxTextChars = 160

/**
 * What an SMS carries for a message: its octets, or the characters of its text form, one in each byte. Those characters
 * have the same numbers in ASCII and in the GSM alphabet. Throws `RangeError` when it does not fit into one SMS.
 */
export function smsBytes(octets: Uint8Array, coding: SmsCoding): Uint8Array {
  const most = coding === "8-bit-class-0" ? maxPfmOctets : maxTextFormOctets
  if (octets.length > most) throw new RangeError(`${octets.length} octets in an SMS that carries ${most} (${coding})`)
  return coding === "8-bit-class-0" ? octets : latin1(toBase64(octets))
}

/** The octets of a message in either form, as `smsBytes` made them; null when they are neither: an ordinary SMS. */
export function octetsOfSms(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length > maxTextChars) return null
  // The marker is no character of the text form, so the first octet tells the two apart.
  const octets = (bytes[0] ?? 0) > 0x7f ? bytes : fromBase64(fromLatin1(bytes))
  return octets === null || octets.length < minPfmOctets || octets.length > maxPfmOctets ? null : octets
}

const lengthOctets = 2

/** A message with its length before it, two octets, as it stands on a TCP socket. */
export function frameOf(octets: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(octets.length >> 8, octets.length & 0xff), octets])
}

/** Octets of the first frame on a socket from its first octets, the length included; null = more are needed to tell. */
export function frameOctets(head: Uint8Array): number | null {
  if (head.length < lengthOctets) return null
  const length = ((head[0] ?? 0) << 8) | (head[1] ?? 0)
  if (length < minPfmOctets || length > maxPfmOctets) {
    throw new MalformedMessage(`a message that says it has ${length} octets`)
  }
  return lengthOctets + length
}

/** The message in a whole frame. */
export function octetsOfFrame(frame: Uint8Array): Uint8Array {
  return frame.subarray(lengthOctets)
}

/** Cuts the bytes of a TCP socket into messages, however the packets were cut. It never holds more than one message. */
export class PfmCutter {
  #pending: Uint8Array = new Uint8Array(0)

  /** Takes in one packet; gives the messages that it completed. Throws `MalformedMessage` for a length that none has. */
  push(packet: Uint8Array): readonly Uint8Array[] {
    const bytes = concat([this.#pending, packet])
    const messages: Uint8Array[] = []
    let at = 0
    for (;;) {
      const length = frameOctets(bytes.subarray(at))
      if (length === null || bytes.length - at < length) break
      messages.push(octetsOfFrame(bytes.slice(at, at + length)))
      at += length
    }
    this.#pending = bytes.slice(at)
    return messages
  }

  /** Whether a message has begun and is not whole. */
  get isInside(): boolean {
    return this.#pending.length > 0
  }
}
