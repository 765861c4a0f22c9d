import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromHex, hex } from "../../kit/bytes.ts"
import { MalformedMessage } from "../../kit/malformed-message.ts"
import { addressOf, numberOf } from "./address.ts"
import { encodeSeptets } from "./alphabet.ts"
import { decodeDataCoding } from "./data-coding.ts"
import { formatPduLine, parsePduLine } from "./pdu-line.ts"
import { decodeFromCentre, decodeFromMobile, encodeTpdu, type Tpdu } from "./tpdu.ts"
import { concatenationElement, concatenationOf, portElement, portsOf, textOf } from "./user-data.ts"
import vectors from "./vectors.json" with { type: "json" }

const bytes = (text: string) => fromHex(text) ?? new Uint8Array(0)
const iso = (stamp: { readonly atMs: number | null }) => new Date(stamp.atMs ?? Number.NaN).toISOString()

describe("SMS-DELIVER", () => {
  it.each(vectors.deliver)("is read and written as by hand: $source", ({ octets, message }) => {
    const read = decodeFromCentre(bytes(octets))
    if (read.kind !== "deliver") throw new Error(`read as ${read.kind}`)
    const { data, header } = read.userData
    expect({
      from: numberOf(read.from),
      coding: read.coding,
      sentAt: iso(read.sentAt),
      zoneQuarters: read.sentAt.zoneQuarters,
      noMoreMessages: read.noMoreMessages,
      ...("text" in message ? { text: textOf(data, decodeDataCoding(read.coding).alphabet) } : { data: hex(data) }),
      ...("part" in message ? { part: concatenationOf(header) } : {}),
    }).toEqual(message)
    expect(hex(encodeTpdu(read))).toBe(octets)
  })
})

describe("SMS-SUBMIT", () => {
  it.each(vectors.submit)("is read and written as by hand: $source", ({ octets, message }) => {
    const read = decodeFromMobile(bytes(octets))
    expect({
      to: numberOf(read.to),
      reference: read.reference,
      coding: read.coding,
      validityMinutes: read.validity.format === "relative" ? read.validity.minutes : null,
      statusReportWanted: read.statusReportWanted,
      ...("text" in message
        ? { text: textOf(read.userData.data, decodeDataCoding(read.coding).alphabet) }
        : { data: hex(read.userData.data) }),
    }).toEqual(message)
    expect(hex(encodeTpdu(read))).toBe(octets)
  })

  it("carries 160 septets or 140 octets and not one more", () => {
    const base = decodeFromMobile(bytes(vectors.submit[0]?.octets ?? ""))
    const septets = (count: number) => ({ ...base, userData: { header: null, data: new Uint8Array(count).fill(0x41) } })
    expect(encodeTpdu(septets(160)).length).toBe(154)
    expect(() => encodeTpdu(septets(161))).toThrow(RangeError)
    const octets = (count: number) => ({ ...septets(count), coding: 0x14 })
    expect(decodeFromMobile(encodeTpdu(octets(140))).userData.data).toHaveLength(140)
    expect(() => encodeTpdu(octets(141))).toThrow(RangeError)
  })
})

describe("SMS-STATUS-REPORT", () => {
  it.each(vectors.statusReport)("is read and written as by hand: $source", ({ octets, message }) => {
    const read = decodeFromCentre(bytes(octets))
    if (read.kind !== "statusReport") throw new Error(`read as ${read.kind}`)
    const { to, reference, sentAt, dischargedAt, status } = read
    expect({ to: numberOf(to), reference, sentAt: iso(sentAt), dischargedAt: iso(dischargedAt), status }).toEqual(
      message,
    )
    expect(hex(encodeTpdu(read))).toBe(octets)
  })
})

describe("a transfer unit", () => {
  const samples: readonly Tpdu[] = [
    ...vectors.deliver.map(({ octets }) => decodeFromCentre(bytes(octets))),
    ...vectors.submit.map(({ octets }) => decodeFromMobile(bytes(octets))),
  ]

  it("that is cut anywhere is malformed", () => {
    for (const sample of samples) {
      const octets = encodeTpdu(sample)
      const decode = sample.kind === "submit" ? decodeFromMobile : decodeFromCentre
      for (let end = 0; end < octets.length; end++) {
        expect(() => decode(octets.subarray(0, end)), `${sample.kind} at ${end}`).toThrow(MalformedMessage)
      }
    }
  })

  it("with octets behind the text is read from a centre (§9.2.3.16), and not written by us", () => {
    for (const sample of samples) {
      const octets = Uint8Array.from([...encodeTpdu(sample), 0x12, 0x34])
      if (sample.kind === "submit") expect(() => decodeFromMobile(octets)).toThrow(MalformedMessage)
      else expect(decodeFromCentre(octets)).toEqual(sample)
    }
  })

  it("is read whatever the octets of its time stamp are: §9.2.3.11 takes a digit that is none for 0", () => {
    const [first] = vectors.deliver
    const whole = bytes(first?.octets ?? "")
    const sample = decodeFromCentre(whole)
    const at = whole.length - encodeTpdu(sample).length + 1 + 2 + Math.ceil((whole[1] ?? 0) / 2) + 2
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 7, maxLength: 7 }), (stamp) => {
        const read = decodeFromCentre(Uint8Array.from([...whole.subarray(0, at), ...stamp, ...whole.subarray(at + 7)]))
        expect({ ...read, sentAt: null }).toEqual({ ...sample, sentAt: null })
      }),
    )
    for (const [stamp, read] of [
      ["62111241520000", "2026-11-21T14:25:00.000Z"],
      ["621112415200ff", "2026-11-22T07:55:00.000Z"],
      ["621112415200a0", "2026-11-21T14:25:00.000Z"],
      ["00000000000000", null],
      ["ffffffffffffff", null],
    ] as const) {
      const octets = Uint8Array.from([...whole.subarray(0, at), ...bytes(stamp), ...whole.subarray(at + 7)])
      const message = decodeFromCentre(octets)
      const atMs = message.kind === "deliver" ? message.sentAt.atMs : 0
      expect(atMs === null ? null : new Date(atMs).toISOString(), stamp).toBe(read)
    }
  })

  it("whose header breaks its own elements keeps its text (§9.2.3.24)", () => {
    // Class 0, 8 bits; the header says 3 octets, its element 9.
    const read = decodeFromCentre(bytes("4004a121430014621112415200000703000901deadbe"))
    expect(read.kind === "deliver" && [read.userData.header, hex(read.userData.data)]).toEqual([[], "deadbe"])
    // A header that is longer than the message is none.
    const longer = decodeFromCentre(bytes("4004a1214300146211124152000003ff0102"))
    expect(longer.kind === "deliver" && [longer.userData.header, hex(longer.userData.data)]).toEqual([null, "ff0102"])
  })

  it("whose sender's fill is counted as a digit has the same sender", () => {
    const odd = decodeFromCentre(bytes("000d91947132547698f000146211124152000001aa"))
    const counted = decodeFromCentre(bytes("000e91947132547698f000146211124152000001aa"))
    expect(odd.kind === "deliver" && numberOf(odd.from)).toBe("+4917234567890".slice(0, 14))
    expect(counted).toEqual(odd)
  })

  it("of random bytes is read or malformed, and what is read is written again with the same meaning", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (octets, isFromCentre) => {
        const decode = isFromCentre ? decodeFromCentre : decodeFromMobile
        let read: Tpdu
        try {
          read = decode(octets)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage)
          return
        }
        expect(() => JSON.stringify(read)).not.toThrow()
      }),
      { numRuns: 2000 },
    )
  })

  it("survives being written and read with any data, header and validity", () => {
    const header = fc.option(
      fc.array(fc.record({ id: fc.nat(255), data: fc.uint8Array({ maxLength: 10 }) }), { maxLength: 3 }),
    )
    const data = fc.uint8Array({ maxLength: 80 })
    const minutes = fc.constantFrom(5, 60, 1440, 43_200)
    fc.assert(
      fc.property(header, data, minutes, fc.boolean(), (elements, payload, validityMinutes, isBinary) => {
        const submit = {
          kind: "submit",
          rejectDuplicates: true,
          statusReportWanted: false,
          hasReplyPath: false,
          reference: 9,
          to: addressOf("+39335475718"),
          protocolId: 0,
          coding: isBinary ? 0x14 : 0x00,
          validity: { format: "relative", minutes: validityMinutes },
          userData: { header: elements, data: isBinary ? payload : payload.map((octet) => octet & 0x7f) },
        } as const satisfies Tpdu
        expect(decodeFromMobile(encodeTpdu(submit))).toEqual(submit)
      }),
    )
  })
})

describe("a user data header", () => {
  it("numbers the parts of a long message with 8 or 16 bits", () => {
    for (const part of [
      { reference: 7, total: 3, sequence: 1 },
      { reference: 700, total: 255, sequence: 255 },
    ]) {
      expect(concatenationOf([concatenationElement(part)])).toEqual(part)
    }
  })

  it.each(["070000", "070300", "070304"])("with the contradictory numbers %s is a whole message's", (octets) => {
    expect(concatenationOf([{ id: 0, data: bytes(octets) }])).toBeNull()
  })

  it("carries ports", () => {
    const ports = { destination: 2948, source: 9200 }
    expect(portsOf([portElement(ports)])).toEqual(ports)
    expect(hex(portElement(ports).data)).toBe("0b8423f0")
    expect(portsOf(null)).toBeNull()
  })
})

describe("a line in PDU mode", () => {
  it.each(vectors.pduLines)("is read and written as modems do: $source", ({ line, centre, tpdu }) => {
    const read = parsePduLine(line)
    expect({ centre: read.centre === null ? null : numberOf(read.centre), tpdu: hex(read.tpdu) }).toEqual({
      centre,
      tpdu,
    })
    expect(formatPduLine(read)).toBe(line)
  })

  it("is read behind a centre's address that makes no sense: only its length is needed", () => {
    const tpdu = "000d91947132547698f000146211124152000001aa"
    for (const centre of ["00", "0191", "0391f1f2", `0f91${"11".repeat(14)}`]) {
      expect(hex(parsePduLine(centre + tpdu).tpdu), centre).toBe(tpdu)
    }
  })

  it("of anything but hex is malformed", () => {
    for (const text of ["", "0", "zz", "07", "ff".repeat(40), "00".repeat(400)]) {
      expect(() => parsePduLine(text), text.slice(0, 10)).toThrow(MalformedMessage)
    }
  })

  it("shows a text in its alphabet", () => {
    expect(textOf(encodeSeptets("grüße €") ?? new Uint8Array(0), "gsm7")).toBe("grüße €")
    expect(textOf(bytes("00410042"), "ucs2")).toBe("AB")
    expect(textOf(bytes("41e9"), "octets")).toBe("Aé")
  })
})
