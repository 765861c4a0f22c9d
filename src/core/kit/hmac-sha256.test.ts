import { createHmac } from "node:crypto"
import fc from "fast-check"
import { expect, it } from "vitest"
import { latin1 } from "./bytes.ts"
import { hmacSha256 } from "./hmac-sha256.ts"

it("HMAC-SHA-256 in plain arithmetic gives what RFC 4231 writes down (test cases 1, 2 and 6)", () => {
  const cases = [
    [new Uint8Array(20).fill(0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      latin1("Jefe"),
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      new Uint8Array(131).fill(0xaa),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ] as const
  for (const [key, message, tag] of cases) expect(hex(hmacSha256(key, latin1(message)))).toBe(tag)
})

it("HMAC-SHA-256 in plain arithmetic and the platform's give the same", () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  fc.assert(
    fc.property(bytes, bytes, (key, message) => {
      expect(hex(hmacSha256(key, message))).toBe(createHmac("sha256", key).update(message).digest("hex"))
    }),
    { numRuns: 30 },
  )
})

function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("")
}
