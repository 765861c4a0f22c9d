import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ByteReader } from "../../kit/byte-reader.ts"
import { ByteWriter } from "../../kit/byte-writer.ts"
import { fromHex, hex } from "../../kit/bytes.ts"
import { addressOf, centreAddress, numberOf, transferAddress } from "./address.ts"
import { decodeSeptets, encodeSeptets } from "./alphabet.ts"
import { decodeDataCoding, encodeDataCoding } from "./data-coding.ts"
import { packedLength, packSeptets, unpackSeptets } from "./septets.ts"
import { deliveryReport } from "./status.ts"
import { relativeOctet, validityFields } from "./time.ts"
import vectors from "./vectors.json" with { type: "json" }

const bytes = (text: string) => fromHex(text) ?? new Uint8Array(0)

describe("septets", () => {
  it.each(vectors.packing)("pack $text as the standard does: $source", ({ text, fillBits, octets }) => {
    const septets = encodeSeptets(text) ?? new Uint8Array(0)
    expect(hex(packSeptets(septets, fillBits))).toBe(octets)
    expect(decodeSeptets(unpackSeptets(bytes(octets), septets.length, fillBits))).toBe(text)
  })

  it("come back whatever they are and however many bits stand before them", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(127), { maxLength: 160 }), fc.nat(6), (values, fillBits) => {
        const septets = Uint8Array.from(values)
        const packed = packSeptets(septets, fillBits)
        expect(packed.length).toBe(packedLength(septets.length, fillBits))
        expect(unpackSeptets(packed, septets.length, fillBits)).toEqual(septets)
      }),
    )
  })

  it("spell every character of the alphabet but the escape, which stands for a space", () => {
    for (let septet = 0; septet < 128; septet++) {
      const text = decodeSeptets(Uint8Array.of(septet))
      expect(text).toHaveLength(1)
      if (septet !== 0x1b) expect(encodeSeptets(text)).toEqual(Uint8Array.of(septet))
    }
    expect(decodeSeptets(Uint8Array.of(0x1b))).toBe(" ")
  })

  it("take two of themselves for each character of the extension table", () => {
    expect(encodeSeptets("^{}\\[~]|€")).toEqual(bytes("1b141b281b291b2f1b3c1b3d1b3e1b401b65"))
    expect(decodeSeptets(bytes("1b41"))).toBe("A")
  })

  it("refuse a text outside the alphabet", () => {
    expect(encodeSeptets("日本")).toBeNull()
    expect(encodeSeptets("a\0b")).toBeNull()
  })
})

describe("the data coding octet", () => {
  it.each(vectors.dataCoding)("$octet means $alphabet, class $messageClass: $source", (row) => {
    expect(decodeDataCoding(row.octet)).toMatchObject({ alphabet: row.alphabet, messageClass: row.messageClass })
  })

  it("is written so that it reads back, and a reserved one is never an error", () => {
    for (const alphabet of ["gsm7", "octets", "ucs2"] as const) {
      for (const messageClass of [null, 0, 1, 2, 3] as const) {
        const octet = encodeDataCoding(alphabet, messageClass)
        expect(decodeDataCoding(octet)).toMatchObject({ alphabet, messageClass, isCompressed: false, waiting: null })
      }
    }
    for (let octet = 0; octet < 256; octet++) expect(decodeDataCoding(octet).alphabet).toBeTypeOf("string")
  })

  it("tells message-waiting indications and compressed texts", () => {
    expect(decodeDataCoding(0xc9).waiting).toEqual({ isStored: false, isActive: true, kind: "fax" })
    expect(decodeDataCoding(0xd0).waiting).toEqual({ isStored: true, isActive: false, kind: "voicemail" })
    expect(decodeDataCoding(0x20).isCompressed).toBe(true)
    expect(decodeDataCoding(0x44)).toMatchObject({ alphabet: "octets", isDeletedAfterReading: true })
  })
})

describe("an address", () => {
  it.each(vectors.addresses)("$number stands on the wire as in the standard: $source", ({ number, octets }) => {
    const writer = new ByteWriter()
    transferAddress.write(writer, addressOf(number))
    expect(hex(writer.finish())).toBe(octets)
    expect(numberOf(transferAddress.read(new ByteReader(bytes(octets))))).toBe(number)
  })

  it("comes back as it was written, alone and as a service centre's", () => {
    const number = fc.stringMatching(/^(\+[0-9]{1,20}|[0-9*#abc]{1,20}|[A-Z][a-z]{0,10})$/)
    fc.assert(
      fc.property(number, (text) => {
        const address = addressOf(text)
        const writer = new ByteWriter()
        transferAddress.write(writer, address)
        expect(transferAddress.read(new ByteReader(writer.finish()))).toEqual(address)
        if (address.type === "alphanumeric") return
        const centre = new ByteWriter()
        centreAddress.write(centre, address)
        expect(centreAddress.read(new ByteReader(centre.finish()))).toEqual(address)
      }),
    )
  })

  it("that no message can carry is refused before it is written", () => {
    for (const text of ["", "+", "+123456789012345678901", "a name of more than eleven letters", "日本"]) {
      expect(() => addressOf(text), text).toThrow(RangeError)
    }
  })
})

describe("a validity period", () => {
  it.each(vectors.relativeValidity)("of octet $octet is $minutes minutes: $source", ({ octet, minutes }) => {
    expect(validityFields[2]?.read(new ByteReader(Uint8Array.of(octet)))).toEqual({ format: "relative", minutes })
    expect(relativeOctet(minutes)).toBe(octet)
  })

  it("is never written shorter than asked, up to the longest there is", () => {
    for (let minutes = 1; minutes <= 635_040; minutes += 37) {
      const read = validityFields[2]?.read(new ByteReader(Uint8Array.of(relativeOctet(minutes))))
      expect(read?.format === "relative" && read.minutes >= minutes, `${minutes}`).toBe(true)
    }
    expect(relativeOctet(9_999_999)).toBe(255)
  })

  it.each([null, 1, 255, 256, 86_399])("of the enhanced form keeps %s seconds", (seconds) => {
    const writer = new ByteWriter()
    const value = { format: "enhanced", isSingleShot: true, seconds } as const
    validityFields[1]?.write(writer, value)
    expect(writer.finish()).toHaveLength(7)
    expect(validityFields[1]?.read(new ByteReader(writer.finish()))).toEqual(value)
  })
})

describe("a delivery status", () => {
  it("says whether the message came, may still come or never will", () => {
    expect(deliveryReport(0x00).state).toBe("delivered")
    expect(deliveryReport(0x21).state).toBe("trying")
    expect(deliveryReport(0x46)).toEqual({ state: "failed", words: "validity period expired" })
    expect(deliveryReport(0x62).state).toBe("failed")
    expect(deliveryReport(0x3f).state).toBe("trying")
    expect(deliveryReport(0xff).state).toBe("failed")
  })
})
