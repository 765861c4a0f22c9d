/** Base64 (RFC 4648 §4) in plain arithmetic: the pure rooms have no Buffer. */

const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

export function toBase64(octets: Uint8Array): string {
  let text = ""
  for (let at = 0; at < octets.length; at += 3) {
    const [a = 0, b, c] = octets.subarray(at, at + 3)
    const bits = (a << 16) | ((b ?? 0) << 8) | (c ?? 0)
    const four = [18, 12, 6, 0].map((shift) => characters[(bits >> shift) & 0x3f] ?? "").join("")
    text += b === undefined ? `${four.slice(0, 2)}==` : c === undefined ? `${four.slice(0, 3)}=` : four
  }
  return text
}

/** Null when the text is no base64 as RFC 4648 writes it: whole groups, padded, the spare bits zero. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null
  const digits = text.replace(/=+$/, "")
  const octets = new Uint8Array(Math.floor((digits.length * 6) / 8))
  let bits = 0
  let count = 0
  let at = 0
  for (const digit of digits) {
    bits = ((bits << 6) | characters.indexOf(digit)) & 0xffffff
    count += 6
    if (count < 8) continue
    count -= 8
    octets[at++] = (bits >> count) & 0xff
  }
  return (bits & ((1 << count) - 1)) === 0 ? octets : null
}
