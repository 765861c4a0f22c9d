import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { hex, latin1 } from "./bytes.ts"
import { Sha256, sha256 } from "./sha256.ts"

describe("SHA-256", () => {
  it("gives the values printed in FIPS 180-2, appendix B", () => {
    expect(hex(sha256(latin1("abc")))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect(hex(sha256(latin1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")))).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    )
    expect(hex(sha256(new Uint8Array(0)))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it("agrees with the platform on any bytes in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
        const ours = new Sha256()
        const theirs = createHash("sha256")
        for (const piece of pieces) {
          ours.update(piece)
          theirs.update(piece)
        }
        expect(hex(ours.digest())).toBe(theirs.digest("hex"))
      }),
    )
  })
})
