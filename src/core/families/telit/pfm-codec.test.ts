import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, fromLatin1, hex } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { frameOf, maxTextFormOctets, octetsOfSms, PfmCutter, smsOf } from "./pfm-carriers.ts"
import { maxPfmOctets, waftCodec } from "./pfm-codec.ts"
import { isFromModule, type PfmMessage, type PfmName, type PfmOf, pfmTable } from "./pfm-table.ts"
import vectors from "./vectors.json" with { type: "json" }

const key = Uint8Array.from({ length: 16 }, (_, index) => index)
const otherKey = key.map((octet) => octet ^ 0x80)
const imei = "357464030012345"
const bytes = (text: string) => fromHex(text) ?? new Uint8Array(0)
const read = (octets: string) => {
  const message = waftCodec.decode(bytes(octets), key)
  if (message === "forged") throw new Error("forged")
  return message
}
const rows = vectors.messages

describe("a PFM message", () => {
  it.each(rows)(
    "$name is read and written as another program does (§$section)",
    ({ name, transaction, fields, octets }) => {
      const message = { name, imei, transaction, fields }
      expect(read(octets)).toEqual(message)
      expect(hex(waftCodec.encode(message as unknown as PfmMessage, key))).toBe(octets)
      expect(waftCodec.imeiOf(bytes(octets))).toBe(imei)
    },
  )

  it("of every name stands in the vectors, and no two have one number", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(pfmTable).sort())
    expect(new Set(Object.values(pfmTable).map((row) => row.number)).size).toBe(rows.length)
  })

  it("fits into one SMS with every field at its longest, but for what names an FTP server, which is checked", () => {
    for (const { octets } of rows) expect(octets.length / 2).toBeLessThanOrEqual(maxTextFormOctets)
    const identity: PfmOf<"remoteRegistration"> = {
      name: "remoteRegistration",
      imei,
      transaction: 0xffffffff,
      fields: {
        number: "9".repeat(20),
        imsi: "9".repeat(15),
        plmn: "310410",
        model: "x".repeat(16),
        firmware: "y".repeat(16),
        apn: "z".repeat(32),
        variant: "ip",
      },
    }
    expect(waftCodec.encode(identity, key).length).toBeLessThanOrEqual(maxTextFormOctets)
    const ftp: PfmOf<"test"> = {
      name: "test",
      imei,
      transaction: 1,
      fields: {
        ftpHost: "h".repeat(40),
        ftpPort: 21,
        ftpUser: "u".repeat(16),
        ftpPassword: "p".repeat(24),
        ftpPath: "f".repeat(40),
      },
    }
    expect(() => waftCodec.encode(ftp, key)).toThrow(RangeError)
  })

  it("under another key, or with any bit changed, is forged or none", () => {
    for (const { octets } of rows) {
      const whole = bytes(octets)
      expect(waftCodec.decode(whole, otherKey)).toBe("forged")
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const changed = whole.slice()
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        if (waftCodec.imeiOf(changed) !== null && waftCodec.decode(changed, key) !== "forged")
          throw new Error(`bit ${bit}`)
      }
    }
  })

  it("that is cut anywhere is forged or none", () => {
    for (const { octets } of rows) {
      const whole = bytes(octets)
      for (let end = 0; end < whole.length; end++) {
        const cut = whole.subarray(0, end)
        if (waftCodec.imeiOf(cut) === null) expect(() => waftCodec.decode(cut, key)).toThrow(MalformedMessage)
        else expect(waftCodec.decode(cut, key)).toBe("forged")
      }
    }
  })

  it("of random bytes under a right tag is read or malformed", () => {
    const number = fc.nat(0x20)
    fc.assert(
      fc.property(number, fc.uint8Array({ maxLength: 100 }), (type, body) => {
        const frame = concat([Uint8Array.of(0xa7, 1, type), bytes(`${imei}f`), new Uint8Array(4), body])
        try {
          waftCodec.decode(signed(frame), key)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it("of another version is none of ours", () => {
    const whole = bytes(rows[1]?.octets ?? "")
    whole[1] = 2
    expect(waftCodec.imeiOf(whole)).toBeNull()
  })

  it("comes from one side only", () => {
    expect(isFromModule(read(rows[0]?.octets ?? ""))).toBe(true)
    expect(isFromModule(read(rows[1]?.octets ?? ""))).toBe(false)
    for (const name of Object.keys(pfmTable) as PfmName[]) expect(pfmTable[name].section).not.toBe("")
  })

  it("is not tagged under a short key", () => {
    const message = read(rows[1]?.octets ?? "")
    expect(() => waftCodec.encode(message, new Uint8Array(15))).toThrow(RangeError)
  })
})

/** A frame with a right tag, made by the platform. */
function signed(frame: Uint8Array): Uint8Array {
  return concat([frame, createHmac("sha256", key).update(frame).digest().subarray(0, 8)])
}

describe("an SMS", () => {
  it.each(rows)("carries $name as octets of class 0 and as text without a class", ({ octets, text }) => {
    const whole = bytes(octets)
    const asOctets = smsOf(whole, "octets")
    expect(asOctets).toEqual({ alphabet: "octets", messageClass: 0, data: whole })
    expect(octetsOfSms(asOctets)).toEqual(whole)
    const asText = smsOf(whole, "text")
    expect(asText).toMatchObject({ alphabet: "gsm7", messageClass: null })
    expect(fromLatin1(asText.data)).toBe(text)
    expect(octetsOfSms(asText)).toEqual(whole)
  })

  it("of another class or alphabet is an ordinary message", () => {
    const data = bytes(rows[0]?.octets ?? "")
    expect(octetsOfSms({ alphabet: "octets", messageClass: null, data })).toBeNull()
    expect(octetsOfSms({ alphabet: "octets", messageClass: 2, data })).toBeNull()
    expect(octetsOfSms({ alphabet: "ucs2", messageClass: null, data })).toBeNull()
    expect(octetsOfSms({ alphabet: "gsm7", messageClass: 0, data })).toBeNull()
    expect(octetsOfSms({ alphabet: "gsm7", messageClass: null, data: new Uint8Array([1, 2, 3]) })).toBeNull()
  })

  it("holds 140 octets, or 120 as text", () => {
    expect(smsOf(new Uint8Array(maxPfmOctets), "octets").data).toHaveLength(140)
    expect(() => smsOf(new Uint8Array(141), "octets")).toThrow(RangeError)
    expect(smsOf(new Uint8Array(120), "text").data).toHaveLength(160)
    expect(() => smsOf(new Uint8Array(121), "text")).toThrow(RangeError)
  })
})

describe("base64", () => {
  it("agrees with the platform", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        expect(toBase64(octets)).toBe(Buffer.from(octets).toString("base64"))
        expect(fromBase64(toBase64(octets))).toEqual(octets)
      }),
    )
  })

  it("refuses what RFC 4648 does not write", () => {
    for (const text of ["A", "AA", "AA=", "A===", "====", "AB==", "AA=A", "AAA-", "AAA\n"])
      expect(fromBase64(text), text).toBeNull()
  })
})

describe("messages on a TCP socket", () => {
  const whole = rows.map(({ octets }) => bytes(octets))
  const stream = concat(whole.map(frameOf))

  it("are the same wherever a cut divides the bytes, and byte by byte", () => {
    const all = whole.map(hex).join()
    for (let cut = 0; cut <= stream.length; cut++) {
      const cutter = new PfmCutter()
      const messages = [...cutter.push(stream.subarray(0, cut)), ...cutter.push(stream.subarray(cut))]
      expect(messages.map(hex).join()).toBe(all)
      expect(cutter.isInside).toBe(false)
    }
    const cutter = new PfmCutter()
    expect(Array.from(stream, (octet) => cutter.push(Uint8Array.of(octet))).flat()).toEqual(whole)
  })

  it("of a length that none has end the connection", () => {
    expect(() => new PfmCutter().push(Uint8Array.of(0, 0))).toThrow(MalformedMessage)
    expect(() => new PfmCutter().push(Uint8Array.of(0, 141))).toThrow(MalformedMessage)
    const cutter = new PfmCutter()
    expect(cutter.push(Uint8Array.of(0))).toEqual([])
    expect(cutter.isInside).toBe(true)
  })
})
