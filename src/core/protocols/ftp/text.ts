import { fromLatin1 } from "../../kit/bytes.ts"

/**
 * Text on an FTP control connection. RFC 2640 §2.1 asks for UTF-8; older devices send whatever their code page holds, so
 * bytes that are no UTF-8 are read as Latin-1: one byte, one character, none lost.
 */
const encoder = new TextEncoder()
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Decodes one line or reply: UTF-8 where the bytes are valid UTF-8, else Latin-1. */
export function decodeText(bytes: Uint8Array): string {
  if (isAscii(bytes)) return fromLatin1(bytes)
  try {
    return utf8.decode(bytes)
  } catch {
    return fromLatin1(bytes)
  }
}

/** Encodes text for the wire as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x7f) return false
  return true
}
