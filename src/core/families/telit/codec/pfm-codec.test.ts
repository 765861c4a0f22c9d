import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, fromLatin1, hex, latin1 } from "../../../kit/bytes.ts"
import { MalformedMessage } from "../../../kit/malformed-message.ts"
import { encodeSeptets } from "../../../protocols/sms/alphabet.ts"
import { fromBase64, toBase64 } from "./base64.ts"
import { frameOctets, frameOf, maxTextFormOctets, octetsOfSms, PfmCutter, smsBytes } from "./pfm-carriers.ts"
import { maxPfmOctets, waftCodec } from "./pfm-codec.ts"
import { pfmKeys } from "./pfm-keys.ts"
import { isFromModule, type PfmMessage, type PfmName, pfmTable } from "./pfm-table.ts"
import vectors from "../vectors.json" with { type: "json" }

const { imei } = vectors
const keys = pfmKeys(vectors.secret, imei)
const otherKeys = pfmKeys(vectors.secret.replace("0", "1"), imei)
const bytes = (text: string) => fromHex(text) ?? new Uint8Array(0)
const read = (octets: string) => {
  const message = waftCodec.decode(bytes(octets), keys)
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
      expect(hex(waftCodec.encode(message as unknown as PfmMessage, keys))).toBe(octets)
      expect(waftCodec.imeiOf(bytes(octets))).toBe(imei)
    },
  )

  it("of every name stands in the vectors, and no two have one number", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(pfmTable).sort())
    expect(new Set(Object.values(pfmTable).map((row) => row.number)).size).toBe(rows.length)
  })

  it("that tells of the module fits into one SMS in both forms with every field at its longest", () => {
    for (const { octets } of rows) expect(octets.length / 2).toBeLessThanOrEqual(maxTextFormOctets)
    const identity = {
      number: "9".repeat(20),
      imsi: "9".repeat(15),
      plmn: "310410",
      model: "x".repeat(16),
      firmware: "y".repeat(16),
      apn: "z".repeat(32),
      variant: "ip",
    } as const
    for (const name of ["remoteRegistration", "notified", "updateRequest"] as const) {
      const message = { name, imei, transaction: 0xffffffff, fields: identity }
      expect(waftCodec.encode(message, keys).length).toBeLessThanOrEqual(maxTextFormOctets)
    }
  })

  it("that names an FTP server fits into one SMS in both forms with a ticket and a host name of 32 characters", () => {
    const ask = { mode: "manual", answerSeconds: 0xffff } as const
    const ticket = { ftpUser: "u".repeat(12), ftpPassword: "p".repeat(12), ftpPath: "fw.pkg" }
    const fields = { ...ask, ...ticket, ftpHost: "h".repeat(32), ftpPort: 65_535, sizeBytes: 0xffffffff }
    const message = { name: "command", imei, transaction: 1, fields } as const
    expect(waftCodec.encode(message, keys).length).toBeLessThanOrEqual(maxTextFormOctets)
    const long = { ...fields, ftpHost: "h".repeat(40), ftpPath: "f".repeat(40), ftpPassword: "p".repeat(24) }
    expect(() => waftCodec.encode({ ...message, fields: long }, keys)).toThrow(RangeError)
  })

  it("under another key, or with any bit changed, is forged or none", () => {
    for (const { octets } of rows) {
      const whole = bytes(octets)
      expect(waftCodec.decode(whole, otherKeys)).toBe("forged")
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const changed = whole.slice()
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        if (typeof readOrNone(changed) === "object") throw new Error(`bit ${bit} of ${octets}`)
      }
    }
  })

  it("is not taken from the wrong side: each direction has a key of its own", () => {
    const exchanged = { ...keys, toModule: keys.toServer, toServer: keys.toModule }
    for (const { octets } of rows) expect(waftCodec.decode(bytes(octets), exchanged)).toBe("forged")
  })

  it("that is cut anywhere is forged or none", () => {
    for (const { octets } of rows) {
      const whole = bytes(octets)
      for (let end = 0; end < whole.length; end++) {
        if (typeof readOrNone(whole.subarray(0, end)) === "object") throw new Error(`${octets} at ${end}`)
      }
    }
  })

  it("of random bytes under a right tag is read or malformed", () => {
    fc.assert(
      fc.property(fc.nat(0x20), fc.uint8Array({ maxLength: 100 }), (type, body) => {
        const frame = concat([Uint8Array.of(0xa7, 1, type), bytes(`${imei}f`), new Uint8Array(4), body])
        const read = readOrNone(signed(frame))
        expect(read).not.toBe("forged")
        if (typeof read === "object") expect(hex(waftCodec.encode(read, keys))).toBe(hex(signed(frame)))
      }),
      { numRuns: 1000 },
    )
  })

  it("of random bytes altogether is none or forged", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(readOrNone(octets)).toBe("none")
        expect(readOrNone(concat([Uint8Array.of(0xa7, 1, 1), bytes(`${imei}f`), octets]))).toMatch(/^(forged|none)$/)
      }),
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

  it("has keys that other programs derive alike, of no short secret", () => {
    expect(hex(keys.toModule)).toBe(vectors.keys.toModule)
    expect(hex(keys.toServer)).toBe(vectors.keys.toServer)
    expect(hex(pfmKeys(vectors.secret, "357464030012346").toServer)).not.toBe(vectors.keys.toServer)
    expect(() => pfmKeys("fifteen letters", imei)).toThrow(RangeError)
  })
})

/** A message, that it is forged, or that it is none. */
function readOrNone(octets: Uint8Array): PfmMessage | "forged" | "none" {
  try {
    return waftCodec.decode(octets, keys)
  } catch (error) {
    if (error instanceof MalformedMessage) return "none"
    throw error
  }
}

/** A frame with a right tag, made by the platform. */
function signed(frame: Uint8Array): Uint8Array {
  const name = Object.values(pfmTable).find(({ number }) => number === frame[2])
  const key = name?.from === "server" ? keys.toModule : keys.toServer
  return concat([frame, createHmac("sha256", key).update(frame).digest().subarray(0, 8)])
}

describe("an SMS", () => {
  it.each(rows)("carries $name as octets of class 0 and as text without a class", ({ octets, text }) => {
    const whole = bytes(octets)
    expect(hex(smsBytes(whole, "8-bit-class-0"))).toBe(octets)
    expect(octetsOfSms(whole)).toEqual(whole)
    const asText = smsBytes(whole, "7-bit-no-class")
    expect(fromLatin1(asText)).toBe(text)
    expect(octetsOfSms(asText)).toEqual(whole)
    // The same numbers in ASCII and in the GSM alphabet: nothing on the way can translate them wrongly.
    expect(encodeSeptets(text)).toEqual(asText)
  })

  it("of any other content is an ordinary message", () => {
    for (const text of ["", "Call me", "pwEB", "A".repeat(164), `\xa7${"x".repeat(10)}`, `\xa7${"x".repeat(150)}`]) {
      expect(octetsOfSms(latin1(text)), text).toBeNull()
    }
  })

  it("holds 140 octets, or 120 as text", () => {
    expect(smsBytes(new Uint8Array(maxPfmOctets), "8-bit-class-0")).toHaveLength(140)
    expect(() => smsBytes(new Uint8Array(141), "8-bit-class-0")).toThrow(RangeError)
    expect(smsBytes(new Uint8Array(120), "7-bit-no-class")).toHaveLength(160)
    expect(() => smsBytes(new Uint8Array(121), "7-bit-no-class")).toThrow(RangeError)
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
    for (const [high, low] of [
      [0, 0],
      [0, 22],
      [0, 141],
      [1, 0],
      [255, 255],
    ] as const) {
      expect(() => new PfmCutter().push(Uint8Array.of(high, low))).toThrow(MalformedMessage)
      expect(() => frameOctets(Uint8Array.of(high, low))).toThrow(MalformedMessage)
    }
    expect(frameOctets(Uint8Array.of(0))).toBeNull()
    expect(frameOctets(Uint8Array.of(0, 23, 0xa7))).toBe(25)
    const cutter = new PfmCutter()
    expect(cutter.push(Uint8Array.of(0))).toEqual([])
    expect(cutter.isInside).toBe(true)
  })
})
