import { concat } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import type { Alphabet, MessageClass } from "../../protocols/sms/data-coding.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { maxPfmOctets } from "./pfm-codec.ts"

/** How PFM messages travel: in one SMS, 8-bit of class 0 or 7-bit without a class (§3.1.2), or framed on a TCP socket. */

export type SmsForm = "octets" | "text"

export interface PfmSms {
  readonly alphabet: Alphabet
  readonly messageClass: MessageClass
  readonly data: Uint8Array
}

/** 160 characters of base64. */
export const maxTextFormOctets = 120

/** One SMS of a message. Throws `RangeError` when the text form cannot hold it. */
export function smsOf(octets: Uint8Array, form: SmsForm): PfmSms {
  if (form === "octets") {
    if (octets.length > maxPfmOctets) throw new RangeError(`${octets.length} octets in one SMS`)
    return { alphabet: "octets", messageClass: 0, data: octets }
  }
  if (octets.length > maxTextFormOctets) throw new RangeError(`${octets.length} octets in the text form`)
  // The characters of base64 have the same numbers in ASCII and in the GSM alphabet.
  const characters = toBase64(octets)
  return {
    alphabet: "gsm7",
    messageClass: null,
    data: Uint8Array.from(characters, (character) => character.charCodeAt(0)),
  }
}

/** The octets that an SMS carries; null when it is none of the two forms, an ordinary message. */
export function octetsOfSms({ alphabet, messageClass, data }: PfmSms): Uint8Array | null {
  if (alphabet === "octets") return messageClass === 0 ? data : null
  if (alphabet !== "gsm7" || messageClass !== null) return null
  return fromBase64(String.fromCharCode(...data))
}

/** A message with its length before it, two octets, as it stands on a TCP socket. */
export function frameOf(octets: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(octets.length >> 8, octets.length & 0xff), octets])
}

/** Cuts the bytes of a TCP socket into messages, however the packets were cut. */
export class PfmCutter {
  #pending: Uint8Array = new Uint8Array(0)

  /** Takes in one packet; gives the messages that it completed. Throws `MalformedMessage` for a length that none has. */
  push(packet: Uint8Array): readonly Uint8Array[] {
    const bytes = concat([this.#pending, packet])
    const messages: Uint8Array[] = []
    let at = 0
    while (bytes.length - at >= 2) {
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
      if (length === 0 || length > maxPfmOctets)
        throw new MalformedMessage(`a message that says it has ${length} octets`)
      if (bytes.length - at - 2 < length) break
      messages.push(bytes.slice(at + 2, at + 2 + length))
      at += 2 + length
    }
    this.#pending = bytes.slice(at)
    return messages
  }

  /** Whether a message has begun and is not whole. */
  get isInside(): boolean {
    return this.#pending.length > 0
  }
}
